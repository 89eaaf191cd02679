"""Who may do what in the database, found out by trying, for every schema of the checkout.

Nothing here knows a service: schemas, tables, columns and functions are read from the catalogue, so what a
later service or migration adds is probed by itself. What is allowed on purpose stands in the two tables
``SHARED`` and ``PUBLIC``.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from libs.db.roles import GROUPS, LEDGER, LOGIN_ROLES
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection, Record
from libs.testing.databases import present

SCHEMAS = [migrations.schema for migrations in present()]
ROLES = [f"{schema}_{kind}" for schema in SCHEMAS for kind in LOGIN_ROLES]

SHARED = {("documents", "document"): {"SELECT", "INSERT"}}
"""Tables that other services' workers and APIs may use, and how."""

PUBLIC: set[str] = set()
"""``schema.table`` an ``api`` role may read although no account owns its rows."""

ACCOUNT = re.compile(r"(^|_)account(_id)?$")
REFUSED = asyncpg.InsufficientPrivilegeError


@pytest.fixture
async def admin(database: DatabaseSettings) -> AsyncIterator[Connection]:
    conn: Connection = await asyncpg.connect(database.url)
    yield conn
    await conn.close()


@contextlib.asynccontextmanager
async def attempt(conn: Connection) -> AsyncIterator[None]:
    """A savepoint that is always rolled back."""
    with contextlib.suppress(_Undo):
        async with conn.transaction():
            yield
            raise _Undo


class _Undo(Exception):
    pass


async def tables(admin: Connection, schema: str, *, partitions: bool = True) -> list[str]:
    rows = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1)"
        " AND relkind = ANY('{r,p,v,m}') AND (NOT relispartition OR $2) ORDER BY relname",
        schema,
        partitions,
    )
    return [row["relname"] for row in rows]


async def columns(admin: Connection, schema: str, table: str) -> list[Record]:
    return await admin.fetch(
        "SELECT attname, typname, typcategory::text, attidentity = 'a' OR attgenerated <> '' AS computed"
        " FROM pg_attribute JOIN pg_type t ON t.oid = atttypid"
        " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        f"{schema}.{table}",
    )


def account_columns(found: list[Record]) -> list[str]:
    return [row["attname"] for row in found if row["typname"] == "uuid" and ACCOUNT.search(row["attname"])]


# ------------------------------------------------------------------ every role, in everybody else's house


