-- How often passwords were tried, by keyed hash of the address: counted once for all replicas.
CREATE TABLE guess (
    address    bytea PRIMARY KEY,
    used_until timestamptz NOT NULL
);
COMMENT ON COLUMN guess.used_until IS 'the tries there are have been used up until then; over: as good as no row';


ALTER TABLE guess ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON guess TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY anybody ON guess TO {schema}_api USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON guess TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE ON guess TO {schema}_api;
