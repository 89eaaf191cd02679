-- What the trade register said of companies, kept for a while; how often it was asked on a day; and whether it is left alone.
-- All of it belongs to the hub and to no account: only the worker sees it.

CREATE TABLE register_answer (
    kvk        text PRIMARY KEY COLLATE "C",
    company    jsonb,
    asked_at   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN register_answer.company IS 'null: the register gives nothing of this number';

CREATE TABLE register_day (
    day   date PRIMARY KEY,
    asked integer NOT NULL
);

-- No row: all is well.
CREATE TABLE register_breaker (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    failures   integer NOT NULL,
    open_until timestamptz,
    detail     text NOT NULL
);

ALTER TABLE party_change ADD COLUMN means text CHECK (means IN ('register', 'letter'));

COMMENT ON COLUMN party_change.means IS 'null: a person; register: what the trade register says of it was added; letter: by the code of a letter';

ALTER TABLE register_answer  ENABLE ROW LEVEL SECURITY;
ALTER TABLE register_day     ENABLE ROW LEVEL SECURITY;
ALTER TABLE register_breaker ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON register_answer  TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON register_day     TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON register_breaker TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON register_answer, register_day, register_breaker TO {schema}_worker;
