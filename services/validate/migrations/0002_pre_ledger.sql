-- What this service holds of every invoice, for the ledger and for nobody else.
--
-- part       what                           number           at
-- valid      valid | valid_with_warnings    which verdict    decided
-- invalid    invalid                        which verdict    decided
CREATE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'valid'::text, invoice_id, NULL::text, verdict, sequence, decided_at, NULL::timestamptz,
           NULL::text, NULL::uuid
      FROM verdict WHERE verdict <> 'invalid'
    UNION ALL
    SELECT 'invalid', invoice_id, NULL, verdict, sequence, decided_at, NULL, NULL, NULL
      FROM verdict WHERE verdict = 'invalid'
    UNION ALL
    SELECT * FROM ledger_messages;

CREATE INDEX verdict_valid ON verdict (invoice_id) WHERE verdict <> 'invalid';
CREATE INDEX verdict_invalid ON verdict (invoice_id) WHERE verdict = 'invalid';

GRANT USAGE ON SCHEMA {schema} TO ledger_reader;
GRANT SELECT ON ledger TO ledger_reader;
