-- Who is believed about what is paid of an account's invoices: one source at a time (R114). No row: none.
CREATE TABLE payment_source (
    account_id uuid PRIMARY KEY,
    source     text NOT NULL CHECK (source IN ('none', 'exact_online', 'bank_feed')),
    way        text CHECK (way IN ('manual', 'file', 'automatic')),
    feed       text CHECK (feed IN ('ponto', 'codabox')),
    by_user    uuid,
    set_at     timestamptz NOT NULL DEFAULT now(),
    CHECK ((source = 'exact_online') = (way IS NOT NULL)),
    CHECK ((source = 'bank_feed') = (feed IS NOT NULL))
);
COMMENT ON COLUMN payment_source.way IS 'how the status comes from Exact Online (R111)';
COMMENT ON COLUMN payment_source.feed IS 'whose link to the bank it is';

ALTER TABLE payment_source ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON payment_source TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON payment_source FOR SELECT TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT, UPDATE ON payment_source TO {schema}_worker;
GRANT SELECT ON payment_source TO {schema}_api;
