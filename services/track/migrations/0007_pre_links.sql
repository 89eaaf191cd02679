-- Mails with a one-time link, for people of accounts: sign-up, invitation, forgotten password. The token is not here:
-- it is worked out from the id when the mail is written (libs/links.py).
CREATE TABLE link_mail (
    link_id      uuid PRIMARY KEY,
    account_id   uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('sign-up', 'known', 'invitation', 'reset')),
    email        text        NOT NULL,
    account_name text        NOT NULL,
    by_email     text,
    language     text        NOT NULL CHECK (language IN ('nl', 'en')),
    expires_at   timestamptz NOT NULL,
    state        text        NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'failed', 'expired')),
    due_at       timestamptz NOT NULL DEFAULT now(),
    attempts     integer     NOT NULL DEFAULT 0,
    detail       text,
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN link_mail.attempts IS 'attempts started; also the fence: a result counts only for the latest';
COMMENT ON COLUMN link_mail.due_at IS 'while an attempt runs: when its lease ends; then the mail goes again, under the same Message-ID';
CREATE INDEX link_mail_due ON link_mail (due_at) WHERE state = 'due';
CREATE INDEX link_mail_expires ON link_mail (expires_at);

ALTER TABLE link_mail ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON link_mail TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON link_mail TO {schema}_worker;
