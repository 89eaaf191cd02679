-- What this service holds of every invoice, for the ledger and for nobody else.
--
-- part            what                       number           at               until    place               ref
-- queued          queued                     its routing      planned          due      channel:receiver    delivery
-- attempting      attempting                 its routing      planned          lease    channel:receiver    delivery
-- delivered       handed_over | confirmed    its routing      handed over               channel:receiver    delivery
-- undeliverable   undeliverable              its routing      planned                   channel:receiver    delivery
-- receipt         handed_over | repeated     which attempt    handed over                                   delivery

-- Which invoice an attempt was about, so that a receipt says it without its delivery.
ALTER TABLE attempt ADD COLUMN invoice_id uuid;
UPDATE attempt a SET invoice_id = d.invoice_id FROM delivery d WHERE d.delivery_id = a.delivery_id;

CREATE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'queued'::text, invoice_id, NULL::text, state, routing, created_at, due_at,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state = 'queued'
    UNION ALL
    SELECT 'attempting', invoice_id, NULL, state, routing, created_at, lease_until,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state = 'attempting'
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

CREATE INDEX delivery_delivered ON delivery (invoice_id) WHERE state IN ('handed_over', 'confirmed');
CREATE INDEX delivery_undeliverable ON delivery (invoice_id) WHERE state = 'undeliverable';
CREATE INDEX attempt_receipt ON attempt (invoice_id) WHERE outcome = 'handed_over';

GRANT USAGE ON SCHEMA {schema} TO ledger_reader;
GRANT SELECT ON ledger TO ledger_reader;
