-- More is due than one claim takes: each account gets its turn, found without reading what waits before it (turns.py).
CREATE INDEX delivery_turn ON delivery (channel, account_id, due_at) WHERE state = 'queued';
