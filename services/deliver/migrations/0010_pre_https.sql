-- Two more ways to a receiver: the hub pushes to an address of its own, or it fetches what waits for it.
ALTER TABLE connection DROP CONSTRAINT connection_channel_check;
ALTER TABLE connection ADD CONSTRAINT connection_channel_check CHECK (channel IN ('folder', 'smtp', 'https', 'pull')) NOT VALID;
ALTER TABLE delivery DROP CONSTRAINT delivery_channel_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_channel_check
    CHECK (channel IN ('folder', 'smtp', 'https', 'pull', 'sandbox')) NOT VALID;
ALTER TABLE breaker DROP CONSTRAINT breaker_channel_check;
ALTER TABLE breaker ADD CONSTRAINT breaker_channel_check
    CHECK (channel IN ('folder', 'smtp', 'https', 'pull', 'sandbox')) NOT VALID;
