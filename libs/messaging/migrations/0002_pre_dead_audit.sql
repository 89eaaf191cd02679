-- Who did what to a dead letter, and why. The row stays as the record of it, replayed or dropped.
ALTER TABLE dead ADD COLUMN replayed_by text;
ALTER TABLE dead ADD COLUMN dropped_by  text;
ALTER TABLE dead ADD COLUMN dropped_why text;

COMMENT ON COLUMN dead.dropped_at IS 'given up; a later replay takes that back, and both stay written here';

CREATE INDEX dead_subject ON dead (subject) WHERE replayed_at IS NULL;
