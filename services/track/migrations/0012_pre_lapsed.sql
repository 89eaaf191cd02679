-- A mail that a connection has lapsed: no link, and it goes to whatever address the account has when it is sent.
ALTER TABLE link_mail DROP CONSTRAINT link_mail_kind_check;
ALTER TABLE link_mail ADD CONSTRAINT link_mail_kind_check
    CHECK (kind IN ('sign-up', 'known', 'invitation', 'reset', 'key', 'lapsed'));
ALTER TABLE link_mail ADD COLUMN said jsonb;
COMMENT ON COLUMN link_mail.said IS 'kind lapsed: the event';
