-- Which package a receiver has, what is to be delivered, and what was tried.

-- A receiver's connection. A change ends the row and begins another: it holds for the next invoices, while
-- those under way keep what they were planned with (R52). account_id: the account that may change it.
CREATE TABLE connection (
    connection_id uuid PRIMARY KEY,
    party_id      uuid NOT NULL,
    account_id    uuid,
    package       text NOT NULL,
    channel       text NOT NULL CHECK (channel IN ('folder', 'smtp')),
    settings      jsonb NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz
);
CREATE UNIQUE INDEX connection_current ON connection (party_id) WHERE ended_at IS NULL;
CREATE INDEX connection_history ON connection (party_id, created_at);

-- A folder is one party's for good: what is under way to it must not land with somebody else.
-- prepared_at: it was there once. When it is not there later, its file system is not mounted; making it anew
-- would hide files under the mount point.
CREATE TABLE folder (
    name        text PRIMARY KEY CHECK (name = lower(name)),
    party_id    uuid NOT NULL,
    prepared_at timestamptz
);

-- One delivery of one invoice to one receiver: the row that changes.
CREATE TABLE delivery (
    delivery_id   uuid PRIMARY KEY,
    invoice_id    uuid NOT NULL,
    account_id    uuid NOT NULL,
    receiver_id   uuid NOT NULL,
    receiver_name text NOT NULL,
    routing       integer NOT NULL,
    channel       text NOT NULL CHECK (channel IN ('folder', 'smtp')),
    lane          text NOT NULL COLLATE "C",
    size          integer NOT NULL,
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'attempting', 'handed_over', 'confirmed', 'undeliverable')),
    due_at        timestamptz NOT NULL DEFAULT now(),
    lease_until   timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    unresolved    boolean NOT NULL DEFAULT false,
    sequence      integer NOT NULL,
    file_name     text,
    reason        jsonb,
    correlation   text,
    traceparent   text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    handed_at     timestamptz,
    UNIQUE (invoice_id, receiver_id, routing)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON COLUMN delivery.lane IS 'what is slow together: the folder, or the domain of the mail address';
COMMENT ON COLUMN delivery.size IS 'bytes of its documents';
COMMENT ON COLUMN delivery.attempts IS 'attempts started; the number of the latest is also the fence';
COMMENT ON COLUMN delivery.failures IS 'attempts that failed or ended unknown; what the policy counts';
COMMENT ON COLUMN delivery.unresolved IS 'an attempt of unknown end stands: the receiver may have it already';
COMMENT ON COLUMN delivery.sequence IS 'number of the last fact on this invoice, channel and receiver';
COMMENT ON COLUMN delivery.reason IS 'undeliverable: {code, nl, en}';

-- Never two on their way: a second routing to the same receiver is only for what could not be delivered.
CREATE UNIQUE INDEX delivery_alive ON delivery (invoice_id, receiver_id) WHERE state <> 'undeliverable';
CREATE INDEX delivery_due ON delivery (channel, due_at) WHERE state = 'queued';
CREATE INDEX delivery_leased ON delivery (channel, lease_until) WHERE state = 'attempting';
CREATE INDEX delivery_in_folder ON delivery (lane, delivery_id)
    WHERE state = 'handed_over' AND channel = 'folder';
CREATE INDEX delivery_account ON delivery (account_id, delivery_id);

-- What the channel needs, as it was agreed when the delivery was planned. Written once, so that the row
-- above, which changes three times, stays small.
CREATE TABLE parcel (
    delivery_id uuid PRIMARY KEY REFERENCES delivery,
    body        jsonb NOT NULL
);

-- Written before acting, finished after. Without an outcome: under way, or nobody knows yet how it ended.
CREATE TABLE attempt (
    delivery_id uuid NOT NULL REFERENCES delivery,
    number      integer NOT NULL,
    account_id  uuid NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('handed_over', 'failed', 'refused', 'unknown', 'not_begun')),
    repeated    boolean NOT NULL DEFAULT false,
    late        boolean NOT NULL DEFAULT false,
    code        text,
    detail      text,
    PRIMARY KEY (delivery_id, number)
);

COMMENT ON COLUMN attempt.repeated IS 'it repeated an attempt of unknown end: the receiver may have it twice';
COMMENT ON COLUMN attempt.late IS 'the result came after the lease was lost, and changed nothing';
COMMENT ON COLUMN attempt.detail IS 'handed_over: the receipt; else what went wrong';

ALTER TABLE connection ENABLE ROW LEVEL SECURITY;
ALTER TABLE folder     ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery   ENABLE ROW LEVEL SECURITY;
ALTER TABLE parcel     ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt    ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON connection TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON folder     TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON delivery   TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON parcel     TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON attempt    TO {schema}_worker USING (true) WITH CHECK (true);

CREATE POLICY own ON connection TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON delivery   TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON attempt    TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT, UPDATE ON connection, folder, delivery, attempt TO {schema}_worker;
GRANT SELECT, INSERT ON parcel TO {schema}_worker;
GRANT SELECT ON connection, delivery, attempt TO {schema}_api;
