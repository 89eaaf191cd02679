DROP TRIGGER keys ON identifier;
DROP FUNCTION party_keys();
DROP TRIGGER narrow ON numbered;
DROP FUNCTION numbered_narrow();
DROP INDEX numbered_holds, numbered_number;
ALTER TABLE numbered
    ALTER COLUMN key SET NOT NULL,
    DROP COLUMN account_id, DROP COLUMN seller, DROP COLUMN type_code, DROP COLUMN year, DROP COLUMN original;
ALTER TABLE decision DROP COLUMN explanation;
