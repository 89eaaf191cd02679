-- What was decided about each invoice, and every finding.
--
-- Roles: the worker writes verdicts of many accounts in one transaction; the api role reads the rows of the
-- account it has set, and with none set every query is an error.

CREATE TABLE verdict (
    invoice_id  uuid NOT NULL,
    sequence    integer NOT NULL CHECK (sequence >= 1),
    account_id  uuid NOT NULL,
    document_id uuid NOT NULL,
    rule_pack   text NOT NULL,
    profile     text NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('valid', 'valid_with_warnings', 'invalid')),
    fatals      integer NOT NULL,
    warnings    integer NOT NULL,
    findings    jsonb NOT NULL,
    summary     jsonb NOT NULL,
    decided_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (invoice_id, sequence)
);

COMMENT ON COLUMN verdict.sequence IS 'an invoice judged again (a replay, new rules) gets the next number; the highest holds';
COMMENT ON COLUMN verdict.document_id IS 'the original that was judged';
COMMENT ON COLUMN verdict.fatals IS 'how many there are in all, also when not all of them are kept';

ALTER TABLE verdict ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON verdict TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON verdict TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT ON verdict TO {schema}_worker;
GRANT SELECT ON verdict TO {schema}_api;
