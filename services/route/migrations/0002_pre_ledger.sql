-- What this service holds of every invoice, for the ledger and for nobody else.
--
-- part       what                 number            at
-- routed     routed               which decision    decided
-- returned   returned             which decision    decided
-- held       parked | released    which decision    decided
-- waiting    why it is parked                       parked
CREATE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'routed'::text, invoice_id, NULL::text, outcome, sequence, decided_at, NULL::timestamptz,
           NULL::text, NULL::uuid
      FROM decision WHERE outcome = 'routed'
    UNION ALL
    SELECT 'returned', invoice_id, NULL, outcome, sequence, decided_at, NULL, NULL, NULL
      FROM decision WHERE outcome = 'returned'
    UNION ALL
    SELECT 'held', invoice_id, NULL, outcome, sequence, decided_at, NULL, NULL, NULL
      FROM decision WHERE outcome IN ('parked', 'released')
    UNION ALL
    -- It waits by this row, and why it waits is a decision: without one the other is worth nothing.
    SELECT 'waiting', invoice_id, NULL, code, NULL, parked_at, NULL, NULL, NULL
      FROM parked p
     WHERE state = 'open'
       AND EXISTS (SELECT FROM decision d WHERE d.invoice_id = p.invoice_id AND d.outcome = 'parked')
    UNION ALL
    SELECT * FROM ledger_messages;

CREATE INDEX decision_routed ON decision (invoice_id) WHERE outcome = 'routed';
CREATE INDEX decision_returned ON decision (invoice_id) WHERE outcome = 'returned';

GRANT USAGE ON SCHEMA {schema} TO ledger_reader;
GRANT SELECT ON ledger TO ledger_reader;
