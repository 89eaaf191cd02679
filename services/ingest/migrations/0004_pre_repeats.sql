-- An XML that comes again with a PDF the first one did not have: the PDF is kept and no longer delivered, which
-- has to be said. Rows from before know no hash; whoever repeats one with a PDF is told once too often.
-- IF NOT EXISTS: for a while this file was called 0002_pre_repeats.sql.

ALTER TABLE invoice ADD COLUMN IF NOT EXISTS pdf_sha256 bytea;
ALTER TABLE repeat ADD COLUMN IF NOT EXISTS code text;
ALTER TABLE repeat ADD COLUMN IF NOT EXISTS reason jsonb;
