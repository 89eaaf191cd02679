-- An XML that comes again with a PDF the first one did not have: the PDF is kept and no longer delivered, which
-- has to be said. Rows from before know no hash; whoever repeats one with a PDF is told once too often.

ALTER TABLE invoice ADD COLUMN pdf_sha256 bytea;
ALTER TABLE repeat ADD COLUMN code text;
ALTER TABLE repeat ADD COLUMN reason jsonb;
