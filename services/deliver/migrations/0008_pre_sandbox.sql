-- What belongs to the sandbox (an account id of UUID version 8, libs/contracts/sandbox.py) goes by its channel and by no
-- other, and nothing else does: whatever a program does wrong, no receiver gets a test invoice. Rows from before are all of
-- accounts that are none.
ALTER TABLE delivery DROP CONSTRAINT delivery_channel_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_channel_check
    CHECK (channel IN ('folder', 'smtp', 'sandbox')) NOT VALID;
ALTER TABLE delivery ADD CONSTRAINT delivery_sandbox_stays
    CHECK ((channel = 'sandbox') = (get_byte(uuid_send(account_id), 6) / 16 = 8)) NOT VALID;
ALTER TABLE breaker DROP CONSTRAINT breaker_channel_check;
ALTER TABLE breaker ADD CONSTRAINT breaker_channel_check CHECK (channel IN ('folder', 'smtp', 'sandbox')) NOT VALID;

CREATE INDEX delivery_in_sandbox ON delivery (delivery_id) WHERE state = 'handed_over' AND channel = 'sandbox' AND lane <> 'sent';
