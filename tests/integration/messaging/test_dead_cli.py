"""``postbode dead`` as an operator uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest
from typer.testing import CliRunner

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.messaging import dead, dead_cli
from libs.messaging.pack import Unread
from services import drain, redrive
from tests.contract.messaging.conftest import received

Letters = Mapping[str, str]


@pytest.fixture
def runner(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    monkeypatch.setenv("POSTBODE_OPERATOR", "anna")
    return CliRunner()


@pytest.fixture
def letters(database: DatabaseSettings) -> Letters:
    """Two in validate, one in track: the invoice of each by its name."""

    async def work() -> Letters:
        pools, found = Pools(database), {}
        for number, (queue, cause) in enumerate(
            (
                ("validate.received", "document-missing"),
                ("validate.received", "unknown-event"),
                ("track.facts", "KeyError"),
            )
        ):
            event = received(number)
            service = queue.partition(".")[0]
            pool = await pools.get(service, "worker")
            async with pool.acquire() as conn:
                body = event.encode()
                dying = dead.Dying(Unread(body, json.loads(body)), 5, cause, "it says why")
                await dead.bury(conn, queue, [dying])
            found[f"{service}/{await pool.fetchval('SELECT max(id) FROM dead')}"] = event.subject
        await pools.close()
        return found

    return asyncio.run(work())


def rows(database: DatabaseSettings, schema: str, query: str) -> list[tuple[object, ...]]:
    async def work() -> list[tuple[object, ...]]:
        pools = Pools(database)
        found = await (await pools.get(schema, "worker")).fetch(query)
        await pools.close()
        return [tuple(row) for row in found]

    return asyncio.run(work())


def listed(runner: CliRunner, *arguments: str) -> list[str]:
    result = runner.invoke(dead_cli.app, ["list", "--json", *arguments])
    assert result.exit_code == 0, result.output
    return sorted(json.loads(line)["name"] for line in result.stdout.splitlines())


def test_all_services_are_listed_and_can_be_narrowed_down(runner: CliRunner, letters: Letters) -> None:
    assert listed(runner) == ["track/1", "validate/1", "validate/2"]
    assert listed(runner, "--service", "track") == ["track/1"]
    assert listed(runner, "--queue", "validate.received", "--cause", "unknown-event") == ["validate/2"]
    assert listed(runner, "--invoice", letters["validate/1"]) == ["validate/1"]
    assert letters["validate/1"] in runner.invoke(dead_cli.app, ["list"]).stdout
    assert runner.invoke(dead_cli.app, ["list", "--service", "portal"]).exit_code == 2


@pytest.mark.parametrize(
    ("lang", "word"), [("nl", "Zet het terug uit de back-up"), ("en", "Put it back from the backup")]
)
def test_show_says_why_and_what_to_do(runner: CliRunner, letters: Letters, lang: str, word: str) -> None:
    shown = runner.invoke(dead_cli.app, ["show", "validate/1", "--lang", lang]).stdout
    assert word in shown
    assert "it says why" in shown
    assert letters["validate/1"] in shown
    told = json.loads(runner.invoke(dead_cli.app, ["show", "validate/1", "--json"]).stdout)
    assert told["event"]["subject"] == letters["validate/1"]
    assert told["advice"][lang]


@pytest.mark.usefixtures("letters")
def test_replay_addresses_the_queue_that_failed_and_says_who_did_it(
    database: DatabaseSettings, runner: CliRunner
) -> None:
    assert runner.invoke(dead_cli.app, ["replay", "validate/1"]).exit_code == 0
    outbox = rows(database, "validate", "SELECT exchange, routing_key FROM outbox")
    assert outbox == [("", "validate.received")]
    assert rows(database, "validate", "SELECT replayed_by FROM dead WHERE id = 1") == [("anna",)]
    again = runner.invoke(dead_cli.app, ["replay", "validate/1", "track/1", "--by", "bert", "--json"])
    assert again.exit_code == 1, "one of them could not be replayed"
    said = [json.loads(line) for line in again.stdout.splitlines()]
    assert [each.get("error") or each["done"] for each in said] == ["not-found", "replayed"]
    assert rows(database, "track", "SELECT replayed_by FROM dead") == [("bert",)]
    assert listed(runner) == ["validate/2"]
    assert listed(runner, "--all") == ["track/1", "validate/1", "validate/2"]


@pytest.mark.usefixtures("letters")
def test_drop_wants_a_reason_and_keeps_it(database: DatabaseSettings, runner: CliRunner) -> None:
    assert runner.invoke(dead_cli.app, ["drop", "validate/1"]).exit_code == 2
    assert runner.invoke(dead_cli.app, ["drop", "--why", "sent by mistake"]).exit_code == 2
    dropped = runner.invoke(
        dead_cli.app, ["drop", "--queue", "validate.received", "--why", "sent by mistake"]
    )
    assert dropped.exit_code == 0
    kept = rows(database, "validate", "SELECT dropped_by, dropped_why FROM dead ORDER BY id")
    assert kept == [("anna", "sent by mistake")] * 2
    assert listed(runner) == ["track/1"]
    shown = [
        runner.invoke(dead_cli.app, ["show", "validate/1", "--lang", lang]).stdout for lang in ("en", "nl")
    ]
    assert "by anna: sent by mistake" in shown[0]
    assert "door anna: sent by mistake" in shown[1]
    assert "vervallen" in runner.invoke(dead_cli.app, ["list", "--all"]).stdout


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    "name", ["1", "validate", "validate/x", "portal/1", "validate/99", f"validate/{'9' * 23}"]
)
def test_a_wrong_name_is_told(runner: CliRunner, name: str) -> None:
    for command in ("replay", "show"):
        said = runner.invoke(dead_cli.app, [command, name])
        assert said.exit_code == (1 if name.startswith("validate/9") else 2)
        assert isinstance(said.exception, SystemExit), said.exception


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["list", "--queue", "route.nosuch"], "route.validated"),
        (["replay", "--queue", "route.nosuch"], "route.validated"),
        (["list", "--service", "route", "--queue", "validate.received"], "a queue of validate"),
        (["drop", "validate/1", "--why", " "], "--why"),
        (["replay", "validate/1", "--cause", "KeyError"], "--cause"),
        (["list", "--lang", "xx"], "--lang"),
    ],
)
def test_what_cannot_be_meant_is_told(arguments: list[str], word: str) -> None:
    said = CliRunner(env={"COLUMNS": "300", "NO_COLOR": "1"}).invoke(dead_cli.app, arguments)
    assert said.exit_code == 2
    assert word in said.output


def test_that_there_are_none_is_said(runner: CliRunner) -> None:
    assert "geen dode brieven" in runner.invoke(dead_cli.app, ["list"]).stdout
    assert "no dead letters" in runner.invoke(dead_cli.app, ["list", "--lang", "en"]).stdout
    assert runner.invoke(dead_cli.app, ["list", "--json"]).stdout == ""


def test_with_the_keys_of_one_service_its_own_are_listed(
    runner: CliRunner, letters: Letters, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a pod. What looks into others says that these keys are not for that, and where to run it."""
    monkeypatch.delenv("POSTBODE_SECRET")
    monkeypatch.setenv("POSTBODE_OWN_KEYS", json.dumps({"track_worker": database.password("track_worker")}))
    said = runner.invoke(dead_cli.app, ["list"])
    assert said.exit_code == 0
    assert [line.split()[0] for line in said.stdout.splitlines()] == [x for x in letters if "track" in x]
    assert said.stderr.startswith("only track: POSTBODE_OWN_KEYS ")
    for app, words in (
        (dead_cli.app, ["list", "--service", "validate"]),
        (redrive.app, ["--queue", "track.facts"]),
        (drain.app, ["--service", "track"]),
    ):
        refused = runner.invoke(app, words)
        assert refused.exit_code == 2
        assert "run it where POSTBODE_SECRET is" in refused.stderr
        assert "postbode keys" not in refused.stderr


def test_a_database_that_is_away_is_told(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    said = runner.invoke(dead_cli.app, ["list"])
    assert said.exit_code == 2
    assert "the database cannot be reached" in said.output
