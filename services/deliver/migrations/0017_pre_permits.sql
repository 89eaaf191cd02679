-- Senders' word that invoices to this receiver may go by e-mail although both are Belgian businesses (belgium.py).
CREATE TABLE permit (
    account_id   uuid NOT NULL,
    receiver_id  uuid NOT NULL,
    by_user      uuid,
    said_at      timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz,
    PRIMARY KEY (account_id, receiver_id)
);

ALTER TABLE permit ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON permit TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY own ON permit TO {schema}_api USING (account_id = current_setting('postbode.account')::uuid);
GRANT SELECT, INSERT, UPDATE ON permit TO {schema}_worker;
GRANT SELECT ON permit TO {schema}_api;
