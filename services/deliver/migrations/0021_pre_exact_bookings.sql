-- Deliveries that are booked in Exact Online (exact/booking.py).
ALTER TABLE connection DROP CONSTRAINT connection_channel_check;
ALTER TABLE connection ADD CONSTRAINT connection_channel_check
    CHECK (channel IN ('folder', 'sftp', 'smtp', 'https', 'pull', 'exact_online')) NOT VALID;
ALTER TABLE delivery DROP CONSTRAINT delivery_channel_check;
ALTER TABLE delivery ADD CONSTRAINT delivery_channel_check
    CHECK (channel IN ('folder', 'sftp', 'smtp', 'https', 'pull', 'exact_online', 'sandbox')) NOT VALID;
ALTER TABLE breaker DROP CONSTRAINT breaker_channel_check;
ALTER TABLE breaker ADD CONSTRAINT breaker_channel_check
    CHECK (channel IN ('folder', 'sftp', 'smtp', 'https', 'pull', 'exact_online', 'sandbox')) NOT VALID;

-- How far a booking is. Each step is written down before it is taken and after it.
CREATE TABLE exact_booking (
    delivery_id  uuid PRIMARY KEY REFERENCES delivery,
    invoice_id   uuid NOT NULL,
    link_id      uuid NOT NULL REFERENCES exact_link,
    division     integer NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('purchase', 'sales')),
    doing        text,
    doing_at     timestamptz,
    document     text,
    attached     text[] NOT NULL DEFAULT '{}',
    left_out     text[] NOT NULL DEFAULT '{}',
    body         jsonb,
    total        numeric,
    entry        text,
    entry_number text,
    booked_at    timestamptz,
    read_at      timestamptz,
    differences  jsonb,
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN exact_booking.doing IS 'begun, and nobody knows yet whether it was done: looked up before it is repeated';
COMMENT ON COLUMN exact_booking.left_out IS 'attachments that Exact did not take';
COMMENT ON COLUMN exact_booking.body IS 'the entry as it was sent';
COMMENT ON COLUMN exact_booking.entry IS 'EntryID: it stands in the books';
COMMENT ON COLUMN exact_booking.differences IS 'read back: what stands there otherwise; null: not read back';
CREATE UNIQUE INDEX exact_booking_entry ON exact_booking (division, entry) WHERE entry IS NOT NULL;
CREATE INDEX exact_booking_link ON exact_booking (link_id);
CREATE INDEX exact_booking_invoice ON exact_booking (invoice_id);

-- Suppliers and customers of a division, by the number they were found by. party null: somebody looks, until then.
CREATE TABLE exact_party (
    base     text NOT NULL,
    division integer NOT NULL,
    number   text NOT NULL,
    party    text,
    until    timestamptz,
    PRIMARY KEY (base, division, number)
);

-- G/L accounts that rules name, and VAT codes, as the division had them at read_at.
CREATE TABLE exact_chart (
    base      text NOT NULL,
    division  integer NOT NULL,
    accounts  jsonb NOT NULL,
    vat_codes jsonb NOT NULL,
    read_at   timestamptz NOT NULL,
    PRIMARY KEY (base, division)
);

CREATE INDEX delivery_in_exact ON delivery (delivery_id) WHERE state = 'handed_over' AND channel = 'exact_online';

ALTER TABLE exact_booking ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_party   ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_chart   ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON exact_booking TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_party   TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_chart   TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON exact_chart TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON exact_booking, exact_party TO {schema}_worker;
