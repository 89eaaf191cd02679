-- The package first, and by e-mail what it does not take in the time its receiver chose. It stays one delivery: one row, one
-- channel at a time.
ALTER TABLE delivery ADD COLUMN fallback_at timestamptz;
COMMENT ON COLUMN delivery.fallback_at IS 'queued, by a package: when it goes by e-mail instead; null: never';
CREATE INDEX delivery_fallback ON delivery (fallback_at) WHERE state = 'queued' AND fallback_at IS NOT NULL;
