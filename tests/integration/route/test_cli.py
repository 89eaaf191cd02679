"""``postbode parties`` and ``postbode parked``, with the database at hand."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.route import cli, parked_cli
from tests.integration.route.stage import decided, validated
from tests.unit.route.sample import KVK


@pytest.fixture
def party(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    return CliRunner()


def _park(database: DatabaseSettings) -> str:
    event = validated((KVK, "58070036"))

    async def work() -> None:
        pools = Pools(database)
        await decided(pools, event)
        await pools.close()

    asyncio.run(work())
    return event.subject


def _add(runner: CliRunner, *more: str) -> Result:
    return runner.invoke(
        cli.app, ["add", "--name", "De Jong", "--email", "in@dejong.example", "--called", "Klant BV", *more]
    )


def test_an_added_party_is_listed_and_releases_what_waits(
    database: DatabaseSettings, party: CliRunner
) -> None:
    invoice_id = _park(database)
    (waits,) = party.invoke(parked_cli.app, ["list"]).stdout.splitlines()
    assert invoice_id in waits
    assert "0106:58070036" in waits
    added = _add(party, "--id", "0106:58070036", "--json")
    assert added.exit_code == 0
    assert json.loads(added.stdout)["status"] == "confirmed"
    (listed,) = party.invoke(cli.app, ["list"]).stdout.splitlines()
    assert "De Jong" in listed
    assert party.invoke(parked_cli.app, ["list"]).stdout == ""
    shown = json.loads(party.invoke(parked_cli.app, ["show", invoice_id, "--json"]).stdout)
    assert shown["state"] == "released"


def test_show_says_why_and_what_to_do(database: DatabaseSettings, party: CliRunner) -> None:
    invoice_id = _park(database)
    for lang, word in (("nl", "Controleer het nummer"), ("en", "Check the number")):
        shown = party.invoke(parked_cli.app, ["show", invoice_id, "--lang", lang])
        assert shown.exit_code == 0
        assert word in shown.stdout
        assert "/Invoice/place[1]" in shown.stdout
    assert party.invoke(parked_cli.app, ["show", "00000000-0000-0000-0000-000000000000"]).exit_code == 1


@pytest.mark.parametrize(
    ("identifier", "code"),
    [("58070036", "bad-input"), ("0106:000027449173", "bad-identifier"), ("x:1", "unknown-scheme")],
)
def test_what_cannot_be_a_party_is_refused_with_the_reason(
    party: CliRunner, identifier: str, code: str
) -> None:
    refused = _add(party, "--id", identifier)
    assert refused.exit_code == 1
    assert code in refused.stderr
    assert party.invoke(cli.app, ["list"]).stdout == ""
