-- A Timestamp is a division's own: where another one is chosen, its payment terms are read from the first.
ALTER TABLE payment_fetch ADD COLUMN division integer;
COMMENT ON COLUMN payment_fetch.division IS 'whose Timestamps low, middle and high are';
UPDATE payment_fetch f SET division = l.division FROM exact_link l WHERE l.link_id = f.link_id;
