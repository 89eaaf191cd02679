"""Migrations against a real Postgres."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from libs.db.migrate import MigrationChanged, Migrations, migrate
from libs.db.roles import GROUPS, LEDGER, LOGIN_ROLES
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.testing.databases import Databases, present

FIRST = """
CREATE TABLE a (n int);
INSERT INTO a SELECT generate_series(1, 3);
GRANT SELECT ON a TO {schema}_worker;
"""


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[DatabaseSettings]:
    settings = await databases.empty()
    yield settings
    await databases.drop(settings)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "probe" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_pre_first.sql").write_text(FIRST)
    return folder


async def ask(settings: DatabaseSettings, role: str, query: str) -> object:
    conn: Connection = await asyncpg.connect(**settings.role_url(role))
    try:
        return await conn.fetchval(query)
    finally:
        await conn.close()


async def test_from_empty_every_schema_of_this_checkout(empty: DatabaseSettings) -> None:
    for schema in present():
        assert await migrate(empty, schema) == [name for name, _ in schema.files()]
        assert await migrate(empty, schema) == []


async def test_files_run_as_owner_in_their_schema_and_grant_what_they_say(
    empty: DatabaseSettings, source: Path
) -> None:
    await migrate(empty, Migrations("probe", (source,)))
    owner = "SELECT tableowner FROM pg_tables WHERE schemaname = 'probe' AND tablename = 'a'"
    assert await ask(empty, "probe_worker", owner) == "probe_owner"
    assert await ask(empty, "probe_worker", "SELECT sum(n) FROM probe.a") == 6
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(empty, "probe_api", "SELECT sum(n) FROM probe.a")


async def test_only_what_is_new_is_applied(empty: DatabaseSettings, source: Path) -> None:
    migrations = Migrations("probe", (source,))
    await migrate(empty, migrations)
    (source / "0002_pre_second.sql").write_text("CREATE TABLE b ();")
    assert await migrate(empty, migrations) == ["probe/0002_pre_second.sql"]


async def test_an_edited_file_is_refused_and_nothing_is_applied(
    empty: DatabaseSettings, source: Path
) -> None:
    migrations = Migrations("probe", (source,))
    await migrate(empty, migrations)
    (source / "0001_pre_first.sql").write_text(FIRST + "-- harmless?")
    (source / "0000_pre_before.sql").write_text("CREATE TABLE sneaked_in ();")
    with pytest.raises(MigrationChanged, match=r"probe/0001_pre_first\.sql"):
        await migrate(empty, migrations)
    assert await ask(empty, "probe_owner", "SELECT to_regclass('probe.sneaked_in')") is None


async def test_a_file_that_fails_leaves_nothing_and_what_came_before_it_stays(
    empty: DatabaseSettings, source: Path
) -> None:
    (source / "0002_pre_broken.sql").write_text("CREATE TABLE b (); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, Migrations("probe", (source,)))
    assert await ask(empty, "probe_owner", "SELECT to_regclass('probe.a')::text") == "probe.a"
    assert await ask(empty, "probe_owner", "SELECT to_regclass('probe.b')") is None
    (source / "0002_pre_broken.sql").write_text("CREATE TABLE b ();")
    assert await migrate(empty, Migrations("probe", (source,))) == ["probe/0002_pre_broken.sql"]


async def test_post_files_wait_for_the_second_phase(empty: DatabaseSettings, source: Path) -> None:
    (source / "0002_post_drop.sql").write_text("DROP TABLE a;")
    (source / "0003_pre_later.sql").write_text("CREATE TABLE b ();")
    migrations = Migrations("probe", (source,))
    assert await migrate(empty, migrations, phase="pre") == ["probe/0001_pre_first.sql"]
    assert await migrate(empty, migrations) == ["probe/0002_post_drop.sql", "probe/0003_pre_later.sql"]


ONE_PROCESS = """
import asyncio, sys
from pathlib import Path
from libs.db.migrate import Migrations, migrate
from libs.db.settings import DatabaseSettings
settings = DatabaseSettings(sys.argv[1], sys.argv[2])
sys.stdin.readline()
applied = asyncio.run(migrate(settings, Migrations("probe", (Path(sys.argv[3]),))))
print(len(applied))
"""


async def test_processes_migrating_at_once_apply_every_file_once(
    empty: DatabaseSettings, source: Path
) -> None:
    for number in range(2, 12):
        text = f"SELECT pg_sleep(0.02); CREATE TABLE t{number} ();"
        (source / f"{number:04}_pre_more.sql").write_text(text)
    arguments = [sys.executable, "-c", ONE_PROCESS, empty.url, empty.secret, str(source)]
    processes = [
        await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    ends = await asyncio.gather(*(each.communicate(b"go\n") for each in processes))
    assert [each.returncode for each in processes] == [0, 0, 0]
    assert sum(int(output) for output, _ in ends) == 11


async def test_databases_of_one_server_may_be_migrated_at_once(databases: Databases, source: Path) -> None:
    migrations = Migrations("probe", (source,))

    async def bring_up(settings: DatabaseSettings) -> None:
        for _ in range(5):
            await migrate(settings, migrations)

    four = [await databases.empty() for _ in range(4)]
    try:
        await asyncio.gather(*(bring_up(each) for each in four))
    finally:
        for each in four:
            await databases.drop(each)


async def test_the_printed_script_does_the_same(
    empty: DatabaseSettings, source: Path, databases: Databases
) -> None:
    migrations = Migrations("probe", (source,))
    script = await migrate(empty, migrations, sql_only=True)
    conn: Connection = await asyncpg.connect(empty.url)
    try:
        assert await conn.fetchval("SELECT to_regnamespace('probe')") is None
        for part in script:
            await conn.execute(part)
    finally:
        await conn.close()
    assert await migrate(empty, migrations) == []
    assert len(await migrate(empty, migrations, sql_only=True)) == len(script) - 1


async def test_a_new_secret_changes_the_passwords(empty: DatabaseSettings, source: Path) -> None:
    migrations = Migrations("probe", (source,))
    await migrate(empty, migrations)
    rotated = DatabaseSettings(empty.url, "rotated")
    await migrate(rotated, migrations)
    try:
        assert await ask(rotated, "probe_worker", "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(empty, "probe_worker", "SELECT 1")
    finally:
        await migrate(empty, migrations)


async def test_an_administrator_without_superuser_rights_will_do(
    databases: Databases, source: Path, postgres_url: str
) -> None:
    empty = await databases.empty()
    name = empty.url.rsplit("/", 1)[1]
    boss: Connection = await asyncpg.connect(postgres_url)
    await migrate(empty, Migrations("probe", (source,)))  # makes the groups, which belong to the server
    await boss.execute(
        f"CREATE ROLE {name}_admin LOGIN CREATEROLE PASSWORD 'word';"
        f"GRANT {', '.join((*GROUPS, LEDGER))} TO {name}_admin WITH ADMIN OPTION;"
        f"ALTER DATABASE {name} OWNER TO {name}_admin"
    )
    limited = DatabaseSettings(f"postgresql://{name}_admin:word@{empty.url.split('@')[1]}", empty.secret)
    try:
        assert len(await migrate(limited, Migrations(f"s_{name}", (source,)))) == 1
        assert await ask(limited, f"s_{name}_worker", f"SELECT count(*) FROM s_{name}.a") == 3
    finally:
        await databases.drop(empty)
        mine = ", ".join(f"s_{name}_{kind}" for kind in LOGIN_ROLES)
        await boss.execute(f"DROP ROLE IF EXISTS {mine}; DROP ROLE {name}_admin")
        await boss.close()
