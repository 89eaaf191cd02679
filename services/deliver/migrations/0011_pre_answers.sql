-- What came back to the return path of a mail: reports, bounces, answers by programs. Kept once each; the mails themselves
-- are not kept.
CREATE TABLE answer (
    delivery_id uuid NOT NULL,
    digest      bytea NOT NULL,
    account_id  uuid NOT NULL,
    attempt     integer NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    kind        text NOT NULL CHECK (kind IN ('delivered', 'hard', 'soft', 'delayed', 'reply', 'other')),
    status      text NOT NULL,
    said        text NOT NULL,
    PRIMARY KEY (delivery_id, attempt, digest)
);

COMMENT ON COLUMN answer.digest IS 'SHA-256 of the mail: a server that asks twice is told once';
COMMENT ON COLUMN answer.attempt IS 'the attempt whose return path it came to';
COMMENT ON COLUMN answer.status IS 'RFC 3463, or empty';

ALTER TABLE answer ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON answer TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON answer TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT ON answer TO {schema}_worker;
GRANT SELECT ON answer TO {schema}_api;

-- An attempt the other side took and gave back: no receipt (`ledger` counts those that are `handed_over`).
ALTER TABLE attempt DROP CONSTRAINT attempt_outcome_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_outcome_check
    CHECK (outcome IN ('handed_over', 'failed', 'refused', 'unknown', 'not_begun', 'bounced')) NOT VALID;
