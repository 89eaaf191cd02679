"""``postbode parties`` and ``postbode parked``, with the database at hand."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.route import cli
from services.route.waits import parked_cli
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
        for command in (
            "parties add --id 0106:58070036",
            f"parked release {invoice_id} --to",
            "parked return",
        ):
            assert command in shown.stdout
    assert party.invoke(parked_cli.app, ["show", "00000000-0000-0000-0000-000000000000"]).exit_code == 1


@pytest.mark.proves("R35")
def test_an_operator_looks_again_releases_or_gives_back_what_waits_and_is_told_what_cannot_be_done(
    database: DatabaseSettings, party: CliRunner
) -> None:
    first, second = _park(database), _park(database)
    # Of another number: what waits for the KvK number stays.
    added = _add(party, "--id", "0088:8712345678906", "--json")
    receiver = json.loads(added.stdout)["party_id"]
    for arguments, code, said in (
        (["retry", first], 0, f"open, unknown-receiver: see `postbode parked show {first}`"),
        (["release", first], 1, "no-receiver-chosen: "),
        (["release", first, "--to", first], 1, "no-such-receiver: "),
        (["release", first, "--to", receiver], 0, "released"),
        (["release", first, "--to", receiver], 1, "not-parked: "),
        (["return", second], 0, "returned"),
        (["retry", second], 1, "not-parked: "),
        (["return", receiver], 1, "not-found: "),
    ):
        done = party.invoke(parked_cli.app, arguments)
        assert (done.exit_code, (done.stdout or done.stderr).startswith(said)) == (code, True), done.output
    told = json.loads(party.invoke(parked_cli.app, ["show", second, "--json"]).stdout)
    assert (told["state"], told["steps"]) == ("returned", [])


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
