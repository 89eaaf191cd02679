-- How a mail came and what it said of itself, as evidence; and whether an account's mails may pair a PDF of another name.

ALTER TABLE submission ADD COLUMN mail_facts jsonb, ADD COLUMN mail_head bytea;
COMMENT ON COLUMN submission.mail_facts IS 'From, results of SPF, DKIM and DMARC by the server in front, and the connection; never believed';
COMMENT ON COLUMN submission.mail_head IS 'the header as it came, cut to 16 kB';

ALTER TABLE account ADD COLUMN loose_pdf boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN account.loose_pdf IS 'set by an operator (R25): the only PDF of a mail belongs to its only invoice, whatever their names';

DROP FUNCTION find_mailbox(bytea);
CREATE FUNCTION find_mailbox(wanted bytea)
    RETURNS TABLE (mailbox_id uuid, account_id uuid, loose_pdf boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT m.mailbox_id, m.account_id, a.loose_pdf FROM mailbox m JOIN account a USING (account_id)
         WHERE address_hash = wanted AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    $$;
REVOKE ALL ON FUNCTION find_mailbox(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_mailbox(bytea) TO {schema}_api;
