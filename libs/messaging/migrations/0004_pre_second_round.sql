-- What was in hand at too many deaths need not be what killed: it gets another round by itself before it is left to
-- a person. A row with `again_at` counts as one round of its event, open or closed.
ALTER TABLE dead ADD COLUMN again_at timestamptz;

COMMENT ON COLUMN dead.again_at IS 'goes again by itself then, alone; null: waits for a person';

CREATE INDEX dead_again ON dead (queue, event_id) WHERE again_at IS NOT NULL;

-- part         what                            at             until        place                  ref
-- dead         slug of the cause, or dropped   died, dropped  goes again   queue                  event
CREATE OR REPLACE VIEW ledger_messages (part, invoice_id, subject, what, number, at, until, place, ref) AS
    SELECT 'outbox'::text, NULL::uuid, subject, routing_key::text, tries::integer, created_at, not_before,
           exchange::text, event_id
      FROM outbox
    UNION ALL
    SELECT 'sent', NULL, subject, routing_key, NULL, sent_at, NULL, exchange, event_id
      FROM outbox_sent
    UNION ALL
    SELECT 'inbox', NULL, NULL, NULL, NULL, received_at, NULL, queue, event_id
      FROM inbox
    UNION ALL
    SELECT 'dead', NULL, subject, CASE WHEN dropped_at IS NULL THEN cause ELSE 'dropped' END, attempts,
           coalesce(dropped_at, died_at), CASE WHEN dropped_at IS NULL THEN again_at END, queue, event_id
      FROM dead WHERE replayed_at IS NULL;

REVOKE ALL ON ledger_messages FROM PUBLIC;
