-- What is older than it is kept, is found by its age.
CREATE INDEX history_at ON history (at);
