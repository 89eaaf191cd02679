-- What a receiver's Globe says of a pair it took: processed, or why it cannot be. Looked for while it may still come.
ALTER TABLE delivery ADD COLUMN reported_at timestamptz;
COMMENT ON COLUMN delivery.reported_at IS 'when the receiver''s package said what became of it';
CREATE INDEX delivery_unreported ON delivery (handed_at)
    WHERE channel = 'folder' AND reported_at IS NULL AND state IN ('handed_over', 'confirmed');
