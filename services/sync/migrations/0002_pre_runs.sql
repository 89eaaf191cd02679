-- Clients, administrations, solutions; what is remembered of every record; plans and what became of them.
--
-- The words are those of Exact's own console: a *client* is one Purchase to Pay, a *solution* is one client with one
-- or more administrations and a schedule. What is remembered (identity, mirror) belongs to the client and not to the
-- solution, so a solution can be made anew without a record losing its identity (R205).

CREATE TABLE client (
    client_id    uuid PRIMARY KEY,
    account_id   uuid        NOT NULL,
    name         text        NOT NULL,
    base_address text        NOT NULL,
    username     text        NOT NULL,
    secrets      bytea       NOT NULL,
    connected_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
COMMENT ON COLUMN client.secrets IS 'password and API key, encrypted';
COMMENT ON COLUMN client.connected_at IS 'when a connection last succeeded; a solution needs one';

CREATE TABLE administration (
    administration_id uuid PRIMARY KEY,
    account_id        uuid        NOT NULL,
    code              text        NOT NULL,
    name              text        NOT NULL,
    source            bytea       NOT NULL,
    product_update    text        NOT NULL,
    integrator        text        NOT NULL DEFAULT 'integrator' CHECK (integrator IN ('integrator', 'cmdm')),
    licensed          boolean     NOT NULL DEFAULT true,
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, code)
);
COMMENT ON COLUMN administration.source IS 'address of its database, encrypted: it holds a password';

