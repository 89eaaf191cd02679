-- A mail about an invoice to somebody who is not its sender: who got it by mistake.
ALTER TABLE notice ADD COLUMN to_name text;
ALTER TABLE notice ADD COLUMN to_email text;
ALTER TABLE notice ADD COLUMN to_language text CHECK (to_language IN ('nl', 'en'));
COMMENT ON COLUMN notice.to_email IS 'null: to the sender, at the address its account has';
