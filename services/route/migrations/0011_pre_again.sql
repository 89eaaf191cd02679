-- An invoice that was given the answer of another may go on after all when that one turns out to be undeliverable. What was
-- returned and went on is not returned any more.
CREATE INDEX parked_repeats ON parked (first_id, invoice_id) WHERE state = 'returned' AND code = 'duplicate';

-- As before, but a returned one only while nothing came after.
CREATE OR REPLACE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'routed'::text, invoice_id, NULL::text, outcome, sequence, decided_at, NULL::timestamptz,
           NULL::text, NULL::uuid
      FROM decision WHERE outcome = 'routed'
    UNION ALL
    SELECT 'returned', invoice_id, NULL, outcome, sequence, decided_at, NULL, NULL, NULL
      FROM decision d
     WHERE outcome = 'returned'
       AND NOT EXISTS (SELECT FROM decision l WHERE l.invoice_id = d.invoice_id AND l.sequence > d.sequence)
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
