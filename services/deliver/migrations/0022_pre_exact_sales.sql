-- A sender's own invoices as sales entries in its own Exact Online (exact/sales.py).

-- In which party's link an account has its own invoices booked. No row: nowhere.
CREATE TABLE exact_selling (
    account_id uuid PRIMARY KEY,
    party_id   uuid NOT NULL,
    since      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE exact_sale (
    sale_id       uuid PRIMARY KEY,
    invoice_id    uuid NOT NULL UNIQUE,
    account_id    uuid NOT NULL,
    party_id      uuid NOT NULL,
    number        text,
    year          integer,
    state         text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'attempting', 'parked', 'booked')),
    attempts      integer NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    unresolved    boolean NOT NULL DEFAULT false,
    due_at        timestamptz NOT NULL DEFAULT now(),
    lease_until   timestamptz,
    sequence      integer NOT NULL DEFAULT 0,
    connection_id uuid,
    by_hand       boolean NOT NULL DEFAULT false,
    reason        jsonb,
    receipt       text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    released_at   timestamptz,
    booked_at     timestamptz,
    correlation   text,
    traceparent   text,
    body          jsonb NOT NULL
);
COMMENT ON COLUMN exact_sale.party_id IS 'whose books: the sender''s own party';
COMMENT ON COLUMN exact_sale.attempts IS 'the fence: a result counts only for the attempt that has this number';
COMMENT ON COLUMN exact_sale.sequence IS 'number of the last fact on the axis own_books';
COMMENT ON COLUMN exact_sale.connection_id IS 'of its party, when it was tried last; with another, what is parked goes on';
COMMENT ON COLUMN exact_sale.by_hand IS 'somebody said that it may be booked although its number was before';
COMMENT ON COLUMN exact_sale.reason IS 'parked: {code, nl, en}';

CREATE INDEX exact_sale_due ON exact_sale (due_at) WHERE state = 'queued';
CREATE INDEX exact_sale_leased ON exact_sale (lease_until) WHERE state = 'attempting';
CREATE INDEX exact_sale_parked ON exact_sale (party_id) WHERE state = 'parked';
CREATE INDEX exact_sale_number ON exact_sale (account_id, number, year);
CREATE INDEX exact_sale_party ON exact_sale (party_id, sale_id);

-- Written before acting, finished after, as with deliveries.
CREATE TABLE exact_sale_attempt (
    sale_id     uuid NOT NULL REFERENCES exact_sale,
    number      integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome     text,
    code        text,
    detail      text,
    late        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sale_id, number)
);

ALTER TABLE exact_selling      ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_sale         ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_sale_attempt ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON exact_selling      TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_sale         TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_sale_attempt TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON exact_selling TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON exact_sale, exact_sale_attempt TO {schema}_worker;
