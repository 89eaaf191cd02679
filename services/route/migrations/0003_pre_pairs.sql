-- What an invoice must agree with before its number is believed: the other names and the post codes of a party. And the
-- pairs of sender and receiver for which that has been seen, or said by a person: those are believed from then on.

ALTER TABLE party ADD COLUMN names text[] NOT NULL DEFAULT '{}';
ALTER TABLE party ADD COLUMN post_codes text[] NOT NULL DEFAULT '{}';

COMMENT ON COLUMN party.names IS 'other names it goes by: trade names, what its suppliers call it';

CREATE TABLE pair (
    account_id   uuid NOT NULL,
    party_id     uuid NOT NULL REFERENCES party,
    how          text NOT NULL CHECK (how IN ('corroborated', 'by hand')),
    invoice_id   uuid NOT NULL,
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, party_id)
);

COMMENT ON TABLE  pair IS 'senders whose invoices go to this company by its number alone';
COMMENT ON COLUMN pair.party_id IS 'the company; its places of business count with it';
COMMENT ON COLUMN pair.invoice_id IS 'the invoice that showed it, or that the person saw';

ALTER TABLE pair ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON pair TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON pair FOR SELECT TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT, DELETE ON pair TO {schema}_worker;
GRANT SELECT ON pair TO {schema}_api;
