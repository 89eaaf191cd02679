"""Which files are migrations, and what is printed for an administrator."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.db.migrate import BadMigration, Migrations, migrate
from libs.db.settings import DatabaseSettings

NOWHERE = DatabaseSettings("", "secret")


def folder(root: Path, owner: str, **files: str) -> Path:
    made = root / owner / "migrations"
    made.mkdir(parents=True)
    for name, text in files.items():
        (made / f"{name}.sql").write_text(text)
    return made


def test_files_of_every_source_in_order_named_after_their_owner(tmp_path: Path) -> None:
    shared = folder(tmp_path, "messaging", **{"0001_pre_a": "a"})
    own = folder(tmp_path, "ingest", **{"0002_post_c": "c", "0001_pre_b": "b"})
    names = [name for name, _ in Migrations("ingest", (shared, own)).files()]
    assert names == ["messaging/0001_pre_a.sql", "ingest/0001_pre_b.sql", "ingest/0002_post_c.sql"]


@pytest.mark.parametrize("name", ["1_pre_a", "0001_a", "0001_pre_A", "0001_pre_a'b"])
def test_a_badly_named_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadMigration):
        list(Migrations("ingest", (folder(tmp_path, "ingest", **{name: ""}),)).files())


@pytest.mark.parametrize("schema", ["Ingest", "in gest", "1ngest", "a; DROP TABLE b"])
def test_a_schema_name_that_would_need_quotes_is_refused(schema: str) -> None:
    with pytest.raises(BadMigration):
        list(Migrations(schema, ()).files())


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    sources = (folder(tmp_path / "one", "ingest"), folder(tmp_path / "two", "ingest"))
    with pytest.raises(BadMigration):
        list(Migrations("ingest", sources).files())


async def test_the_script_names_the_schema_and_holds_no_password(tmp_path: Path) -> None:
    source = folder(tmp_path, "ingest", **{"0001_pre_a": "GRANT SELECT ON a TO {schema}_api; -- '{}'"})
    script = "\n".join(await migrate(NOWHERE, Migrations("ingest", (source,)), sql_only=True))
    assert "GRANT SELECT ON a TO ingest_api; -- '{}'" in script
    assert "CREATE ROLE ingest_owner" in script
    assert NOWHERE.password("ingest_api") not in script
    assert NOWHERE.verifier("ingest_api") in script


async def test_the_first_phase_holds_back_what_follows_a_post_file(tmp_path: Path) -> None:
    files = {"0001_pre_a": "one", "0002_post_b": "two", "0003_pre_c": "three"}
    migrations = Migrations("ingest", (folder(tmp_path, "ingest", **files),))
    script = "\n".join(await migrate(NOWHERE, migrations, sql_only=True, phase="pre"))
    assert "one" in script
    assert "two" not in script
    assert "three" not in script
