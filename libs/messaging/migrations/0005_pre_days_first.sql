-- As before, but the days to come are made also while somebody reads: what could not be dropped was taken back together
-- with what had been made, so whoever read for a week stopped every relay at midnight. Returns how many partitions came
-- and went, -1 when some could not go yet.
CREATE OR REPLACE FUNCTION outbox_sent_roll(keep_days integer DEFAULT 7, ahead_days integer DEFAULT 7)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    today     date := (now() AT TIME ZONE 'UTC')::date;
    day       date;
    part      text;
    changed   integer := 0;
BEGIN
    IF keep_days < 1 OR ahead_days < 1 OR ahead_days > 60 THEN
        RAISE EXCEPTION 'outbox_sent keeps and prepares at least one day, and prepares at most 60';
    END IF;
    -- Two relays may roll at once; the lock is short, and whoever cannot have it comes again later.
    PERFORM set_config('lock_timeout', '2s', true);
    PERFORM pg_advisory_xact_lock(hashtext('postbode.outbox_sent_roll'), hashtext('{schema}'));
    FOR day IN SELECT today + offset_days FROM generate_series(0, ahead_days) AS offset_days LOOP
        part := 'outbox_sent_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(quote_ident('{schema}') || '.' || part) IS NULL THEN
            -- Attached, not created in place: that would shut out every writer of the parent.
            EXECUTE format('CREATE TABLE %I (LIKE outbox_sent INCLUDING ALL)', part);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE outbox_sent ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
                           day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            changed := changed + 1;
        END IF;
    END LOOP;
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'outbox_sent'::regclass
          AND c.relname ~ '^outbox_sent_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep_days
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE %I', part);
        EXCEPTION WHEN lock_not_available THEN
            RETURN -1;
        END;
        changed := changed + 1;
    END LOOP;
    RETURN changed;
END $$;
