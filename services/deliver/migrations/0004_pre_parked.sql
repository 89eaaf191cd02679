-- Deliveries that wait because what their receiver takes cannot be made of them. They go on when it chooses another
-- package, or by hand; then they are planned anew, so their parcel may change.

ALTER TABLE delivery DROP CONSTRAINT delivery_state_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_state_check
    CHECK (state IN ('queued', 'attempting', 'handed_over', 'confirmed', 'undeliverable', 'parked'));
ALTER TABLE delivery ADD COLUMN findings jsonb;
ALTER TABLE delivery ADD COLUMN released_at timestamptz;

COMMENT ON COLUMN delivery.due_at IS 'queued: when the next attempt is made; parked: when it is given back';
COMMENT ON COLUMN delivery.reason IS 'undeliverable, parked: {code, nl, en}';
COMMENT ON COLUMN delivery.findings IS 'parked: what the rules of the receiver''s format say';
COMMENT ON COLUMN delivery.released_at IS 'when it last went on from being parked; its age counts from there';
COMMENT ON COLUMN delivery.sequence IS 'number of the last fact on this invoice and receiver, by whatever channel';

CREATE INDEX delivery_parked ON delivery (due_at) WHERE state = 'parked';

GRANT UPDATE (body) ON parcel TO {schema}_worker;

-- As before, and
-- parked          parked                     its routing      planned          given back   channel:receiver    delivery
CREATE OR REPLACE VIEW ledger (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'queued'::text, invoice_id, NULL::text, state, routing, created_at, due_at,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state = 'queued'
    UNION ALL
    SELECT 'attempting', invoice_id, NULL, state, routing, created_at, lease_until,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state = 'attempting'
    UNION ALL
    SELECT 'parked', invoice_id, NULL, state, routing, created_at, due_at,
           channel || ':' || receiver_id, delivery_id
      FROM delivery WHERE state = 'parked'
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
