-- What a service's messages tell the ledger: what waits to be said, was said, was heard, and helped nobody.
-- Each service's view `ledger` ends in these rows; nobody but that view reads them.
--
-- part         what                            at             until        place                  ref
-- outbox       routing key                     written        not before   exchange               event
-- sent         routing key                     published                   exchange               event
-- inbox                                        finished                    queue                  event
-- dead         slug of the cause, or dropped   died, dropped               queue                  event
CREATE VIEW ledger_messages (part, invoice_id, subject, what, number, at, until, place, ref) AS
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
           coalesce(dropped_at, died_at), NULL, queue, event_id
      FROM dead WHERE replayed_at IS NULL;

REVOKE ALL ON ledger_messages FROM PUBLIC;
