-- Whoever makes a plan says again and again that it is at it; what stopped saying so is dead, and its plan with it.
ALTER TABLE plan ADD COLUMN alive_until timestamptz;
COMMENT ON COLUMN plan.alive_until IS 'while it is being made: until when its maker is taken to be alive';
