-- Who is registered under an address: the accounts that have it, and those whose users have it. Each is answered at the
-- address it has registered, which is the one that was asked for, in whatever case.
CREATE FUNCTION find_registered(wanted text)
    RETURNS TABLE (account_id uuid, name text, email text, language text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT account_id, name, email, language FROM account
         WHERE lower(email) = lower(wanted) AND closed_at IS NULL
         UNION
        SELECT u.account_id, a.name, u.email, u.language FROM account_user u JOIN account a USING (account_id)
         WHERE u.email = lower(wanted) AND u.removed_at IS NULL AND u.role <> 'reader' AND a.closed_at IS NULL
           AND lower(a.email) <> lower(wanted)
         LIMIT 5
    $$;
CREATE INDEX account_email ON account (lower(email));
REVOKE ALL ON FUNCTION find_registered(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_registered(text) TO {schema}_api;
