-- Calls to Exact Online, counted by all workers together (exact/budget.py).

-- What an app has left in a division. calls: moments of the last minute. division 0: calls that have none.
CREATE TABLE exact_allowance (
    app            text NOT NULL,
    division       integer NOT NULL,
    calls          timestamptz[] NOT NULL DEFAULT '{}',
    per_minute     integer NOT NULL DEFAULT 60,
    per_day        integer NOT NULL DEFAULT 5000,
    day_used       integer NOT NULL DEFAULT 0,
    day_ends       timestamptz NOT NULL,
    closed_until   timestamptz,
    closed_why     text NOT NULL DEFAULT 'minute' CHECK (closed_why IN ('minute', 'day', 'blocked')),
    bookings_until timestamptz,
    PRIMARY KEY (app, division)
) WITH (fillfactor = 50);
COMMENT ON COLUMN exact_allowance.bookings_until IS 'a booking was put off: polling takes nothing before then';

-- The last hour's errors of one person at one endpoint: ten block the key. open: calls under way, which may fail as well.
CREATE TABLE exact_endpoint (
    app      text NOT NULL,
    person   text NOT NULL,
    division integer NOT NULL,
    endpoint text NOT NULL,
    failed   timestamptz[] NOT NULL,
    open     timestamptz[] NOT NULL,
    PRIMARY KEY (app, person, division, endpoint)
) WITH (fillfactor = 50);

ALTER TABLE exact_allowance ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_endpoint  ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON exact_allowance TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_endpoint  TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON exact_allowance, exact_endpoint TO {schema}_worker;
