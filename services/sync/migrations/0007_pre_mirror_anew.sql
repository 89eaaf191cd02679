-- A Purchase to Pay at another address is another environment: its mirror is read whole, as if for the first time.
ALTER TABLE mirror_cursor ALTER COLUMN since DROP NOT NULL;
COMMENT ON COLUMN mirror_cursor.since IS 'by the clock of Purchase to Pay; empty: it is to be read whole';
