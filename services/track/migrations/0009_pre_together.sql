-- Notices to one address go out together: one of them, the lead, stands for the mail, and `told_in` of all names it.
-- A notice without `told_in` waits to be gathered; those of a mail but its lead are 'joined', so that a release that
-- knows nothing of this leaves them alone.
ALTER TABLE notice ADD COLUMN told_in uuid;
ALTER TABLE notice DROP CONSTRAINT notice_state_check;
ALTER TABLE notice ADD CONSTRAINT notice_state_check
    CHECK (state IN ('due', 'joined', 'sent', 'failed', 'superseded'));
COMMENT ON COLUMN notice.told_in IS 'the lead of the mail that tells it; null: it waits';
CREATE INDEX notice_waiting ON notice (account_id) WHERE state = 'due' AND told_in IS NULL;
CREATE INDEX notice_told_in ON notice (told_in);
CREATE INDEX notice_attempt_first ON notice_attempt (address, started_at) WHERE attempt = 1;
