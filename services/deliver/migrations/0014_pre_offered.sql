-- A receiver that fetches: its invoices lie ready, which is no hand-over, until it acknowledges them.
ALTER TABLE attempt DROP CONSTRAINT attempt_outcome_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_outcome_check
    CHECK (outcome IN ('handed_over', 'failed', 'refused', 'unknown', 'not_begun', 'bounced', 'offered')) NOT VALID;

CREATE INDEX delivery_waiting ON delivery (receiver_id, delivery_id)
    WHERE channel = 'pull' AND state IN ('queued', 'attempting');
CREATE INDEX connection_account ON connection (account_id) WHERE ended_at IS NULL;
