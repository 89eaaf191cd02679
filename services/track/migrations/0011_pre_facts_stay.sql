-- Facts are for good: a worker adds them and has one way to let go of them, the end of an invoice's retention.
CREATE FUNCTION forget_facts(invoices uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$ DELETE FROM fact WHERE invoice_id = ANY (invoices) $$;

REVOKE ALL ON FUNCTION forget_facts(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_facts(uuid[]) TO {schema}_worker;
REVOKE DELETE ON fact FROM {schema}_worker;
