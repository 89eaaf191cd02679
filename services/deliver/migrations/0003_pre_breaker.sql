-- One breaker for each receiver and channel, shared by all workers: whoever does not take what is brought is asked
-- by one attempt now and then, while the rest waits without being attempted.
CREATE TABLE breaker (
    channel     text NOT NULL CHECK (channel IN ('folder', 'smtp')),
    receiver_id uuid NOT NULL,
    failures    integer NOT NULL,
    openings    integer NOT NULL DEFAULT 0,
    open_until  timestamptz,
    probing     boolean NOT NULL DEFAULT false,
    code        text,
    detail      text,
    since       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel, receiver_id)
);

COMMENT ON TABLE  breaker IS 'no row: nothing is wrong with this receiver on this channel';
COMMENT ON COLUMN breaker.failures IS 'attempts in a row that failed because of the receiver or the way there';
COMMENT ON COLUMN breaker.openings IS 'how often it opened or a probe failed: the wait grows with it';
COMMENT ON COLUMN breaker.open_until IS 'when the next probe may go; null: not enough failures to open';
COMMENT ON COLUMN breaker.probing IS 'a probe is under way; should it die, another may go at open_until';
COMMENT ON COLUMN breaker.code IS 'of the last failure, with its detail';

ALTER TABLE breaker ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON breaker TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON breaker TO {schema}_worker;
