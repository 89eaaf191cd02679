-- At the end of its retention an invoice is erased everywhere; here stays that there was one. It is in no book then.

ALTER TABLE invoice DROP CONSTRAINT invoice_outcome_check;
ALTER TABLE invoice ADD CONSTRAINT invoice_outcome_check
    CHECK (outcome IN ('received', 'quarantined', 'erased')) NOT VALID;
ALTER TABLE repeat ADD COLUMN erased boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN repeat.erased IS 'what it repeats was erased';
CREATE INDEX repeat_kept ON repeat (invoice_id) WHERE NOT erased;

-- As before, and
-- erased        erased          1             erased
CREATE OR REPLACE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'received'::text, invoice_id, NULL::text, outcome, 1, received_at, NULL::timestamptz, NULL::text,
           NULL::uuid
      FROM invoice WHERE outcome = 'received'
    UNION ALL
    SELECT 'quarantined', invoice_id, NULL, outcome, 1, received_at, NULL, NULL, NULL
      FROM invoice WHERE outcome = 'quarantined'
    UNION ALL
    SELECT 'erased', invoice_id, NULL, outcome, 1,
           (SELECT s.expired_at FROM submission s WHERE s.submission_id = i.submission_id), NULL, NULL, NULL
      FROM invoice i WHERE outcome = 'erased'
    UNION ALL
    SELECT 'repeat', invoice_id, NULL, 'duplicate', sequence, NULL, NULL, submission_id::text, NULL
      FROM repeat WHERE NOT erased
    UNION ALL
    SELECT * FROM ledger_messages;

-- Those whose time was over before are done again: the others still hold what they know of them.
UPDATE submission SET expired_at = NULL WHERE expired_at IS NOT NULL;

GRANT DELETE ON dead TO {schema}_worker;