async def intrusions(admin: Connection, schema: str) -> list[tuple[str, str, str]]:
    """Table, kind and statement of everything an intruder might try in a schema."""
    found = [("", "CREATE", f"CREATE TABLE {schema}.intruder ()")]
    for table in await tables(admin, schema):
        name = f"{schema}.{table}"
        found += [(table, "SELECT", f"SELECT * FROM {name}"), (table, "DROP", f"DROP TABLE {name}")]
        if await admin.fetchval("SELECT relkind = 'v' FROM pg_class WHERE oid = to_regclass($1)", name):
            found[-1] = (table, "DROP", f"DROP VIEW {name}")
            continue
        column = next(row["attname"] for row in await columns(admin, schema, table) if not row["computed"])
        found += [
            (table, "INSERT", f"INSERT INTO {name} DEFAULT VALUES"),
            (table, "UPDATE", f"UPDATE {name} SET {column} = {column}"),
            (table, "DELETE", f"DELETE FROM {name}"),
            (table, "TRUNCATE", f"TRUNCATE {name}"),
            (table, "LOCK", f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"),
            (table, "POLICY", f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"),
        ]
    functions = await admin.fetch(
        "SELECT proname, pronargs FROM pg_proc WHERE pronamespace = to_regnamespace($1)", schema
    )
    for row in functions:
        nothing = ", ".join(["NULL"] * row["pronargs"])
        found.append((row["proname"], "EXECUTE", f"SELECT {schema}.{row['proname']}({nothing})"))
    return found


async def break_ins(role: str, database: DatabaseSettings, admin: Connection) -> list[str]:
    """The statements a role got away with in other schemas, beyond what is shared."""
    conn: Connection = await asyncpg.connect(**database.role_url(role))
    own, kind = role.rsplit("_", 1)
    found = []
    try:
        # Row policies may be looked at before rights are: nothing is to be refused for want of an account.
        await conn.execute("SELECT set_config('postbode.account', $1, false)", str(uuid4()))
        for schema in SCHEMAS:
            for table, verb, statement in await intrusions(admin, schema):
                shared = SHARED.get((schema, table), set()) if kind in ("worker", "api") else set()
                if schema == own or verb in shared:
                    continue
                async with attempt(conn):
                    try:
                        await conn.execute(statement)
                    except REFUSED:
                        continue
                    found.append(statement)
    finally:
        await conn.close()
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_is_refused_in_every_other_schema(
    role: str, database: DatabaseSettings, admin: Connection
) -> None:
    assert await break_ins(role, database, admin) == []


async def test_the_ledger_reads_one_view_in_each_service_and_is_refused_everywhere_else(
    database: DatabaseSettings, admin: Connection
) -> None:
    assert sorted(await break_ins(LEDGER, database, admin)) == [
        f"SELECT * FROM {service}.ledger" for service in ("deliver", "ingest", "route", "track", "validate")
    ]


async def test_a_door_left_open_is_found(database: DatabaseSettings, admin: Connection) -> None:
    await admin.execute("GRANT USAGE ON SCHEMA ingest TO route_worker")
    await admin.execute("GRANT SELECT ON ingest.account TO route_worker")
    assert await break_ins("route_worker", database, admin) == ["SELECT * FROM ingest.account"]
    assert await break_ins("route_api", database, admin) == []


@pytest.mark.parametrize("role", [*ROLES, LEDGER])
async def test_a_role_cannot_rise_above_itself(role: str, database: DatabaseSettings) -> None:
    others = [other for other in (*ROLES, LEDGER, "postgres") if other != role]
    statements = [
        *(f"SET ROLE {other}" for other in others),
        *(f"GRANT {other} TO {role}" for other in (*others, *GROUPS)),
        f"ALTER ROLE {role} BYPASSRLS",
        "CREATE ROLE intruder",
        "CREATE SCHEMA intruder",
        "CREATE DATABASE intruder",
        "CREATE TABLE public.intruder ()",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SET session_replication_role = replica",
    ]
    conn: Connection = await asyncpg.connect(**database.role_url(role))
    try:
        for statement in statements:
            with pytest.raises(REFUSED):
                await conn.execute(statement)
    finally:
        await conn.close()


async def test_no_role_has_powers_over_the_server(admin: Connection) -> None:
    rows = await admin.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY($1)"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
        [*ROLES, *GROUPS, LEDGER],
    )
    assert [row["rolname"] for row in rows] == []
    doors = await admin.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND rolcanlogin", GROUPS)
    assert [row["rolname"] for row in doors] == []


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_only_its_owner_owns_a_schema_and_writes_down_its_migrations(
    schema: str, admin: Connection
) -> None:
    owners = await admin.fetch(
        "SELECT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = to_regnamespace($1)"
        " UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = to_regnamespace($1)",
        schema,
    )
    assert {row["owner"] for row in owners} == {f"{schema}_owner"}
    for role, rights in (
        (f"{schema}_worker", "INSERT, UPDATE, DELETE, TRUNCATE"),  # it may read: that is how it gets ready
        (f"{schema}_api", "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"),
    ):
        table = f"{schema}.migration"
        assert not await admin.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, rights)


# ------------------------------------------------------------------ an api role, outside its account


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_what_an_api_may_touch_belongs_to_accounts_and_is_bound_by_row(
    schema: str, admin: Connection
) -> None:
    unbound = []
    for table in await tables(admin, schema):
        name = f"{schema}.{table}"
        may = await admin.fetchval(
            "SELECT has_any_column_privilege($1, $2, 'SELECT, INSERT, UPDATE')"
            " OR has_table_privilege($1, $2, 'DELETE, TRUNCATE')",
            f"{schema}_api",
            name,
        )
        bound = await admin.fetchval("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass($1)", name)
        owned = account_columns(await columns(admin, schema, table))
        if (owned and not bound) or (may and not (owned and bound) and name not in PUBLIC):
            unbound.append(name)
    assert unbound == []


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_an_api_is_refused_outside_its_account(schema: str, admin: Connection) -> None:
    mine, other = uuid4(), uuid4()
    leaks: list[str] = []
    probed = 0
    for table in await tables(admin, schema, partitions=False):
        found = await columns(admin, schema, table)
        owned = account_columns(found)
        if not owned or f"{schema}.{table}" in PUBLIC:
            continue
        probed += 1
        async with attempt(admin):
            await put_row(admin, schema, table, insert(schema, table, found, mine))
            await admin.execute(f"SET LOCAL ROLE {schema}_worker")
            # The worker sees it, so there is a row to be refused.
            assert await answer(admin, f"SELECT * FROM {schema}.{table}") in ("SELECT 1", "refused"), table
            await admin.execute(f"RESET ROLE; SET LOCAL ROLE {schema}_api")
            leaks += [leak async for leak in leaks_of(admin, schema, table, found, mine, other)]
    assert leaks == []
    assert probed


