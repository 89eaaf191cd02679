-- Which invoice has which number (R51). One that is open or delivered holds its number; a unique index, not a look
-- before the insert, says that only one does, whatever batches and workers it comes in.
--
-- holds   open or delivered; the next one of this number is compared with it
-- beside  another one of this number, let through by a person; takes the place of the holder when that is over
-- over    rejected, returned or undeliverable: the number is free again

CREATE TABLE numbered (
    invoice_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    seller     text NOT NULL COLLATE "C",
    number     text NOT NULL COLLATE "C",
    type_code  text NOT NULL COLLATE "C",
    year       integer NOT NULL,
    original   jsonb,
    state      text NOT NULL CHECK (state IN ('holds', 'beside', 'over')),
    ended      text CHECK (ended IN ('rejected', 'returned', 'undeliverable')),
    links      integer NOT NULL DEFAULT 0,
    CHECK ((state = 'over') = (ended IS NOT NULL))
);
CREATE UNIQUE INDEX numbered_holds ON numbered (account_id, seller, number, type_code, year) WHERE state = 'holds';
CREATE INDEX numbered_number ON numbered (account_id, seller, number, type_code, year, invoice_id);

COMMENT ON COLUMN numbered.original IS 'claim check of its document, to compare with; null where only the end is known';
COMMENT ON COLUMN numbered.links IS 'number of the last fact on the axis link of this invoice';

ALTER TABLE parked ADD COLUMN first_id uuid;
ALTER TABLE parked ADD COLUMN differences jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN parked.first_id IS 'the invoice that has its number and says something else';

-- Which accounts a receiver was asked to pay a seller into. A new one is what fraud with invoices looks like.
CREATE TABLE pay_to (
    party_id uuid NOT NULL REFERENCES party,
    seller   text NOT NULL COLLATE "C",
    account  text NOT NULL COLLATE "C",
    since    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (party_id, seller, account)
);

ALTER TABLE numbered ENABLE ROW LEVEL SECURITY;
ALTER TABLE pay_to   ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON numbered TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON pay_to   TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON numbered TO {schema}_worker;
GRANT SELECT, INSERT ON pay_to TO {schema}_worker;
