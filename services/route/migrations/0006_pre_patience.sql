-- Nobody's invoice waits for ever: its sender is reminded, and some time later it is given back.
ALTER TABLE parked ADD COLUMN return_at timestamptz;
COMMENT ON COLUMN parked.return_at IS 'when it is given back; null until its sender was told so';

CREATE INDEX parked_silent ON parked (parked_at) WHERE state = 'open' AND return_at IS NULL;
CREATE INDEX parked_told   ON parked (return_at) WHERE state = 'open';
