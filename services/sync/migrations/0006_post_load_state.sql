-- How far a first load is, is how far its plan is: the two could say different things when a process died between them.
ALTER TABLE load DROP COLUMN state;
