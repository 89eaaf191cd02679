-- Links with Exact Online (exact/links.py): who consented for which account, and which division a party books in.
ALTER TABLE credential DROP CONSTRAINT credential_purpose_check;
ALTER TABLE credential ADD CONSTRAINT credential_purpose_check CHECK (purpose IN ('webhook', 'sftp', 'exact')) NOT VALID;

-- A consent that was asked for: the person comes back with this state, or with none of ours.
CREATE TABLE exact_consent (
    state_hash bytea PRIMARY KEY,
    party_id   uuid NOT NULL,
    account_id uuid NOT NULL,
    base       text NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now()
);

-- What a person at Exact allowed the hub, for one account. Its tokens lie sealed in credential, under grant_id.
CREATE TABLE exact_grant (
    grant_id       uuid PRIMARY KEY,
    account_id     uuid NOT NULL,
    base           text NOT NULL,
    person         text NOT NULL,
    person_name    text NOT NULL,
    state          text NOT NULL CHECK (state IN ('warned', 'live', 'lapsed')),
    shared         boolean NOT NULL DEFAULT false,
    reason         jsonb,
    generation     integer NOT NULL DEFAULT 1,
    renewing_until timestamptz,
    issued_at      timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    told_at        timestamptz
);
COMMENT ON COLUMN exact_grant.person IS 'UserID at Exact: may hold one account only (R105), unless shared (R106)';
COMMENT ON COLUMN exact_grant.state IS 'warned: it would end the link of another account, and nobody said yet that it may';
COMMENT ON COLUMN exact_grant.reason IS 'lapsed: {code, nl, en}';
COMMENT ON COLUMN exact_grant.generation IS 'of its tokens: who renews them renews these and no others';
COMMENT ON COLUMN exact_grant.renewing_until IS 'somebody renews them, or died while doing so';
COMMENT ON COLUMN exact_grant.told_at IS 'lapsed: its account was told';
CREATE UNIQUE INDEX exact_grant_person ON exact_grant (person) WHERE state = 'live' AND NOT shared;
CREATE UNIQUE INDEX exact_grant_own ON exact_grant (person, account_id) WHERE state <> 'lapsed';
CREATE INDEX exact_grant_idle ON exact_grant (issued_at) WHERE state = 'live';
CREATE INDEX exact_grant_account ON exact_grant (account_id);

-- People who may hold links of several accounts: an operator said so.
CREATE TABLE exact_shared (
    person     text PRIMARY KEY,
    by         text NOT NULL,
    why        text NOT NULL,
    since      timestamptz NOT NULL DEFAULT now()
);

-- The books of a party: a division, reached by a grant. division null: not chosen yet.
CREATE TABLE exact_link (
    link_id       uuid PRIMARY KEY,
    party_id      uuid NOT NULL,
    account_id    uuid NOT NULL,
    grant_id      uuid NOT NULL REFERENCES exact_grant,
    division      integer,
    division_name text,
    settings      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz
);
CREATE UNIQUE INDEX exact_link_current ON exact_link (party_id) WHERE ended_at IS NULL;
CREATE INDEX exact_link_grant ON exact_link (grant_id);
CREATE INDEX exact_link_account ON exact_link (account_id);

ALTER TABLE exact_consent ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_grant   ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_shared  ENABLE ROW LEVEL SECURITY;
ALTER TABLE exact_link    ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON exact_consent TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_grant   TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_shared  TO {schema}_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON exact_link    TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON exact_consent, exact_shared TO {schema}_worker;
GRANT SELECT, INSERT, UPDATE ON exact_grant, exact_link TO {schema}_worker;
GRANT UPDATE ON exact_shared TO {schema}_worker;
