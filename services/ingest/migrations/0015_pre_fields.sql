-- What a sender says of an invoice beside it.
ALTER TABLE invoice ADD COLUMN fields jsonb;
COMMENT ON COLUMN invoice.fields IS 'extra fields (R121) by their names; forgotten with the file name';
