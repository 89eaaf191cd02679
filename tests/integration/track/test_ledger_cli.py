"""``postbode ledger`` against a database."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from libs.db.settings import DatabaseSettings
from libs.db.types import Record
from services.track import ledger_cli
from services.track.snapshots import Snapshot

ORPHAN = UUID("01a1fd20-eb72-786a-8a9b-fc1ada8d9e9c")


@pytest.fixture
def runner(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    return CliRunner()


def execute(database: DatabaseSettings, statement: str) -> None:
    async def work() -> None:
        conn = await asyncpg.connect(database.url)
        await conn.execute(statement)
        await conn.close()

    asyncio.run(work())


def test_an_empty_hub_balances_with_exactly_these_fields(runner: CliRunner) -> None:
    said = runner.invoke(ledger_cli.app, ["--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout) == {
        "acknowledged": 0, "delivered": 0, "returned": 0, "open": 0, "lost": 0, "duplicated": 0, "unaccounted": 0,
        "invoices": [],
    }  # fmt: skip
    assert "De boeken kloppen" in runner.invoke(ledger_cli.app, []).stdout


def test_what_is_wrong_is_named_and_is_the_exit_code(database: DatabaseSettings, runner: CliRunner) -> None:
    execute(
        database,
        "INSERT INTO validate.verdict (invoice_id, sequence, account_id, document_id, rule_pack, profile, verdict,"
        f" fatals, warnings, findings, summary) VALUES ('{ORPHAN}', 1, '{ORPHAN}', '{ORPHAN}', 'nlcius', '', 'valid',"
        " 0, 0, '[]', '{}')",
    )
    said = runner.invoke(ledger_cli.app, ["--json"])
    assert said.exit_code == 1
    (named,) = json.loads(said.stdout)["invoices"]
    assert (named["invoice_id"], named["problem"], named["missing"]) == (
        str(ORPHAN),
        "unaccounted",
        "receipt",
    )
    shown = runner.invoke(ledger_cli.app, ["--lang", "en"])
    assert shown.exit_code == 1
    assert f"{ORPHAN}  unaccounted: ingest has no record of receiving it" in shown.stdout


def test_a_database_that_is_away_is_told(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    said = runner.invoke(ledger_cli.app, [])
    assert said.exit_code == 2
    assert "the database cannot be reached" in said.output


def test_a_database_that_was_not_migrated_is_not_an_invoice_that_is_wrong(
    database: DatabaseSettings, runner: CliRunner
) -> None:
    execute(database, "DROP VIEW validate.ledger")
    said = runner.invoke(ledger_cli.app, [])
    assert said.exit_code == 2, said.output
    assert "migrate" in said.output


def test_a_connection_that_dies_while_it_looks_is_told(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Snapshot.fetch

    async def dies(self: Snapshot, query: str, *args: object) -> list[Record]:
        if ".ledger" in query:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return await fetch(self, query, *args)

    monkeypatch.setattr(Snapshot, "fetch", dies)
    said = runner.invoke(ledger_cli.app, [])
    assert said.exit_code == 2, said.output
    assert "the database cannot be reached" in said.output


@pytest.mark.parametrize("arguments", [["--grace", "1e300"], ["--grace", "9" * 40], ["--lang", "xx"]])
def test_what_cannot_be_meant_is_told(runner: CliRunner, arguments: list[str]) -> None:
    said = runner.invoke(ledger_cli.app, arguments)
    assert said.exit_code == 2
    assert isinstance(said.exception, SystemExit), said.exception
