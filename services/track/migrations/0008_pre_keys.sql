-- A mail with somebody's key address: no link, and its text lies here sealed.
ALTER TABLE link_mail DROP CONSTRAINT link_mail_kind_check;
ALTER TABLE link_mail ADD CONSTRAINT link_mail_kind_check
    CHECK (kind IN ('sign-up', 'known', 'invitation', 'reset', 'key'));
ALTER TABLE link_mail ADD COLUMN sealed text;
COMMENT ON COLUMN link_mail.sealed IS 'kind key: the addresses (libs/sealed.py)';
