-- Deliveries an operator holds back: of a channel, of an account, or of an account on a channel.
CREATE TABLE pause (
    channel    text,
    account_id uuid,
    by         text NOT NULL,
    why        text NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),
    CHECK (channel IS NOT NULL OR account_id IS NOT NULL)
);
CREATE UNIQUE INDEX pause_once ON pause
    (coalesce(channel, ''), coalesce(account_id, '00000000-0000-0000-0000-000000000000'));

CREATE INDEX pause_account ON pause (account_id);

COMMENT ON TABLE pause IS 'no row: nothing is held back';
COMMENT ON COLUMN pause.channel IS 'null: of every channel';
COMMENT ON COLUMN pause.account_id IS 'null: of every account';

ALTER TABLE pause ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON pause TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON pause TO {schema}_worker;
