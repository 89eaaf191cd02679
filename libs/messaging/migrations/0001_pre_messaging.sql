-- The four tables every service has: what it still has to say, what it said, what it has heard, and what
-- nobody could handle.

-- Outbox: events committed together with the state they tell about, until the broker has them.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL,
    account     uuid        NOT NULL,
    exchange    text        NOT NULL COLLATE "C",
    routing_key text        NOT NULL COLLATE "C",
    subject     text        NOT NULL,
    body        bytea       NOT NULL,
    alone       boolean     NOT NULL DEFAULT false,
    not_before  timestamptz,
    tries       smallint    NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now()
) WITH (
    -- A queue: nearly every row that was ever here is dead. Vacuum by count, not by share, and quickly.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
    toast_tuple_target = 4080
);

COMMENT ON COLUMN outbox.exchange IS 'empty: the default exchange, where routing_key is the name of one queue';
COMMENT ON COLUMN outbox.body IS 'one CloudEvent as JSON';
COMMENT ON COLUMN outbox.alone IS 'never packed with others: it may be the one that crashes its consumer';
COMMENT ON COLUMN outbox.not_before IS
    'waits until then; null: may go now; infinity: in the hands of the relay of a process without a broker';
COMMENT ON COLUMN outbox.tries IS 'how often a process without a broker took this row in hand';

ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL;

-- The relay walks lanes: one lane is one routing key of one account. Both kinds of row have an index of
-- their own, so neither slows the other down, however many there are.
CREATE INDEX outbox_lane ON outbox (routing_key, account, id) WHERE not_before IS NULL;
CREATE INDEX outbox_due ON outbox (not_before) WHERE not_before IS NOT NULL;

-- What was published, one partition a day. Read by redrive only.
CREATE TABLE outbox_sent (
    id          bigint      NOT NULL,
    event_id    uuid        NOT NULL,
    account     uuid        NOT NULL,
    exchange    text        NOT NULL COLLATE "C",
    routing_key text        NOT NULL COLLATE "C",
    subject     text        NOT NULL,
    body        bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (sent_at);

ALTER TABLE outbox_sent ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX outbox_sent_at ON outbox_sent USING brin (sent_at);
CREATE INDEX outbox_sent_subject ON outbox_sent (subject);
CREATE INDEX outbox_sent_event ON outbox_sent (event_id);

-- Makes the partitions of the coming days and drops those older than `keep_days`. The owner's rights are
-- lent to the worker for just this. Returns how many partitions came and went.
CREATE FUNCTION outbox_sent_roll(keep_days integer DEFAULT 7, ahead_days integer DEFAULT 7)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    today     date := (now() AT TIME ZONE 'UTC')::date;
    day       date;
    part      text;
    changed   integer := 0;
BEGIN
    IF keep_days < 1 OR ahead_days < 1 OR ahead_days > 60 THEN
        RAISE EXCEPTION 'outbox_sent keeps and prepares at least one day, and prepares at most 60';
    END IF;
    -- Two relays may roll at once; the lock is short, and whoever cannot have it comes again later.
    PERFORM set_config('lock_timeout', '2s', true);
    PERFORM pg_advisory_xact_lock(hashtext('postbode.outbox_sent_roll'), hashtext('{schema}'));
    FOR day IN SELECT today + offset_days FROM generate_series(0, ahead_days) AS offset_days LOOP
        part := 'outbox_sent_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(quote_ident('{schema}') || '.' || part) IS NULL THEN
            -- Attached, not created in place: that would shut out every writer of the parent.
            EXECUTE format('CREATE TABLE %I (LIKE outbox_sent INCLUDING ALL)', part);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE outbox_sent ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
                           day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            changed := changed + 1;
        END IF;
    END LOOP;
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'outbox_sent'::regclass
          AND c.relname ~ '^outbox_sent_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep_days
    LOOP
        EXECUTE format('DROP TABLE %I', part);
        changed := changed + 1;
    END LOOP;
    RETURN changed;
END $$;

REVOKE ALL ON FUNCTION outbox_sent_roll FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_sent_roll TO {schema}_worker;

SELECT outbox_sent_roll();

-- Inbox: the events a queue's consumer has finished with. A second delivery finds its row here.
-- Event ids grow with time, so the key is also the order in which rows are pruned.
CREATE TABLE inbox (
    queue       text        NOT NULL COLLATE "C",
    event_id    uuid        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, event_id)
);

-- Dead letters: events that no retry helped, with what was wrong. They wait for a person.
CREATE TABLE dead (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue       text        NOT NULL COLLATE "C",
    event_id    uuid        NOT NULL,
    account     uuid,
    subject     text,
    type        text,
    attempts    integer     NOT NULL,
    cause       text        NOT NULL,
    detail      text        NOT NULL,
    body        bytea       NOT NULL,
    died_at     timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    dropped_at  timestamptz
);

COMMENT ON COLUMN dead.event_id IS 'of something that cannot be read: derived from its bytes';
COMMENT ON COLUMN dead.cause IS 'the slug of the error';

-- One open row an event: collecting the broker's dead letters twice changes nothing.
CREATE UNIQUE INDEX dead_open ON dead (queue, event_id) WHERE replayed_at IS NULL AND dropped_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO {schema}_worker;
GRANT SELECT, INSERT ON outbox_sent TO {schema}_worker;
GRANT SELECT, INSERT, DELETE ON inbox TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE ON dead TO {schema}_worker;
GRANT INSERT ON outbox TO {schema}_api;

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox_sent ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON outbox TO {schema}_worker USING (true);
CREATE POLICY worker ON outbox_sent TO {schema}_worker USING (true);
CREATE POLICY worker ON dead TO {schema}_worker USING (true);
CREATE POLICY api ON outbox FOR INSERT TO {schema}_api
    WITH CHECK (account = current_setting('postbode.account')::uuid);