CREATE TABLE solution (
    solution_id     uuid PRIMARY KEY,
    account_id      uuid        NOT NULL,
    client_id       uuid        NOT NULL UNIQUE REFERENCES client,
    name            text        NOT NULL,
    description     text        NOT NULL DEFAULT '',
    every           text        NOT NULL,
    at              time,
    timezone        text        NOT NULL DEFAULT 'Europe/Amsterdam',
    active          boolean     NOT NULL DEFAULT false,
    settings        jsonb       NOT NULL DEFAULT '{}',
    same_cost_types boolean,
    next_run        timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN solution.client_id IS 'one solution per client (R205)';
COMMENT ON COLUMN solution.same_cost_types IS 'the feature as it was when cost types first went over (R218)';

CREATE TABLE member (
    solution_id       uuid    NOT NULL REFERENCES solution ON DELETE CASCADE,
    administration_id uuid    NOT NULL REFERENCES administration,
    account_id        uuid    NOT NULL,
    position          integer NOT NULL,
    PRIMARY KEY (solution_id, administration_id)
);

-- What a record of Globe+ is called in Purchase to Pay, and what both sides agreed on last.
CREATE TABLE identity (
    client_id      uuid NOT NULL REFERENCES client,
    administration text NOT NULL COLLATE "C",
    kind           text NOT NULL COLLATE "C",
    record_id      text NOT NULL COLLATE "C",
    account_id     uuid NOT NULL,
    external_id    text NOT NULL COLLATE "C",
    stamp          text NOT NULL DEFAULT '',
    digest         text NOT NULL DEFAULT '',
    agreed         jsonb,
    held           text NOT NULL DEFAULT '',
    PRIMARY KEY (client_id, administration, kind, record_id)
);
CREATE INDEX identity_external ON identity (client_id, kind, external_id);
COMMENT ON COLUMN identity.digest IS 'of what Globe+ said when both sides agreed last; empty: it never went over';

-- Purchase to Pay as it was last seen: read whole once, then only what changed.
CREATE TABLE mirror (
    client_id   uuid NOT NULL REFERENCES client,
    kind        text NOT NULL COLLATE "C",
    external_id text NOT NULL COLLATE "C",
    account_id  uuid NOT NULL,
    payload     jsonb NOT NULL,
    seen        bigint NOT NULL,
    PRIMARY KEY (client_id, kind, external_id)
);
CREATE TABLE mirror_cursor (
    client_id  uuid NOT NULL REFERENCES client,
    kind       text NOT NULL COLLATE "C",
    account_id uuid NOT NULL,
    since      timestamptz NOT NULL,
    seen       bigint NOT NULL,
    PRIMARY KEY (client_id, kind)
);
COMMENT ON COLUMN mirror_cursor.since IS 'by the clock of Purchase to Pay';

CREATE TABLE plan (
    plan_id     uuid PRIMARY KEY,
    solution_id uuid        NOT NULL REFERENCES solution ON DELETE CASCADE,
    client_id   uuid        NOT NULL REFERENCES client,
    account_id  uuid        NOT NULL,
    mode        text        NOT NULL CHECK (mode IN ('changes', 'full', 'load')),
    state       text        NOT NULL
                CHECK (state IN ('making', 'ready', 'asking', 'approved', 'applying', 'applied', 'stopped', 'refused', 'failed')),
    hash        text        NOT NULL DEFAULT '',
    counts      jsonb       NOT NULL DEFAULT '{}',
    checks      jsonb       NOT NULL DEFAULT '[]',
    objections  jsonb       NOT NULL DEFAULT '[]',
    trouble     jsonb,
    made_at     timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    ended_at    timestamptz,
    traceparent text
);
CREATE INDEX plan_solution ON plan (solution_id, made_at);
CREATE INDEX plan_to_do ON plan (made_at) WHERE state IN ('approved', 'applying');

-- One record of a plan, and what became of it (R300).
CREATE TABLE item (
    plan_id        uuid    NOT NULL REFERENCES plan ON DELETE CASCADE,
    sequence       integer NOT NULL,
    account_id     uuid    NOT NULL,
    administration text    NOT NULL,
    kind           text    NOT NULL,
    record_id      text    NOT NULL,
    external_id    text    NOT NULL,
    action         text    NOT NULL CHECK (action IN ('create', 'update', 'deactivate', 'skip', 'warn')),
    rule           text    NOT NULL DEFAULT '',
    words          jsonb,
    before         jsonb,
    after          jsonb,
    stamp          text    NOT NULL DEFAULT '',
    ours           text    NOT NULL DEFAULT '',
    state          text    NOT NULL
                   CHECK (state IN ('planned', 'started', 'applied', 'failed', 'moved', 'noted', 'undone')),
    attempts       integer NOT NULL DEFAULT 0,
    code           text    NOT NULL DEFAULT '',
    message        jsonb,
    settled_at     timestamptz,
    PRIMARY KEY (plan_id, sequence)
);
CREATE INDEX item_to_do ON item (plan_id, sequence) WHERE state IN ('planned', 'started');
CREATE INDEX item_record ON item (account_id, kind, external_id);

-- One writer per administration at a time. The fence grows with every holder; a result under an old one counts for nothing.
CREATE TABLE lease (
    client_id      uuid   NOT NULL REFERENCES client,
    administration text   NOT NULL,
    account_id     uuid   NOT NULL,
    holder         uuid   NOT NULL,
    fence          bigint NOT NULL,
    until          timestamptz NOT NULL,
    PRIMARY KEY (client_id, administration)
);

-- First loads (R225–R231): per administration and kind a tick, a saved filter, and how far it is.
CREATE TABLE load (
    load_id        uuid PRIMARY KEY,
    solution_id    uuid        NOT NULL REFERENCES solution ON DELETE CASCADE,
    account_id     uuid        NOT NULL,
    administration text        NOT NULL,
    kind           text        NOT NULL,
    ticked         boolean     NOT NULL DEFAULT true,
    filter         text        NOT NULL DEFAULT '' CHECK (length(filter) <= 255),
    state          text        NOT NULL DEFAULT 'saved' CHECK (state IN ('saved', 'running', 'stopped', 'done')),
    plan_id        uuid REFERENCES plan ON DELETE SET NULL,
    saved_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (solution_id, administration, kind)
);

-- What was said about records, in the order it was heard: kept when plans are cleared away.
CREATE TABLE history (
    event_id       uuid PRIMARY KEY,
    account_id     uuid        NOT NULL,
    plan_id        uuid        NOT NULL,
    administration text        NOT NULL,
    kind           text        NOT NULL,
    external_id    text        NOT NULL,
    action         text        NOT NULL,
    outcome        text        NOT NULL,
    rule           text        NOT NULL,
    code           text        NOT NULL,
    payload_hash   text        NOT NULL,
    at             timestamptz NOT NULL
);
CREATE INDEX history_record ON history (account_id, kind, external_id, at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['client', 'administration', 'solution', 'member', 'identity', 'mirror', 'mirror_cursor',
                                'plan', 'item', 'lease', 'load', 'history'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY worker ON %I TO {schema}_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY own ON %I TO {schema}_api'
                       ' USING (account_id = current_setting(''postbode.account'')::uuid)'
                       ' WITH CHECK (account_id = current_setting(''postbode.account'')::uuid)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {schema}_worker', name);
    END LOOP;
END
$$;

-- The api reads, and asks; what is done is done by the worker. It never sees a password.
GRANT SELECT (client_id, account_id, name, base_address, username, connected_at, created_at) ON client TO {schema}_api;
GRANT SELECT (administration_id, account_id, code, name, product_update, integrator, licensed, created_at)
    ON administration TO {schema}_api;
GRANT SELECT ON solution, member, plan, item, load, history TO {schema}_api;
GRANT UPDATE (active, next_run) ON solution TO {schema}_api;
GRANT UPDATE (state) ON plan TO {schema}_api;
