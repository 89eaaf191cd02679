-- What this service holds of every invoice, for the ledger and for nobody else.
--
-- part                  what        number                at              place    ref
-- status                headline                          last changed
-- told-<how it ended>   type        number on its axis    written down    axis     event
CREATE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'status'::text, invoice_id, NULL::text, headline::text, NULL::integer, updated_at,
           NULL::timestamptz, NULL::text, NULL::uuid
      FROM status WHERE role = 'sender'
    UNION ALL
    SELECT 'told-delivered', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.handed_over.v1'
    UNION ALL
    SELECT 'told-undeliverable', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.undeliverable.v1'
    UNION ALL
    SELECT 'told-returned', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.returned.v1'
    UNION ALL
    SELECT 'told-invalid', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.rejected.v1'
    UNION ALL
    SELECT 'told-quarantined', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.quarantined.v1'
    UNION ALL
    SELECT * FROM ledger_messages;

CREATE INDEX status_sender ON status (invoice_id) WHERE role = 'sender';
CREATE INDEX fact_delivered ON fact (invoice_id) WHERE type = 'invoice.handed_over.v1';
CREATE INDEX fact_ended ON fact (type, invoice_id)
    WHERE type IN ('invoice.undeliverable.v1', 'invoice.returned.v1', 'invoice.rejected.v1',
                   'invoice.quarantined.v1');

GRANT USAGE ON SCHEMA {schema} TO ledger_reader;
GRANT SELECT ON ledger TO ledger_reader;
