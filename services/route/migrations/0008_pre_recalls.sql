-- After a wrong delivery nothing goes from that sender to that company until a person says so.
--
-- `number` counts the stops of a pair and travels with what is routed after one is lifted, so that deliver can tell what was
-- decided before: neither clocks nor the order of events matter.
CREATE TABLE stop (
    account_id uuid NOT NULL,
    party_id   uuid NOT NULL REFERENCES party,
    number     integer NOT NULL DEFAULT 1,
    lifted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, party_id)
);
COMMENT ON COLUMN stop.party_id IS 'the company; its places of business count with it';

-- Who did it, when, about what. Never changed.
CREATE TABLE recall (
    recall_id   uuid PRIMARY KEY,
    account_id  uuid NOT NULL,
    party_id    uuid NOT NULL REFERENCES party,
    number      integer NOT NULL,
    invoices    uuid[] NOT NULL,
    by_account  uuid,
    by_user     uuid,
    recalled_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, party_id, number)
);
COMMENT ON COLUMN recall.by_account IS 'null: an operator at the machine';

ALTER TABLE numbered DROP CONSTRAINT numbered_ended_check;
ALTER TABLE numbered ADD CONSTRAINT numbered_ended_check
    CHECK (ended IN ('rejected', 'returned', 'undeliverable', 'recalled'));

ALTER TABLE stop   ENABLE ROW LEVEL SECURITY;
ALTER TABLE recall ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON stop   TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON recall TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON stop TO {schema}_worker;
GRANT SELECT, INSERT ON recall TO {schema}_worker;
