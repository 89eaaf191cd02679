-- The directory of parties, what was decided about each invoice, and what waits.
--
-- Roles: the worker decides for many accounts in one transaction and reads the whole directory; the operator's
-- writes run as the worker too, because a new party releases parked invoices of every account. The api role
-- sees the rows of the account it has set; with none set every query is an error. Somebody else's party is
-- read through find_party() alone, which tells neither its address nor who entered it.

CREATE TABLE party (
    party_id      uuid PRIMARY KEY,
    owner_account uuid NOT NULL,
    name          text NOT NULL,
    email         text,
    language      text NOT NULL DEFAULT 'nl' CHECK (language IN ('nl', 'en')),
    country       text NOT NULL DEFAULT 'NL',
    status        text NOT NULL CHECK (status IN ('claimed', 'confirmed')),
    branch_of     uuid REFERENCES party,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX party_owner ON party (owner_account, party_id);
CREATE INDEX party_branch ON party (branch_of) WHERE branch_of IS NOT NULL;

COMMENT ON COLUMN party.status IS 'nobody receives before confirmed';
COMMENT ON COLUMN party.branch_of IS 'the party this one is a place of business of: a branch number may point to it';

-- `confirmed` repeats the party's status, so that one number belongs to one confirmed party by a key.
CREATE TABLE identifier (
    party_id      uuid NOT NULL REFERENCES party,
    scheme        text NOT NULL COLLATE "C",
    value         text NOT NULL COLLATE "C",
    owner_account uuid NOT NULL,
    confirmed     boolean NOT NULL,
    PRIMARY KEY (party_id, scheme, value)
);
CREATE UNIQUE INDEX identifier_confirmed ON identifier (scheme, value) WHERE confirmed;

-- Every change: who, before, after.
CREATE TABLE party_change (
    change_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party_id      uuid NOT NULL REFERENCES party,
    owner_account uuid NOT NULL,
    by_account    uuid,
    by_user       uuid,
    before        jsonb,
    after         jsonb NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX party_change_party ON party_change (party_id, change_id);

COMMENT ON COLUMN party_change.by_account IS 'null: an operator at the machine';

-- One row per fact this service told about an invoice; the primary key is the fact's number.
CREATE TABLE decision (
    invoice_id  uuid NOT NULL,
    sequence    integer NOT NULL CHECK (sequence >= 1),
    account_id  uuid NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('routed', 'parked', 'released', 'returned')),
    code        text,
    receiver    jsonb,
    explanation jsonb NOT NULL,
    decided_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (invoice_id, sequence)
);

COMMENT ON COLUMN decision.receiver IS 'as agreed at that moment; the party may change later';

-- Invoices that wait, or waited. `validated` is the event needed to go on.
CREATE TABLE parked (
    invoice_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    code       text NOT NULL,
    reason     jsonb NOT NULL,
    waits_for  text[] NOT NULL,
    validated  jsonb NOT NULL,
    state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'released', 'returned')),
    parked_at  timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz
);
CREATE INDEX parked_open ON parked (account_id, parked_at, invoice_id) WHERE state = 'open';
CREATE INDEX parked_waits_for ON parked USING gin (waits_for) WHERE state = 'open';

COMMENT ON COLUMN parked.waits_for IS 'scheme:value of every identifier that lets it go on when somebody has it';

-- Identifiers that have come to be known while invoices waited for them: what is still to be released. `after`
-- is how far that got, so a restart goes on where the last one stopped.
CREATE TABLE arrival (
    scheme     text NOT NULL COLLATE "C",
    value      text NOT NULL COLLATE "C",
    after      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    arrived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scheme, value)
);

ALTER TABLE party        ENABLE ROW LEVEL SECURITY;
ALTER TABLE identifier   ENABLE ROW LEVEL SECURITY;
ALTER TABLE party_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE decision     ENABLE ROW LEVEL SECURITY;
ALTER TABLE parked       ENABLE ROW LEVEL SECURITY;
ALTER TABLE arrival      ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON party        TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON identifier   TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON party_change TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON decision     TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON parked       TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON arrival      TO {schema}_worker USING (true) WITH CHECK (true);

-- An account may enter parties and change them until they are confirmed. From then on others send to them,
-- and whoever could change the address could take their post: that is for the operator.
CREATE POLICY own_read ON party FOR SELECT TO {schema}_api
    USING (owner_account = current_setting('postbode.account')::uuid);
CREATE POLICY own_add ON party FOR INSERT TO {schema}_api
    WITH CHECK (owner_account = current_setting('postbode.account')::uuid AND status = 'claimed' AND branch_of IS NULL);
CREATE POLICY own_change ON party FOR UPDATE TO {schema}_api
    USING (owner_account = current_setting('postbode.account')::uuid AND status = 'claimed')
    WITH CHECK (owner_account = current_setting('postbode.account')::uuid AND status = 'claimed' AND branch_of IS NULL);

CREATE POLICY own_read ON identifier FOR SELECT TO {schema}_api
    USING (owner_account = current_setting('postbode.account')::uuid);
CREATE POLICY own_add ON identifier FOR INSERT TO {schema}_api
    WITH CHECK (owner_account = current_setting('postbode.account')::uuid AND NOT confirmed
                AND party_id IN (SELECT p.party_id FROM party p WHERE p.status = 'claimed'));
CREATE POLICY own_remove ON identifier FOR DELETE TO {schema}_api
    USING (owner_account = current_setting('postbode.account')::uuid AND NOT confirmed);

CREATE POLICY own_read ON party_change FOR SELECT TO {schema}_api
    USING (owner_account = current_setting('postbode.account')::uuid);
CREATE POLICY own_add ON party_change FOR INSERT TO {schema}_api
    WITH CHECK (owner_account = current_setting('postbode.account')::uuid AND by_account = owner_account);

CREATE POLICY own_read ON decision FOR SELECT TO {schema}_api
    USING (account_id = current_setting('postbode.account')::uuid);
CREATE POLICY own_return ON decision FOR INSERT TO {schema}_api
    WITH CHECK (account_id = current_setting('postbode.account')::uuid AND outcome = 'returned');
CREATE POLICY own ON parked TO {schema}_api
    USING (account_id = current_setting('postbode.account')::uuid);

GRANT SELECT, INSERT, UPDATE ON party TO {schema}_worker, {schema}_api;
GRANT SELECT, INSERT, DELETE ON identifier TO {schema}_worker, {schema}_api;
GRANT SELECT, INSERT ON party_change, decision TO {schema}_worker, {schema}_api;
GRANT SELECT, INSERT, UPDATE ON parked TO {schema}_worker;
GRANT SELECT, UPDATE (state, closed_at) ON parked TO {schema}_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON arrival TO {schema}_worker;

-- Who has this number? Name and numbers of a confirmed party; no address, nothing of who entered it.
CREATE FUNCTION find_party(wanted_scheme text, wanted_value text)
    RETURNS TABLE (party_id uuid, name text, country text, identifiers jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
    AS $$
        SELECT p.party_id, p.name, p.country,
               (SELECT jsonb_agg(jsonb_build_object('scheme', o.scheme, 'value', o.value)
                                 ORDER BY o.scheme, o.value)
                  FROM identifier o WHERE o.party_id = p.party_id)
          FROM identifier i JOIN party p ON p.party_id = i.party_id
         WHERE i.scheme = wanted_scheme AND i.value = wanted_value AND i.confirmed
    $$;

REVOKE ALL ON FUNCTION find_party(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_party(text, text) TO {schema}_api;
