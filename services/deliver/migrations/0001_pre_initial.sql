-- Which package a receiver has, what is to be delivered, and what was tried.

-- A receiver's connection. A change closes the old row and opens a new one: it holds for the next invoices,
-- while those under way keep the settings they were planned with (R52).
CREATE TABLE connection (
    connection_id uuid PRIMARY KEY,
    party_id      uuid NOT NULL,
    package       text NOT NULL,
    channel       text NOT NULL CHECK (channel IN ('folder', 'smtp')),
    settings      jsonb NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz
);
CREATE UNIQUE INDEX connection_current ON connection (party_id) WHERE ended_at IS NULL;

-- One delivery of one invoice to one receiver, planned once per routing decision.
CREATE TABLE delivery (
    delivery_id  uuid PRIMARY KEY,
    invoice_id   uuid NOT NULL,
    account_id   uuid NOT NULL,
    receiver_id  uuid NOT NULL,
    routing      integer NOT NULL,
    channel      text NOT NULL,
    parcel       jsonb NOT NULL,
    correlation  text,
    state        text NOT NULL DEFAULT 'queued'
                 CHECK (state IN ('queued', 'attempting', 'handed_over', 'confirmed', 'undeliverable')),
    due_at       timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL DEFAULT 0,
    fence        bigint NOT NULL DEFAULT 0,
    lease_until  timestamptz,
    sequence     integer NOT NULL DEFAULT 0,
    file_name    text,
    traceparent  text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (invoice_id, receiver_id, routing)
);
COMMENT ON COLUMN delivery.parcel IS 'what the channel needs: receiver, documents, summary, settings as agreed';
COMMENT ON COLUMN delivery.sequence IS 'facts told about this delivery so far';

CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'queued';
CREATE INDEX delivery_leased ON delivery (lease_until) WHERE state = 'attempting';
CREATE INDEX delivery_waiting ON delivery (delivery_id) WHERE state = 'handed_over' AND channel = 'folder';
CREATE INDEX delivery_invoice ON delivery (invoice_id);

-- Written before acting, finished after: a row without an outcome is an attempt nobody knows the end of.
CREATE TABLE attempt (
    delivery_id uuid NOT NULL REFERENCES delivery,
    number      integer NOT NULL,
    account_id  uuid NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('handed_over', 'failed', 'refused', 'unknown')),
    repeated    boolean NOT NULL DEFAULT false,
    detail      text,
    PRIMARY KEY (delivery_id, number)
);
COMMENT ON COLUMN attempt.repeated IS 'an attempt of unknown end had to be repeated: the receiver may have it twice';

ALTER TABLE connection ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery   ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt    ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON connection TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON delivery   TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON attempt    TO {schema}_worker USING (true) WITH CHECK (true);

CREATE POLICY own ON delivery TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own ON attempt  TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT, UPDATE ON connection, delivery, attempt TO {schema}_worker;
GRANT SELECT ON delivery, attempt TO {schema}_api;
