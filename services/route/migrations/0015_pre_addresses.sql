-- Whole addresses of a party. What decides reads their post codes alone, which stand in post_codes.
ALTER TABLE party ADD COLUMN addresses jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN party.addresses IS 'in the terms of EN 16931 (BT-50 to BT-55, BT-163), each with who said it';
