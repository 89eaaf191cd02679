-- Calls to Exact Online that belong to no division are counted for each person, no more for all together (exact/allowances.py).
ALTER TABLE exact_allowance ADD COLUMN person text NOT NULL DEFAULT '';
ALTER TABLE exact_allowance DROP CONSTRAINT exact_allowance_pkey, ADD PRIMARY KEY (app, division, person);
COMMENT ON COLUMN exact_allowance.person IS 'division 0: whose calls; else empty';

-- What is paid of an entry is found by its id in small letters: those that were booked before may be in capitals.
UPDATE exact_booking SET entry = lower(entry) WHERE entry <> lower(entry);
