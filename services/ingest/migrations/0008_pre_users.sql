-- People of an account: who they are, what they may do, and the one-time links that let them in. Keys and key mailboxes
-- may end by themselves, so that one can be changed for another without a gap.

CREATE TABLE account_user (
    user_id       uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES account,
    email         text NOT NULL CHECK (email = lower(email)),
    role          text NOT NULL CHECK (role IN ('owner', 'bookkeeper', 'reader')),
    language      text NOT NULL CHECK (language IN ('nl', 'en')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    removed_at    timestamptz
);
-- The address is the user name, so it belongs to one person of one account.
CREATE UNIQUE INDEX account_user_email ON account_user (email) WHERE removed_at IS NULL;
CREATE INDEX account_user_account ON account_user (account_id);

-- An open door until it expires or is used; the token in the mail is not here (libs/links.py). `account_id` of a sign-up is
-- the account's to be. Kind 'nobody' stands for an address that is unknown: written so that an answer takes as long.
CREATE TABLE link (
    link_id    uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('sign-up', 'known', 'invitation', 'reset', 'nobody')),
    email      text,
    user_id    uuid,
    payload    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX link_account ON link (account_id);
CREATE INDEX link_expires ON link (expires_at);

ALTER TABLE api_key ADD COLUMN expires_at timestamptz, ADD COLUMN last_used_at timestamptz;
ALTER TABLE mailbox ADD COLUMN expires_at timestamptz;
ALTER TABLE account ADD COLUMN closed_at timestamptz;

-- A session stands for a key or for a user.
ALTER TABLE session ALTER COLUMN key_id DROP NOT NULL;
ALTER TABLE session ADD COLUMN user_id uuid REFERENCES account_user;
ALTER TABLE session ADD CONSTRAINT session_of_one CHECK (num_nonnulls(key_id, user_id) = 1);

ALTER TABLE account_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE link         ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON account_user TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON link         TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON account_user TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON link         TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT, UPDATE ON account_user, link TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE ON account_user, link TO {schema}_api;
GRANT UPDATE ON session TO {schema}_worker;
GRANT UPDATE (name, email, kvk, vat, iban, language, address, sequence, closed_at) ON account TO {schema}_api;

-- The doors that let a caller in whose account is not known yet; they give what has not ended.
DROP FUNCTION find_key(text);
CREATE FUNCTION find_key(wanted text)
    RETURNS TABLE (account_id uuid, secret_hash bytea, scopes text[], expires_at timestamptz, stale boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT account_id, secret_hash, scopes, expires_at,
               last_used_at IS NULL OR last_used_at < now() - interval '1 minute'
          FROM api_key
         WHERE key_id = wanted AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    $$;

CREATE FUNCTION find_user(wanted text)
    RETURNS TABLE (user_id uuid, account_id uuid, role text, language text, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT user_id, account_id, role, language, password_hash FROM account_user
         WHERE email = wanted AND removed_at IS NULL
    $$;

CREATE OR REPLACE FUNCTION find_mailbox(wanted bytea)
    RETURNS TABLE (mailbox_id uuid, account_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT mailbox_id, account_id FROM mailbox
         WHERE address_hash = wanted AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    $$;

DROP FUNCTION find_session(text);
CREATE FUNCTION find_session(wanted text)
    RETURNS TABLE (account_id uuid, secret_hash bytea, scopes text[], expires_at timestamptz, user_id uuid, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT s.account_id, s.secret_hash, s.scopes, least(s.expires_at, k.expires_at), u.user_id, u.role
          FROM session s
          LEFT JOIN api_key k USING (key_id)
          LEFT JOIN account_user u ON u.user_id = s.user_id
         WHERE s.session_id = wanted AND s.ended_at IS NULL AND s.expires_at > now() AND k.revoked_at IS NULL
           AND u.removed_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    $$;

REVOKE ALL ON FUNCTION find_key(text), find_user(text), find_session(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_key(text), find_user(text), find_session(text) TO {schema}_api;
