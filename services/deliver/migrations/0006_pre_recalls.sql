-- Senders and receivers between whom nothing goes, after a wrong delivery. What route decided before a person lifted the
-- `number`-th stop is parked; what it decides after that says so.
CREATE TABLE stop (
    account_id  uuid NOT NULL,
    receiver_id uuid NOT NULL,
    number      integer NOT NULL,
    PRIMARY KEY (account_id, receiver_id)
);
ALTER TABLE delivery ADD COLUMN stopped boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN delivery.stopped IS 'it is parked as soon as no attempt is under way; released by hand it is not';
CREATE INDEX delivery_stopped ON delivery (delivery_id) WHERE stopped AND state = 'queued';
CREATE INDEX delivery_under_way ON delivery (account_id, receiver_id) WHERE state IN ('queued', 'attempting');

ALTER TABLE stop ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON stop TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON stop TO {schema}_worker;
