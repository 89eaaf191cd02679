-- What is kept alike: one row per Globe+ administration and the Purchase to Pay it is synced with.
-- Plans, runs, the identity map and conflicts come with the first kind of record that is synced.

CREATE TABLE configuration (
    configuration_id uuid PRIMARY KEY,
    account_id       uuid        NOT NULL,
    name             text        NOT NULL,
    administration   text        NOT NULL,
    enabled          boolean     NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, administration)
);
COMMENT ON COLUMN configuration.administration IS 'the Globe+ administration, by its database name';

ALTER TABLE configuration ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON configuration TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON configuration TO {schema}_api
    USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT, UPDATE ON configuration TO {schema}_worker;
GRANT SELECT                 ON configuration TO {schema}_api;
