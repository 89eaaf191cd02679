-- What accounts claim about themselves, as parties; and the letters whose codes confirm them.

CREATE TABLE claim (
    account_id uuid PRIMARY KEY,
    party_id   uuid NOT NULL,
    sequence   integer NOT NULL
);

COMMENT ON COLUMN claim.sequence IS 'of the newest account.registered that was heard';

CREATE TABLE letter (
    letter_id  uuid PRIMARY KEY,
    party_id   uuid NOT NULL REFERENCES party,
    kvk        text NOT NULL,
    company    jsonb NOT NULL,
    by_hand    boolean NOT NULL,
    by_account uuid,
    by_user    uuid,
    code_hash  bytea NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    tries      integer NOT NULL DEFAULT 0,
    ended      text CHECK (ended IN ('used', 'replaced', 'tries'))
);
CREATE INDEX letter_party ON letter (party_id, made_at);
CREATE UNIQUE INDEX letter_open ON letter (party_id) WHERE ended IS NULL;

COMMENT ON COLUMN letter.company IS 'what it proves: the company as the register told of it, and the lines the letter went to';
COMMENT ON COLUMN letter.by_hand IS 'the operator gave the address instead of the register';
COMMENT ON COLUMN letter.code_hash IS 'keyed; the code itself stands in the letter alone';

ALTER TABLE claim  ENABLE ROW LEVEL SECURITY;
ALTER TABLE letter ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON claim  TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON letter TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON claim, letter TO {schema}_worker;
