-- What this service holds of every invoice, for the ledger and for nobody else.
--
-- part          what          number          at         place
-- received                    1               taken in
-- quarantined                 1               taken in
-- repeat        duplicate     which repeat               submission
CREATE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'received'::text, invoice_id, NULL::text, outcome, 1, received_at, NULL::timestamptz, NULL::text,
           NULL::uuid
      FROM invoice WHERE outcome = 'received'
    UNION ALL
    SELECT 'quarantined', invoice_id, NULL, outcome, 1, received_at, NULL, NULL, NULL
      FROM invoice WHERE outcome = 'quarantined'
    UNION ALL
    SELECT 'repeat', invoice_id, NULL, 'duplicate', sequence, NULL, NULL, submission_id::text, NULL
      FROM repeat
    UNION ALL
    SELECT * FROM ledger_messages;

-- One small index for each part: the ledger reads every invoice there ever was, and reads indexes only.
CREATE INDEX invoice_received ON invoice (invoice_id) WHERE outcome = 'received';
CREATE INDEX invoice_quarantined ON invoice (invoice_id) WHERE outcome = 'quarantined';

GRANT USAGE ON SCHEMA {schema} TO ledger_reader;
GRANT SELECT ON ledger TO ledger_reader;