async def leaks_of(
    admin: Connection, schema: str, table: str, found: list[Record], mine: Any, other: Any
) -> AsyncIterator[str]:
    """What an api role gets away with. There is one row, of the account ``mine``."""
    name, owned = f"{schema}.{table}", account_columns(found)
    read, remove = f"SELECT * FROM {name}", f"DELETE FROM {name}"
    settable = [column["attname"] for column in found if not column["computed"]]
    writes = [f"UPDATE {name} SET {column} = {column}" for column in settable]

    for statement in (read, remove, *writes):
        if await answer(admin, statement) not in ("refused", "no account"):
            yield f"without an account: {statement}"

    await admin.execute(f"SELECT set_config('postbode.account', '{other}', true)")
    for statement in (read, remove, *writes):
        if await answer(admin, statement) not in ("refused", "SELECT 0", "DELETE 0", "UPDATE 0"):
            yield f"as another account: {statement}"
    if await answer(admin, insert(schema, table, found, mine)) != "refused":
        yield f"as another account: INSERT INTO {name}"

    await admin.execute(f"SELECT set_config('postbode.account', '{mine}', true)")
    if await answer(admin, read) not in ("refused", "SELECT 1"):
        yield f"its own row is not seen: {read}"
    for column in owned:
        move = f"UPDATE {name} SET {column} = '{other}'"
        if await answer(admin, move) not in ("refused", "UPDATE 0"):
            yield f"given away: {move}"


async def answer(conn: Connection, statement: str) -> str:
    """The command tag, or how it was refused; nothing stays."""
    async with attempt(conn):
        try:
            return await conn.execute(statement)
        except REFUSED:
            return "refused"
        except (asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError):
            return "no account"
    raise AssertionError


def insert(schema: str, table: str, found: list[Record], account: Any) -> str:
    """An INSERT of one row of this account, with something plausible in every other column."""
    owned = account_columns(found)
    filled = [row for row in found if not row["computed"]]
    names = ", ".join(row["attname"] for row in filled)
    values = ", ".join(f"'{account}'" if row["attname"] in owned else something(row) for row in filled)
    return f"INSERT INTO {schema}.{table} ({names}) VALUES ({values})"


def something(column: Record) -> str:
    by_type = {"uuid": "gen_random_uuid()", "bytea": "'x'", "jsonb": "'{}'", "json": "'{}'"}
    by_category = {"S": "'x'", "N": "1", "D": "now()", "B": "true", "A": "'{}'", "R": "'empty'"}
    by_category |= {"T": "'1 day'", "I": "'127.0.0.1'"}
    if column["typcategory"] == "E":
        return f"(enum_range(NULL::{column['typname']}))[1]"
    return by_type.get(column["typname"]) or by_category[column["typcategory"]]


async def put_row(admin: Connection, schema: str, table: str, statement: str) -> None:
    """Insert as the administrator; what a row must look like does not matter here, whose it is does."""
    await admin.execute("SET LOCAL session_replication_role = replica")  # no foreign keys
    checks = await admin.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'c'",
        f"{schema}.{table}",
    )
    for row in checks:
        await admin.execute(f'ALTER TABLE {schema}.{table} DROP CONSTRAINT "{row["conname"]}"')
    await admin.execute(statement)


# ------------------------------------------------------------------ the probe itself


def holes() -> Iterator[tuple[str, str]]:
    yield "no policy at all", "ALTER TABLE probed DISABLE ROW LEVEL SECURITY"
    yield "a policy that lets everybody", "CREATE POLICY hole ON probed TO ingest_api USING (true)"
    yield (
        "a default for the account",
        "DROP POLICY own ON probed; CREATE POLICY own ON probed TO ingest_api"
        " USING (account_id = current_setting('postbode.account', true)::uuid)",
    )
    yield (
        "rows can be given away",
        "DROP POLICY own ON probed; CREATE POLICY own ON probed TO ingest_api"
        " USING (account_id = current_setting('postbode.account')::uuid) WITH CHECK (true)",
    )


@pytest.mark.parametrize(("hole", "sql"), [("none", ""), *holes()])
async def test_the_probe_finds_a_hole(hole: str, sql: str, admin: Connection) -> None:
    mine, other = uuid4(), uuid4()
    async with attempt(admin):
        await admin.execute(
            "SET LOCAL search_path = ingest; SET LOCAL ROLE ingest_owner;"
            "CREATE TABLE probed (account_id uuid NOT NULL, word text);"
            "ALTER TABLE probed ENABLE ROW LEVEL SECURITY;"
            "CREATE POLICY own ON probed TO ingest_api"
            " USING (account_id = current_setting('postbode.account')::uuid);"
            f"GRANT ALL ON probed TO ingest_api; {sql}; RESET ROLE"
        )
        found = await columns(admin, "ingest", "probed")
        await put_row(admin, "ingest", "probed", insert("ingest", "probed", found, mine))
        await admin.execute("SET LOCAL ROLE ingest_api")
        leaks = [leak async for leak in leaks_of(admin, "ingest", "probed", found, mine, other)]
        assert bool(leaks) is bool(sql), (hole, leaks)
