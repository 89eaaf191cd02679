-- What waits behind a lane that is held up is found by its own lane, without reading what waits before it (turns.py).
CREATE INDEX delivery_lane ON delivery (channel, lane, due_at) WHERE state = 'queued';
