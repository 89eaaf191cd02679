-- What receivers see of what they got, and what they say of it: every word is kept, the last one counts.
CREATE TABLE response (
    invoice_id  uuid NOT NULL,
    sequence    integer NOT NULL CHECK (sequence >= 1),
    delivery_id uuid NOT NULL,
    account_id  uuid NOT NULL,
    answer      text NOT NULL CHECK (answer IN ('accepted', 'queried', 'rejected')),
    code        text,
    said        text,
    by_account  uuid NOT NULL,
    by_user     uuid,
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (invoice_id, sequence)
);
COMMENT ON COLUMN response.account_id IS 'the sender''s account';
COMMENT ON COLUMN response.by_account IS 'whoever answered: the receiver''s account, or an operator''s';

ALTER TABLE delivery ADD COLUMN recalled boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN delivery.recalled IS 'it went to the wrong company, which is not shown it any more';
CREATE INDEX delivery_received ON delivery (receiver_id, delivery_id) WHERE state IN ('handed_over', 'confirmed');

ALTER TABLE response ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON response TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON response FOR SELECT TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT ON response TO {schema}_worker;
GRANT SELECT ON response TO {schema}_api;
