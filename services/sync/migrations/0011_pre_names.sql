-- How the names of suppliers compared between administrations (R201.7), and for which stamps of theirs: they are read again
-- only when one of them was written.
ALTER TABLE solution ADD COLUMN names jsonb NOT NULL DEFAULT '{}';
