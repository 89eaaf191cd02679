-- What connections need that nobody may read: each under a key of its own, that key wrapped under the key-encryption key
-- that `key_name` names. No role but the worker sees it.
CREATE TABLE credential (
    credential_id uuid PRIMARY KEY,
    party_id      uuid NOT NULL,
    purpose       text NOT NULL CHECK (purpose IN ('webhook', 'sftp')),
    key_name      text NOT NULL,
    wrapped_key   bytea NOT NULL,
    sealed        bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    ends_at       timestamptz
);
COMMENT ON COLUMN credential.ends_at IS 'another took its place; it holds until then, beside that one';
CREATE UNIQUE INDEX credential_current ON credential (party_id, purpose) WHERE ends_at IS NULL;
CREATE INDEX credential_party ON credential (party_id, purpose);

ALTER TABLE credential ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON credential TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON credential TO {schema}_worker;
