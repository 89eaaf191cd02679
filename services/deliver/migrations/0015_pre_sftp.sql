-- The receiver's folder may be on a server of its own.
ALTER TABLE connection DROP CONSTRAINT connection_channel_check;
ALTER TABLE connection ADD CONSTRAINT connection_channel_check
    CHECK (channel IN ('folder', 'sftp', 'smtp', 'https', 'pull')) NOT VALID;
ALTER TABLE delivery DROP CONSTRAINT delivery_channel_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_channel_check
    CHECK (channel IN ('folder', 'sftp', 'smtp', 'https', 'pull', 'sandbox')) NOT VALID;
ALTER TABLE breaker DROP CONSTRAINT breaker_channel_check;
ALTER TABLE breaker ADD CONSTRAINT breaker_channel_check
    CHECK (channel IN ('folder', 'sftp', 'smtp', 'https', 'pull', 'sandbox')) NOT VALID;

CREATE INDEX delivery_on_sftp ON delivery (lane, delivery_id) WHERE state = 'handed_over' AND channel = 'sftp';
