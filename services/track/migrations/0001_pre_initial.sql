-- Everything that happened to every invoice, what it adds up to, and the mail about it.
--
-- Roles: the worker writes facts of many accounts in one transaction; its rows are chosen by events, never
-- by user input. The api role sees the rows of the account it has set, and no others; with none set every
-- query is an error.

-- The timeline: one row per event, inserted in whatever order events come. `body` is the CloudEvent, so the
-- status below can be built again from these rows alone. Never updated.
CREATE TABLE fact (
    event_id    uuid PRIMARY KEY,
    invoice_id  uuid        NOT NULL,
    account_id  uuid        NOT NULL,
    axis        text        NOT NULL,
    sequence    integer     NOT NULL,
    type        text        NOT NULL COLLATE "C",
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    traceparent text,
    body        bytea       NOT NULL
) WITH (toast_tuple_target = 4080);
ALTER TABLE fact ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX fact_invoice ON fact (invoice_id);

-- One row per viewer of an invoice. Today the only viewer is its sender; a receiver gets a row of its own,
-- with what a receiver may see, decided when the row is written.
CREATE TABLE status (
    invoice_id  uuid        NOT NULL,
    role        text        NOT NULL CHECK (role IN ('sender', 'receiver')),
    account_id  uuid        NOT NULL,
    headline    text        NOT NULL COLLATE "C",
    problem     boolean     NOT NULL,
    reason      jsonb       NOT NULL,
    number      text,
    issue_date  date,
    sender      text,
    receiver    text,
    filename    text,
    axes        jsonb       NOT NULL,
    received_at timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (invoice_id, role, account_id)
) WITH (fillfactor = 70, toast_tuple_target = 4080);
COMMENT ON COLUMN status.axes IS 'per axis the fact with the highest number: the headline follows from it alone';
COMMENT ON COLUMN status.problem IS 'the headline asks something of the viewer';

-- Neither index holds a column that changes while an invoice travels well, so those updates stay in the page.
CREATE INDEX status_list ON status (account_id, received_at DESC, invoice_id DESC);
CREATE INDEX status_problems ON status (account_id, received_at DESC, invoice_id DESC) WHERE problem;

-- What accounts say about themselves, for the notices.
CREATE TABLE account (
    account_id uuid PRIMARY KEY,
    name       text    NOT NULL,
    email      text    NOT NULL,
    language   text    NOT NULL CHECK (language IN ('nl', 'en')),
    sequence   integer NOT NULL
);

-- A mail to be sent about a fact, once: `topic` names what it tells. Written with the status it tells about.
CREATE TABLE notice (
    notice_id  uuid PRIMARY KEY,
    invoice_id uuid        NOT NULL,
    account_id uuid        NOT NULL,
    kind       text        NOT NULL,
    topic      text        NOT NULL COLLATE "C",
    axis       text        NOT NULL,
    event_id   uuid        NOT NULL,
    state      text        NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'failed', 'superseded')),
    due_at     timestamptz NOT NULL DEFAULT now(),
    attempts   integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (invoice_id, topic)
);
COMMENT ON COLUMN notice.attempts IS 'attempts started; also the fence: a result counts only for the latest';
COMMENT ON COLUMN notice.due_at IS 'while an attempt runs: when its lease ends and it counts as unknown';
CREATE INDEX notice_due ON notice (due_at) WHERE state = 'due';

-- Each attempt is committed as started before the mail server hears of it; the result comes after. One
-- without a result is unknown: the mail may have gone out.
CREATE TABLE notice_attempt (
    notice_id  uuid        NOT NULL REFERENCES notice,
    attempt    integer     NOT NULL,
    address    text        NOT NULL,
    repeat     boolean     NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    result     text CHECK (result IN ('sent', 'deferred', 'refused')),
    detail     text,
    PRIMARY KEY (notice_id, attempt)
);
COMMENT ON COLUMN notice_attempt.repeat IS 'an earlier attempt is unknown: the mail says that it may come twice';

ALTER TABLE fact           ENABLE ROW LEVEL SECURITY;
ALTER TABLE status         ENABLE ROW LEVEL SECURITY;
ALTER TABLE account        ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice         ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_attempt ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON fact           TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON status         TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON account        TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON notice         TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON notice_attempt TO {schema}_worker USING (true) WITH CHECK (true);

CREATE POLICY own ON fact    TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON status  TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON account TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON notice  TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT                 ON fact                                    TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE         ON account, notice, notice_attempt         TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON status                                  TO {schema}_worker;
GRANT SELECT                         ON fact, status, account, notice           TO {schema}_api;
