-- Sign-ins of people: a session stands for an API key, carries fewer rights, ends by itself, by signing out, or
-- with its key.

CREATE TABLE session (
    session_id  text PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES account,
    key_id      text NOT NULL REFERENCES api_key,
    secret_hash bytea NOT NULL,
    scopes      text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX session_account ON session (account_id, expires_at);

ALTER TABLE session ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON session TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON session TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT ON session TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO {schema}_api;

-- The third reviewed door, beside those of keys and mailboxes.
CREATE FUNCTION find_session(wanted text)
    RETURNS TABLE (account_id uuid, secret_hash bytea, scopes text[], expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT s.account_id, s.secret_hash, s.scopes, s.expires_at
          FROM session s JOIN api_key k USING (key_id)
         WHERE s.session_id = wanted AND s.ended_at IS NULL AND s.expires_at > now() AND k.revoked_at IS NULL
    $$;
REVOKE ALL ON FUNCTION find_session(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_session(text) TO {schema}_api;
