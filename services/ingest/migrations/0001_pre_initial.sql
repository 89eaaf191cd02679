-- Accounts, what lets them in, and what they handed over.
--
-- Roles: the worker writes submissions of many accounts in one transaction (group commit) and is not
-- bound by account; its rows are chosen by an authenticated principal, never by user input. The api role
-- sees the rows of the account it has set, and no others; with none set every query is an error.

CREATE TABLE account (
    account_id uuid PRIMARY KEY,
    name       text NOT NULL,
    email      text NOT NULL,
    kvk        text,
    vat        text,
    iban       text,
    language   text NOT NULL DEFAULT 'nl' CHECK (language IN ('nl', 'en')),
    sequence   integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_key (
    key_id      text PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES account,
    secret_hash bytea NOT NULL,
    label       text NOT NULL,
    scopes      text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX api_key_account ON api_key (account_id);

-- The address is a secret that must be shown again (R15): looked up by keyed hash, kept encrypted.
CREATE TABLE mailbox (
    mailbox_id        uuid PRIMARY KEY,
    account_id        uuid NOT NULL REFERENCES account,
    address_hash      bytea NOT NULL UNIQUE,
    address_encrypted bytea NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    revoked_at        timestamptz
);
CREATE INDEX mailbox_account ON mailbox (account_id);

CREATE TABLE submission (
    submission_id uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES account,
    channel       text NOT NULL CHECK (channel IN ('api', 'mail', 'portal')),
    mail_from     text,
    mail_id       text,
    received_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX submission_account ON submission (account_id, submission_id);

-- One row per invoice, or per part of a mail that was refused (outcome quarantined).
-- `open` holds from receipt until the hub is done with it without delivering it: while it is open, or
-- delivered, the same bytes are the same invoice; after a rejection, return or failed delivery they are a
-- new one (SA21). Hence a partial unique index and no eternal key on the bytes.
CREATE TABLE invoice (
    invoice_id    uuid PRIMARY KEY,
    submission_id uuid NOT NULL REFERENCES submission,
    account_id    uuid NOT NULL,
    position      integer NOT NULL,
    filename      text,
    sha256        bytea NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('received', 'quarantined')),
    syntax        text,
    reason_code   text,
    reason        jsonb,
    open          boolean NOT NULL,
    closed_by     text,
    received_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX invoice_open ON invoice (account_id, sha256) WHERE open;
CREATE INDEX invoice_submission ON invoice (submission_id);

-- The same bytes, handed over again: which submission, and which invoice it already was.
CREATE TABLE repeat (
    submission_id uuid NOT NULL REFERENCES submission,
    invoice_id    uuid NOT NULL REFERENCES invoice,
    account_id    uuid NOT NULL,
    position      integer NOT NULL,
    sequence      integer NOT NULL,
    filename      text,
    PRIMARY KEY (submission_id, position)
);
CREATE INDEX repeat_invoice ON repeat (invoice_id);

ALTER TABLE account    ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key    ENABLE ROW LEVEL SECURITY;
ALTER TABLE mailbox    ENABLE ROW LEVEL SECURITY;
ALTER TABLE submission ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice    ENABLE ROW LEVEL SECURITY;
ALTER TABLE repeat     ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON account    TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON api_key    TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON mailbox    TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON submission TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON invoice    TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON repeat     TO {schema}_worker USING (true) WITH CHECK (true);

CREATE POLICY own ON account    TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON api_key    TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON mailbox    TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON submission TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON invoice    TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON repeat     TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT, UPDATE ON account, api_key, mailbox, submission, invoice, repeat TO {schema}_worker;
GRANT SELECT ON account, submission, invoice, repeat TO {schema}_api;
GRANT SELECT, INSERT, UPDATE ON api_key, mailbox TO {schema}_api;

-- Whoever knocks is not known yet, so no account can be set: two reviewed doors, each opened by a value
-- that only the right caller holds.
CREATE FUNCTION find_key(wanted text)
    RETURNS TABLE (account_id uuid, secret_hash bytea, scopes text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$ SELECT account_id, secret_hash, scopes FROM api_key WHERE key_id = wanted AND revoked_at IS NULL $$;

CREATE FUNCTION find_mailbox(wanted bytea)
    RETURNS TABLE (mailbox_id uuid, account_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$ SELECT mailbox_id, account_id FROM mailbox WHERE address_hash = wanted AND revoked_at IS NULL $$;

REVOKE ALL ON FUNCTION find_key(text), find_mailbox(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_key(text), find_mailbox(bytea) TO {schema}_api;
