-- What Globe+ said of all stamps of a kind together when none of them was other than remembered: says it the same again,
-- and nothing of ours waits, nothing was changed, and not one record need be read.
CREATE TABLE standstill (
    client_id      uuid NOT NULL REFERENCES client,
    administration text NOT NULL COLLATE "C",
    kind           text NOT NULL COLLATE "C",
    sums           text NOT NULL,
    PRIMARY KEY (client_id, administration, kind)
);
ALTER TABLE standstill ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON standstill TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON standstill TO {schema}_worker;

CREATE INDEX identity_waiting ON identity (client_id, administration, kind) WHERE stamp = '';
