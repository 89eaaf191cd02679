-- A delivery that waits for its turn is no proof that anything will come of it: what is to be delivered must be there.
--
-- As before, but queued, attempting and parked only with their parcel, and
-- unpacked        unpacked                   its routing      planned                   channel:receiver    delivery
CREATE OR REPLACE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'queued'::text, invoice_id, NULL::text, state, routing, created_at, due_at,
           channel || ':' || receiver_id, delivery_id
      FROM delivery d WHERE state = 'queued'
       AND EXISTS (SELECT FROM parcel p WHERE p.delivery_id = d.delivery_id)
    UNION ALL
    SELECT 'attempting', invoice_id, NULL, state, routing, created_at, lease_until,
           channel || ':' || receiver_id, delivery_id
      FROM delivery d WHERE state = 'attempting'
       AND EXISTS (SELECT FROM parcel p WHERE p.delivery_id = d.delivery_id)
    UNION ALL
    SELECT 'parked', invoice_id, NULL, state, routing, created_at, due_at,
           channel || ':' || receiver_id, delivery_id
      FROM delivery d WHERE state = 'parked'
       AND EXISTS (SELECT FROM parcel p WHERE p.delivery_id = d.delivery_id)
    UNION ALL
    SELECT 'unpacked', invoice_id, NULL, 'unpacked', routing, created_at, NULL,
           channel || ':' || receiver_id, delivery_id
      FROM delivery d WHERE state IN ('queued', 'attempting', 'parked')
       AND NOT EXISTS (SELECT FROM parcel p WHERE p.delivery_id = d.delivery_id)
    UNION ALL
    SELECT 'delivered', invoice_id, NULL, state, routing, handed_at, NULL,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state IN ('handed_over', 'confirmed')
    UNION ALL
    SELECT 'undeliverable', invoice_id, NULL, state, routing, created_at, NULL,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state = 'undeliverable'
    UNION ALL
    SELECT 'receipt', invoice_id, NULL, CASE WHEN repeated THEN 'repeated' ELSE outcome END, number,
           finished_at, NULL, NULL, delivery_id
      FROM attempt WHERE outcome = 'handed_over'
    UNION ALL
    SELECT * FROM ledger_messages;
