-- What is paid of invoices: every movement, by whose word and from where. One row is one fact on the axis payment.
CREATE TABLE payment (
    invoice_id  uuid NOT NULL,
    sequence    integer NOT NULL CHECK (sequence >= 1),
    delivery_id uuid NOT NULL,
    account_id  uuid NOT NULL,
    side        text NOT NULL CHECK (side IN ('receiver', 'sender')),
    source      text NOT NULL CHECK (source IN ('hand', 'file', 'exact_online')),
    amount      numeric NOT NULL CHECK (amount <> 0),
    paid        numeric NOT NULL,
    open        numeric NOT NULL,
    currency    text NOT NULL,
    paid_on     date,
    evidence    text NOT NULL,
    entry       text,
    by_account  uuid NOT NULL,
    by_user     uuid,
    told_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (invoice_id, sequence)
);
COMMENT ON COLUMN payment.account_id IS 'the sender''s account';
COMMENT ON COLUMN payment.side IS 'whose word it is: each has a sum of its own';
COMMENT ON COLUMN payment.amount IS 'below zero: undone';
COMMENT ON COLUMN payment.paid IS 'by this side''s word, after this movement';
COMMENT ON COLUMN payment.entry IS 'which line of a statement it was: the same line changes nothing twice';
CREATE UNIQUE INDEX payment_entry ON payment (by_account, entry, invoice_id) WHERE entry IS NOT NULL;

ALTER TABLE payment ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON payment TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON payment FOR SELECT TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT, DELETE ON payment TO {schema}_worker;
GRANT SELECT ON payment TO {schema}_api;
