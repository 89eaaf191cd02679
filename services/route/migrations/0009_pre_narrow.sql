-- Fewer and narrower rows and indexes on the way of every invoice.

-- A number is known by one hash instead of five columns in two indexes.
ALTER TABLE numbered
    ADD COLUMN key         uuid,
    ADD COLUMN document_id uuid,
    ADD COLUMN sha256      bytea,
    ADD COLUMN size        integer,
    ALTER COLUMN account_id DROP NOT NULL,
    ALTER COLUMN seller     DROP NOT NULL,
    ALTER COLUMN number     DROP NOT NULL,
    ALTER COLUMN type_code  DROP NOT NULL,
    ALTER COLUMN year       DROP NOT NULL;

COMMENT ON COLUMN numbered.key IS 'hash of account, seller, number, document type and year (numbering.py)';
COMMENT ON COLUMN numbered.number IS 'as on the invoice, to tell people';
COMMENT ON COLUMN numbered.document_id IS 'what its document is fetched and compared by; null where only the end is known';

-- What the old release still writes is the same number to the new one.
CREATE FUNCTION numbered_narrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.key := substr(encode(sha256(convert_to(
        NEW.account_id || E'\x1f' || NEW.seller || E'\x1f' || NEW.number || E'\x1f' || NEW.type_code
        || E'\x1f' || NEW.year, 'UTF8')), 'hex'), 1, 32)::uuid;
    NEW.document_id := (NEW.original ->> 'document_id')::uuid;
    NEW.sha256 := decode(NEW.original ->> 'sha256', 'hex');
    NEW.size := (NEW.original ->> 'size')::integer;
    RETURN NEW;
END $$;
CREATE TRIGGER narrow BEFORE INSERT OR UPDATE ON numbered FOR EACH ROW WHEN (NEW.key IS NULL)
    EXECUTE FUNCTION numbered_narrow();
UPDATE numbered SET key = NULL;

CREATE UNIQUE INDEX numbered_holder ON numbered (key) WHERE state = 'holds';
CREATE INDEX numbered_others ON numbered (key, invoice_id) WHERE state <> 'holds';

-- A party with its numbers is one row to read. Every change of either goes through one function.
ALTER TABLE party ADD COLUMN keys text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN party.keys IS 'scheme:value of each of its rows in identifier';
UPDATE party p SET keys = ARRAY(
    SELECT i.scheme || ':' || i.value FROM identifier i WHERE i.party_id = p.party_id ORDER BY i.scheme, i.value);

-- What the old release still writes is seen by the new one.
CREATE FUNCTION party_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE party p SET keys = ARRAY(
        SELECT i.scheme || ':' || i.value FROM identifier i WHERE i.party_id = p.party_id ORDER BY i.scheme, i.value)
     WHERE p.party_id = coalesce(NEW.party_id, OLD.party_id);
    RETURN NULL;
END $$;
CREATE TRIGGER keys AFTER INSERT OR DELETE ON identifier FOR EACH ROW EXECUTE FUNCTION party_keys();

-- Whose a number is stands in the index itself.
CREATE UNIQUE INDEX identifier_owner ON identifier (scheme, value) INCLUDE (party_id) WHERE confirmed;
DROP INDEX identifier_confirmed;

-- What was said to people stands in the timeline.
ALTER TABLE decision ALTER COLUMN explanation DROP NOT NULL;

-- One index for the number of a fact and for the ledger's sums.
CREATE UNIQUE INDEX decision_fact ON decision (invoice_id, sequence) INCLUDE (outcome);
ALTER TABLE decision DROP CONSTRAINT decision_pkey;
ALTER TABLE decision ADD CONSTRAINT decision_pkey PRIMARY KEY USING INDEX decision_fact;
DROP INDEX decision_routed;

-- Whoever becomes known asks who waits for it, and would read all that the index has put off.
ALTER INDEX parked_waits_for SET (fastupdate = off);
SELECT gin_clean_pending_list('parked_waits_for');
