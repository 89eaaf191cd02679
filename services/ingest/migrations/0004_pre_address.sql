-- Where an account does business: invoices of a syntax that names no seller (eExact) are its own, and the law wants
-- the seller's address on an invoice.
ALTER TABLE account ADD COLUMN address jsonb;
