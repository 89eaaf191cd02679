-- The api role counts guesses through a door and touches no table that belongs to no account.
-- How many seconds until one more may be tried; null: this one may, and is counted.
CREATE FUNCTION count_guess(wanted bytea, each interval, most interval) RETURNS double precision
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
BEGIN
    INSERT INTO guess AS g (address, used_until) VALUES (wanted, now() + each)
    ON CONFLICT (address) DO UPDATE SET used_until = greatest(g.used_until, now()) + each
     WHERE greatest(g.used_until, now()) + each <= now() + most;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT extract(epoch FROM used_until + each - most - now()) FROM guess WHERE address = wanted);
END $$;

REVOKE ALL ON FUNCTION count_guess(bytea, interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_guess(bytea, interval, interval) TO {schema}_api;
REVOKE ALL ON guess FROM {schema}_api;
DROP POLICY anybody ON guess;
