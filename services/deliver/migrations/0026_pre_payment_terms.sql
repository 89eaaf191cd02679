-- What Exact Online says is paid of what the hub booked there (payments/fetching.py).

-- How far the payment terms of a link's division are read. high: the newest Timestamp that was read; low: where the next
-- reading begins, which is behind that where something was being booked while the last one went by.
CREATE TABLE payment_fetch (
    link_id    uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    low        bigint NOT NULL DEFAULT 0,
    middle     bigint NOT NULL DEFAULT 0,
    high       bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    calm       boolean NOT NULL DEFAULT false,
    unfinished boolean NOT NULL DEFAULT false,
    run        integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    read_at    timestamptz,
    trouble    text
);
COMMENT ON COLUMN payment_fetch.middle IS 'high of the reading before';
COMMENT ON COLUMN payment_fetch.calm IS 'when the reading began no booking was of unknown end';
COMMENT ON COLUMN payment_fetch.unfinished IS 'a reading stopped half-way: it goes on from high';
COMMENT ON COLUMN payment_fetch.run IS 'the fence: somebody else who takes the reading over has a higher one';
COMMENT ON COLUMN payment_fetch.read_at IS 'when all there was had been read';
CREATE INDEX payment_fetch_due ON payment_fetch (due_at);
CREATE INDEX payment_fetch_account ON payment_fetch (account_id);

-- Payment terms of entries that the hub booked; of no others (R113).
CREATE TABLE payment_term (
    link_id     uuid NOT NULL,
    term        text NOT NULL,
    booking     uuid NOT NULL,
    amount      numeric NOT NULL,
    paid        boolean NOT NULL,
    paid_on     date,
    stamp       bigint NOT NULL,
    told        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (link_id, term)
);
COMMENT ON COLUMN payment_term.booking IS 'in exact_booking: a delivery, or a sale';
COMMENT ON COLUMN payment_term.stamp IS 'Timestamp at Exact: an older one changes nothing';
COMMENT ON COLUMN payment_term.told IS 'what it says is in payment';
CREATE INDEX payment_term_booking ON payment_term (booking);
CREATE INDEX payment_term_news ON payment_term (link_id, booking) WHERE NOT told;

ALTER TABLE payment_fetch ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_term  ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON payment_fetch TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON payment_term  TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON payment_fetch, payment_term TO {schema}_worker;
