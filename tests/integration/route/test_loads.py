"""Loading many parties: by API and by command line, tried first or done, once or again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from typer.testing import CliRunner

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.route import cli
from services.route.companies import parties
from services.route.loads import loading
from tests.integration.route.stage import OPERATOR, decided, enter, told, validated
from tests.integration.validate.api_client import STAFF, as_
from tests.unit.route.sample import KVK, VAT

CSV = "naam;kvk;btw;e-mail;andere namen\n"
NEW = "De Jong BV;58070036;;in@dejong.example;Klant BV\n"


async def _load(
    hub: httpx.AsyncClient, text: str, *, dry_run: bool = False, caller: str = "staff"
) -> dict[str, Any]:
    reply = await hub.post(
        "/v1/parties/bulk",
        params={"dry_run": dry_run},
        content=text.encode(),
        headers={**as_(caller), "Content-Type": "text/csv; charset=utf-8"},
    )
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


async def _count(pools: Pools, table: str) -> int:
    worker = await pools.get("route", "worker")
    found: int = await worker.fetchval(f"SELECT count(*) FROM {table}")
    return found


def _outcomes(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [(line["line"], line["outcome"]) for line in report["lines"]]


async def test_what_is_loaded_releases_what_waited_and_again_is_left_alone(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    event = validated((KVK, "58070036"))
    await decided(pools, event)
    tried = await _load(hub, CSV + NEW, dry_run=True)
    assert (tried["dry_run"], tried["added"], tried["encoding"], tried["separator"]) == (
        True,
        1,
        "utf-8",
        ";",
    )
    assert await _count(pools, "party") == await _count(pools, "party_change") == 0
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked"]
    assert (await _load(hub, CSV + NEW))["added"] == 1
    assert [name for name, _ in await told(pools, UUID(event.subject))] == ["parked", "released", "routed"]
    again = await _load(hub, CSV + NEW)
    assert (again["added"], again["unchanged"]) == (0, 1)
    assert await _count(pools, "party_change") == 1


async def test_a_row_changes_what_it_says_and_takes_nothing_away(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    party = await enter(pools, "De Jong", (KVK, "58070036"), names=("Klant",), post_codes=("2611 AA",))
    text = "naam;kvk;btw;postcode\nDe Jong BV;58070036;NL123456789B13;2611AA|1234 AB\n"
    (line,) = (await _load(hub, text))["lines"]
    assert (line["outcome"], line["party_id"]) == ("changed", str(party.party_id))
    assert line["changes"]["name"] == {"before": "De Jong", "after": "De Jong BV"}
    assert set(line["changes"]) == {"name", "names", "identifiers", "post_codes"}
    async with (await pools.get("route", "worker")).acquire() as conn:
        now = await parties.party(conn, party.party_id)
    assert now is not None
    assert (now.name, now.names, now.email) == ("De Jong BV", ("Klant", "De Jong"), "in@de.example")
    assert [(i.scheme, i.value) for i in now.identifiers] == [(KVK, "58070036"), (VAT, "NL123456789B13")]
    assert sorted(now.post_codes) == ["1234 AB", "2611 AA"]


async def test_each_row_counts_for_itself_and_each_refusal_is_told(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    await enter(pools, "X", (KVK, "58070036"), (VAT, "NL123456789B13"))
    await enter(pools, "Y", (KVK, "69599084"), (VAT, "NL004495445B01"))
    report = await _load(
        hub,
        CSV
        + "Z;68750110;;;\n"  # 2: new
        + "Y;69599084;NL123456789B13;;\n"  # 3: the VAT number is X's
        + "Y;68727720;NL004495445B01;;\n"  # 4: Y has another KvK number
        + ";55344526;;;\n"  # 5: new, without a name
        + "V;1234567;;;\n",  # 6: a zero was lost
    )
    assert _outcomes(report) == [(2, "added"), (3, "refused"), (4, "refused"), (5, "refused"), (6, "refused")]
    found = [trouble["code"] for line in report["lines"] for trouble in line.get("troubles", ())]
    assert found == ["contradiction", "other-number", "no-name", "lost-zero"]
    assert (report["rows"], report["added"], report["refused"]) == (5, 1, 4)
    assert await _count(pools, "party") == 3


@pytest.mark.proves("R34")
@pytest.mark.parametrize("chunk", [1, 1000])
async def test_a_place_of_business_finds_its_company_in_the_hub_or_anywhere_in_the_file(
    hub: httpx.AsyncClient, pools: Pools, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(loading, "CHUNK", chunk)
    old = await enter(pools, "Oud", (KVK, "69599084"))
    await enter(pools, "Btw", (VAT, "NL123456789B13"))
    at_old = await enter(pools, "Oud Noord", ("branch", "000033333333"), branch_of=old.party_id)
    text = (
        "naam;kvk;btw;vestigingsnummer;vestiging van\n"
        "Noord;;;000027449173;58070036\n"  # 2: its company stands below
        "X;58070036;;;\n"  # 3
        "Zuid;;;000011111111;68727720\n"  # 4: the number that the next row gives to a company the hub has
        ";68727720;NL123456789B13;;\n"  # 5
        "Oost;;;000022222222;68750110\n"  # 6: nobody's
        f"Diep;90004760;;;{at_old.party_id}\n"  # 7: of a place
        "Y;55344526;;;58070036\n"  # 8: a place with a KvK number of its own
        "West;;;000044444444;55344526\n"  # 9: of that place
        "Oud;;NL123456789B13x;;58070036\n"  # 10
    )
    tried = await _load(hub, text, dry_run=True)
    done = await _load(hub, text)
    assert _outcomes(tried) == _outcomes(done)
    assert [(line, outcome) for line, outcome in _outcomes(done) if outcome != "refused"] == [
        (2, "added"),
        (3, "added"),
        (4, "added"),
        (5, "changed"),
        (8, "added"),
    ]
    for report in (tried, done):
        said = {each["line"]: each["troubles"][0]["code"] for each in report["lines"] if "troubles" in each}
        assert (said[6], said[7]) == ("no-such-head", "nested-head")
        assert said[9] == ("nested-head" if chunk == 1 else "no-such-head")
    async with (await pools.get("route", "worker")).acquire() as conn:
        known = {each.name: each for each in await parties.parties(conn, UUID(int=0), 10)}
    assert known["Zuid"].branch_of == known["Btw"].party_id
    assert known["Noord"].branch_of == known["Y"].branch_of == known["X"].party_id
    again = await _load(hub, text)
    assert [outcome for _, outcome in _outcomes(again)].count("unchanged") == 5
    (head,) = (await _load(hub, "naam;kvk;vestiging van\nX;58070036;69599084\n"))["lines"]
    assert head["troubles"][0]["code"] == "nested-head"


async def test_more_rows_than_one_transaction_holds(
    hub: httpx.AsyncClient, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK", 3)
    rows = "".join(f"P{n};{n:08};;;\n" for n in range(1, 9))
    assert (await _load(hub, CSV + rows))["added"] == 8
    assert (await _load(hub, CSV + rows))["unchanged"] == 8
    assert await _count(pools, "party") == await _count(pools, "party_change") == 8


@pytest.mark.parametrize("chunk", [1, 1000])
async def test_rows_that_name_one_known_party_by_different_numbers_are_not_guessed_between(
    hub: httpx.AsyncClient, pools: Pools, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(loading, "CHUNK", chunk)
    party = await enter(pools, "X", (KVK, "58070036"), (VAT, "NL123456789B13"))
    rows = "X;58070036;;a@x.example;\nZ;69599084;;;\nX;;NL123456789B13;b@x.example;\n"
    for dry_run in (True, False):
        report = await _load(hub, CSV + rows, dry_run=dry_run)
        assert _outcomes(report) == [(2, "refused"), (3, "added"), (4, "refused")]
        said = [each for line in report["lines"] for each in line.get("troubles", ())]
        assert [(each["code"], each["other_line"]) for each in said] == [
            ("conflicting-rows", 4),
            ("conflicting-rows", 2),
        ]
    async with (await pools.get("route", "worker")).acquire() as conn:
        now = await parties.party(conn, party.party_id)
    assert now == party


async def test_only_operators_load_and_only_what_the_hub_reads(hub: httpx.AsyncClient) -> None:
    for caller, kind, body, status, code in (
        ("anna", "text/csv", CSV + NEW, 403, "forbidden"),
        ("staff", "application/json", "[]", 400, "unsupported-media-type"),
        ("staff", "text/csv", "X;58070036", 422, "no-header"),
    ):
        reply = await hub.post(
            "/v1/parties/bulk", content=body.encode(), headers={**as_(caller), "Content-Type": kind}
        )
        assert (reply.status_code, reply.json()["code"]) == (status, code)
    body = json.dumps({"name": "X", "identifiers": [{"scheme": "0106", "value": "58070036"}]})
    reply = await hub.post(
        "/v1/parties/bulk",
        content=body.encode(),
        headers={**as_("staff"), "Content-Type": "application/x-ndjson"},
    )
    assert (reply.status_code, reply.json()["added"]) == (200, 1)


async def test_a_load_is_by_whoever_loads(hub: httpx.AsyncClient, pools: Pools) -> None:
    await _load(hub, CSV + NEW)
    worker = await pools.get("route", "worker")
    row = await worker.fetchrow("SELECT by_account, before, after FROM party_change")
    assert row is not None
    assert (row["by_account"], row["before"], row["after"]["name"]) == (STAFF, None, "De Jong BV")
    assert OPERATOR.account_id == STAFF


def test_the_command_line_tells_in_both_languages_and_ends_1_when_a_row_was_refused(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    file = tmp_path / "klanten.csv"
    file.write_text(CSV + NEW + "V;1234567;;;\n", "cp1252")
    tried = CliRunner().invoke(cli.app, ["load", str(file), "--dry-run"])
    assert tried.exit_code == 1
    assert "01234567" in tried.stdout
    assert "niets geladen" in tried.stdout
    done = CliRunner().invoke(cli.app, ["load", str(file), "--json"])
    *lines, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["added", "refused"]
    assert (summary["added"], summary["refused"], summary["dry_run"]) == (1, 1, False)
    file.write_text(CSV + NEW, "utf-8")
    again = CliRunner().invoke(cli.app, ["load", str(file), "--lang", "en"])
    assert (again.exit_code, again.stdout.count("1 as they were")) == (0, 1)
    file.write_text("X;58070036\n", "utf-8")
    wrong = CliRunner().invoke(cli.app, ["load", str(file), "--lang", "en"])
    assert wrong.exit_code == 2
    assert "no-header" in wrong.stderr
