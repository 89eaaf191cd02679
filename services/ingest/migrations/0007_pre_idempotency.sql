-- What a caller was told under its Idempotency-Key, written in the transaction of the submission it tells about, and
-- kept as long as that submission: whoever deletes one deletes the other. The body is stored as it was sent, because
-- the same words have to come again whatever the code has become by then.

CREATE TABLE idempotency (
    account_id    uuid NOT NULL,
    key           text NOT NULL COLLATE "C",
    position      integer NOT NULL,
    fingerprint   bytea NOT NULL,
    submission_id uuid NOT NULL,
    headers       jsonb NOT NULL,
    body          bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key, position)
);

COMMENT ON COLUMN idempotency.position IS 'of a batch: which item, from 1; else 0';

ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON idempotency TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON idempotency TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT ON idempotency TO {schema}_worker;
GRANT SELECT ON idempotency TO {schema}_api;
