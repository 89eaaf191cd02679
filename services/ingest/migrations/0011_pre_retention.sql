-- How long originals are kept, and what ends at the end of it (docs/lifetimes.md).

ALTER TABLE submission ADD COLUMN expired_at timestamptz;
COMMENT ON COLUMN submission.expired_at IS 'its documents, names and the answer under its key are gone';

-- Rows come in order of time, so a summary of each stretch is all it takes to pass by what is young.
CREATE INDEX submission_age ON submission USING brin (received_at);
CREATE INDEX submission_tried ON submission (received_at)
    WHERE expired_at IS NULL AND get_byte(uuid_send(account_id), 6) / 16 = 8;

-- Which class an account had until when. A longer one holds for everything kept; a shorter one for what comes after.
CREATE TABLE retention (
    account_id uuid NOT NULL REFERENCES account,
    years      smallint NOT NULL CHECK (years IN (7, 10)),
    since      timestamptz NOT NULL DEFAULT now(),
    until      timestamptz,
    user_id    uuid,
    PRIMARY KEY (account_id, since)
);
CREATE UNIQUE INDEX retention_now ON retention (account_id) WHERE until IS NULL;

-- A legal hold: nothing of it is deleted until it is lifted. Without a submission it holds all of the account's.
CREATE TABLE hold (
    hold_id       uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES account,
    submission_id uuid,
    stored_at     timestamptz,
    reason        text NOT NULL,
    user_id       uuid,
    placed_at     timestamptz NOT NULL DEFAULT now(),
    lifted_at     timestamptz,
    CHECK ((submission_id IS NULL) = (stored_at IS NULL))
);
COMMENT ON COLUMN hold.stored_at IS 'of the submission: its documents have the same instant';
CREATE INDEX hold_account ON hold (account_id) WHERE lifted_at IS NULL;

-- How far the stored documents have been read over (one row), and which of them are not what they were.
CREATE TABLE scrub (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    account     uuid NOT NULL,
    document_id uuid NOT NULL,
    round_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE damage (
    account_id  uuid NOT NULL,
    document_id uuid NOT NULL,
    detail      text NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, document_id)
);

ALTER TABLE retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE hold      ENABLE ROW LEVEL SECURITY;
ALTER TABLE scrub     ENABLE ROW LEVEL SECURITY;
ALTER TABLE damage    ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON retention TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON hold      TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON scrub     TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON damage    TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON retention TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON hold      TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT ON retention, hold TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE ON retention, hold TO {schema}_api;
GRANT SELECT, INSERT, UPDATE ON scrub, damage TO {schema}_worker;
GRANT UPDATE (expired_at) ON submission TO {schema}_api;
GRANT DELETE ON idempotency, session, link, account_user TO {schema}_worker;
