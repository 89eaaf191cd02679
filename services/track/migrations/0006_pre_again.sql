-- As before, but a returned one only while nothing came after: it may go on in the place of one that was undeliverable.
CREATE OR REPLACE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
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
      FROM fact f
     WHERE type = 'invoice.returned.v1'
       AND NOT EXISTS (SELECT FROM fact l
                        WHERE l.invoice_id = f.invoice_id AND l.axis = f.axis AND l.sequence > f.sequence)
    UNION ALL
    SELECT 'told-invalid', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.rejected.v1'
    UNION ALL
    SELECT 'told-quarantined', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.quarantined.v1'
    UNION ALL
    SELECT 'told-repeat', invoice_id, NULL, type, sequence, recorded_at, NULL, axis, event_id
      FROM fact WHERE type = 'invoice.duplicate.v1'
    UNION ALL
    SELECT * FROM ledger_messages;
