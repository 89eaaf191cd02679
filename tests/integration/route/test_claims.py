"""What an account claims receives nothing before somebody confirms it: an operator, or the code of a letter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from typer.testing import CliRunner

from libs import clock
from libs.contracts.envelope import new_event
from libs.contracts.parts import Words
from libs.contracts.party import AccountRegistered
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.service import Wake
from libs.testing.pdf_readers import READERS
from services.route import api, cli
from services.route.companies.claims import Claims, party_of
from services.route.companies.history import changes
from services.route.confirming import letter_api, letters
from services.route.settings import RouteSettings
from services.route.trade_register.lookups import Care, Lookups
from services.route.trade_register.register import Company, RegisterAway
from tests.integration.route.stage import decided, enter, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_, served
from tests.integration.validate.drive import handle
from tests.unit.route.sample import KVK, VAT

DONALD = Company(
    "68750110", "Test BV Donald", ("Donald",), ("8823SJ",), ("Hizzaarderlaan 3A", "8823SJ Lollum")
)


class Register:
    """What the trade register says here, and how often it was asked."""

    def __init__(self) -> None:
        self.says: Company | None = DONALD
        self.away = False

    async def company(self, kvk: str) -> Company | None:
        if self.away:
            raise RegisterAway(Words(nl="weg", en="away"))
        return self.says if self.says and self.says.kvk == kvk else None


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def settings(database: DatabaseSettings) -> RouteSettings:
    return RouteSettings(database_url=database.url, secret=database.secret)


@pytest.fixture
async def hub(pools: Pools, register: Register, settings: RouteSettings) -> AsyncIterator[httpx.AsyncClient]:
    pool, worker, wake = await pools.get("route", "api"), await pools.get("route", "worker"), Wake()
    lookups = Lookups(worker, register, Care(keep=timedelta(0), daily=100))
    router = APIRouter()
    router.include_router(letter_api.routes(settings, pool, worker, lookups, wake, "https://hub.example"))
    router.include_router(api.routes(settings, pool, worker, wake))
    async with served(router) as client:
        yield client


async def claim(pools: Pools, account: UUID = ANNA, sequence: int = 1, **said: Any) -> str:
    terms = {
        "name": "Donald",
        "email": "in@donald.example",
        "kvk": DONALD.kvk,
        "vat": "NL001234567B01",
    } | said
    event = new_event(
        AccountRegistered(account_id=account, sequence=sequence, **terms), source="/test", account=account
    )
    await handle(Claims(), await pools.get("route", "worker"), [event])
    return str(party_of(account))


async def _party(hub: httpx.AsyncClient, party_id: str, caller: str = "staff") -> dict[str, Any]:
    found: dict[str, Any] = (await hub.get(f"/v1/parties/{party_id}", headers=as_(caller))).json()
    return found


async def _letter(hub: httpx.AsyncClient, party_id: str, **given: Any) -> httpx.Response:
    return await hub.post(f"/v1/parties/{party_id}/letter", json=given, headers=as_("staff"))


async def _confirm(hub: httpx.AsyncClient, party_id: str, code: str, caller: str = "anna") -> httpx.Response:
    return await hub.post(f"/v1/parties/{party_id}/confirm", json={"code": code}, headers=as_(caller))


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> str:
    """Of every letter made."""
    monkeypatch.setattr(letters, "new_code", lambda: "ABCDEFGH2345")
    return "abcd-efgh 2345"


async def test_a_claim_is_a_party_nobody_finds_and_the_newest_counts(
    hub: httpx.AsyncClient, pools: Pools
) -> None:
    waits = validated((KVK, DONALD.kvk))
    party_id = await claim(pools, sequence=2, name="Donald BV")
    await claim(pools, sequence=1, name="too old")
    await claim(pools, sequence=2, name="again")
    await claim(pools, BERT, kvk="1234567", vat=None)
    party = await _party(hub, party_id, "anna")
    assert (party["name"], party["status"], party["email"]) == ("Donald BV", "claimed", "in@donald.example")
    assert party["identifiers"] == [
        {"scheme": KVK, "value": DONALD.kvk},
        {"scheme": VAT, "value": "NL001234567B01"},
    ]
    assert (await hub.get(f"/v1/parties/{party_of(BERT)}", headers=as_("staff"))).status_code == 404
    await decided(pools, waits)
    assert [name for name, _ in await told(pools, UUID(waits.subject))] == ["parked"]


async def test_an_account_sees_its_own_parties_and_how_its_letter_is_doing(
    hub: httpx.AsyncClient, pools: Pools, database: DatabaseSettings, code: str
) -> None:
    async def own(caller: str, **query: Any) -> list[tuple[str, str, Any]]:
        reply = await hub.get("/v1/parties/own", headers=as_(caller), params=query)
        assert reply.status_code == 200, reply.text
        return [
            (
                each["name"],
                each["status"],
                each["letter"] and (each["letter"]["state"], each["letter"]["tries_left"]),
            )
            for each in reply.json()["parties"]
        ]

    party_id = await claim(pools)
    await claim(pools, BERT, kvk="69599084", name="Bert", vat=None)
    assert await own("anna") == [("Donald", "claimed", None)]
    await _letter(hub, party_id)
    await _confirm(hub, party_id, "wrong")
    assert await own("anna") == [("Donald", "claimed", ("sent", letters.TRIES - 1))]
    assert await own("bert") == [("Bert", "claimed", None)]
    admin = await asyncpg.connect(database.url)
    await admin.execute("UPDATE route.letter SET expires_at = now() - interval '1 second'")
    assert await own("anna") == [("Donald", "claimed", ("expired", 0))]
    await admin.execute("UPDATE route.letter SET expires_at = now() + interval '1 day'")
    await admin.close()
    await _confirm(hub, party_id, code)
    assert await own("anna") == [("Test BV Donald", "confirmed", ("used", 0))]
    async with tenant(await pools.get("route", "api"), ANNA) as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.fetch("SELECT code_hash FROM letter")


async def test_the_code_of_the_letter_confirms_what_the_letter_proves_and_no_more(
    hub: httpx.AsyncClient, pools: Pools, code: str
) -> None:
    """The account added a VAT number and a name that are somebody else's: post to an address proves neither."""
    party_id = await claim(pools)
    waits = validated((KVK, DONALD.kvk), name="Test BV Donald")
    await decided(pools, waits)
    reply = await _letter(hub, party_id)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/pdf")
    assert reply.headers["cache-control"] == "no-store"
    confirmed = (await _confirm(hub, party_id, code)).json()
    assert (confirmed["status"], confirmed["name"]) == ("confirmed", "Test BV Donald")
    assert confirmed["identifiers"] == [{"scheme": KVK, "value": DONALD.kvk}]
    assert (confirmed["names"], confirmed["post_codes"]) == (["Donald"], ["8823SJ"])
    assert [name for name, _ in await told(pools, UUID(waits.subject))] == ["parked", "released", "routed"]
    async with (await pools.get("route", "worker")).acquire() as conn:
        (_, change) = await changes(conn, UUID(party_id), 0, 10)
    assert (change.by, change.by_account, change.changes["status"].after) == ("letter", ANNA, "confirmed")
    assert (await _confirm(hub, party_id, code)).status_code == 403  # once
    await claim(pools, sequence=9, email="thief@elsewhere.example")
    assert (await _party(hub, party_id))["email"] == "in@donald.example"


async def test_the_letter_goes_to_the_register_and_holds_the_code_and_the_table_does_not(
    hub: httpx.AsyncClient, pools: Pools, code: str, tmp_path: Path
) -> None:
    party_id = await claim(pools)
    (tmp_path / "a.pdf").write_bytes((await _letter(hub, party_id)).content)
    text = READERS["pdfium"](tmp_path / "a.pdf").text
    for each in ("Test BV Donald", "8823SJ Lollum", "ABCD-EFGH-2345", "https://hub.example", party_id):
        assert each in text, text
    rows = await (await pools.get("route", "worker")).fetch("SELECT * FROM letter")
    assert "ABCDEFGH2345" not in str([dict(row) for row in rows])


@pytest.mark.parametrize("away", [True, False], ids=["the register is away", "it gives no address"])
async def test_a_letter_never_goes_where_its_owner_says_it_is_but_where_an_operator_does(
    hub: httpx.AsyncClient, pools: Pools, register: Register, code: str, tmp_path: Path, away: bool
) -> None:
    """Whoever claims to be a company would be sent its code."""
    party_id = await claim(pools)
    said = {"name": "Donald", "identifiers": [{"scheme": KVK, "value": DONALD.kvk}]}
    where = {"address_line_1": "Dievenstraat 1", "city": "Elders", "post_code": "1000 AA"}
    path = f"/v1/parties/{party_id}"
    assert (await hub.put(path, json=said | {"addresses": [where]}, headers=as_("anna"))).status_code == 200
    register.says, register.away = Company(DONALD.kvk, "Test BV Donald"), away
    assert (await _letter(hub, party_id)).json()["code"] == ("register-away" if away else "no-address")
    # Nor does it when an operator sends back what it read.
    looked_up = {"address_line_1": "Laan 3", "city": "Lollum", "post_code": "8823 SJ"}
    given = said | {"addresses": [where, looked_up]}
    assert (await hub.put(path, json=given, headers=as_("staff"))).status_code == 200
    (tmp_path / "a.pdf").write_bytes((await _letter(hub, party_id)).content)
    text = READERS["pdfium"](tmp_path / "a.pdf").text
    assert "Laan 3" in text
    assert "8823 SJ Lollum" in text
    assert "Dievenstraat" not in text
    confirmed = (await _confirm(hub, party_id, code)).json()
    assert [each["address_line_1"] for each in confirmed["addresses"]] == ["Laan 3"]
    assert confirmed["post_codes"] == ["8823 SJ"]


async def test_five_wrong_codes_and_the_letter_is_void(
    hub: httpx.AsyncClient, pools: Pools, code: str
) -> None:
    party_id = await claim(pools)
    await _letter(hub, party_id)
    for _ in range(letters.TRIES):
        reply = await _confirm(hub, party_id, "AAAA-AAAA-AAAA")
        assert (reply.status_code, reply.json()["code"]) == (403, "wrong-code")
    assert (await _confirm(hub, party_id, code)).status_code == 403
    assert (await _party(hub, party_id))["status"] == "claimed"


async def test_three_letters_and_no_more_and_only_the_last_counts(
    hub: httpx.AsyncClient, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    party_id = await claim(pools)
    for sign in "ABC":
        monkeypatch.setattr(letters, "new_code", lambda sign=sign: sign * 12)
        assert (await _letter(hub, party_id)).status_code == 200
    reply = await _letter(hub, party_id)
    assert (reply.status_code, reply.json()["code"]) == (429, "too-many-letters")
    assert (await _confirm(hub, party_id, "A" * 12)).status_code == 403
    assert (await _confirm(hub, party_id, "C" * 12)).status_code == 200


async def test_a_code_ends_and_is_of_the_number_it_was_posted_for(
    hub: httpx.AsyncClient, pools: Pools, code: str
) -> None:
    party_id = await claim(pools)
    await _letter(hub, party_id)
    await claim(pools, sequence=2, kvk="69599084")
    assert (await _confirm(hub, party_id, code)).status_code == 403
    await claim(pools, sequence=3)
    worker = await pools.get("route", "worker")
    await worker.execute("UPDATE letter SET expires_at = now()")
    assert (await _confirm(hub, party_id, code)).status_code == 403
    assert (await _party(hub, party_id))["status"] == "claimed"


async def test_only_operators_make_letters_and_only_the_owner_enters_the_code(
    hub: httpx.AsyncClient, pools: Pools, code: str
) -> None:
    party_id = await claim(pools)
    reply = await hub.post(f"/v1/parties/{party_id}/letter", json={}, headers=as_("anna"))
    assert reply.status_code == 403
    await _letter(hub, party_id)
    assert (await _confirm(hub, party_id, code, "bert")).status_code == 404
    assert (await _confirm(hub, party_id, code)).status_code == 200


async def test_no_letter_without_an_address_or_for_who_is_confirmed(
    hub: httpx.AsyncClient, pools: Pools, register: Register, code: str
) -> None:
    party_id = await claim(pools)
    for says in (None, Company(DONALD.kvk, "X"), Company(DONALD.kvk, "X", postal=("A 1", "B"), ended=True)):
        register.says = says
        reply = await _letter(hub, party_id)
        assert (reply.status_code, reply.json()["code"]) == (409, "no-address")
    given = ["Kade 1", "1234 AB Delft"]
    assert (await _letter(hub, party_id, postal=given)).status_code == 200
    # It is called what stood on the envelope, whatever it calls itself since; of other names the register said nothing.
    await claim(pools, sequence=2, name="Gemeente Delft")
    confirmed = (await _confirm(hub, party_id, code)).json()
    assert (confirmed["name"], confirmed["names"], confirmed["post_codes"]) == ("Donald", [], [])
    assert (await _letter(hub, party_id)).json()["code"] == "no-letter"


async def test_a_number_that_is_another_confirmed_partys_cannot_be_had_by_letter(
    hub: httpx.AsyncClient, pools: Pools, code: str
) -> None:
    party_id = await claim(pools)
    await _letter(hub, party_id)
    await enter(pools, "Donald", (KVK, DONALD.kvk))
    reply = await _confirm(hub, party_id, code)
    assert (reply.status_code, reply.json()["code"]) == (409, "identifier-taken")
    assert (await _party(hub, party_id))["status"] == "claimed"


def test_the_command_line_makes_the_letter_and_takes_an_operators_word(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def prepare() -> str:
        pools = Pools(database)
        party_id = await claim(pools)
        await pools.close()
        return party_id

    party_id = asyncio.run(prepare())
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    out = tmp_path / "brief.pdf"
    arguments = ["letter", party_id, "--out", str(out), "--url", "https://hub.example"]
    refused = CliRunner().invoke(cli.app, arguments)
    assert (refused.exit_code, "register-away" in refused.stderr) == (1, True)
    made = CliRunner().invoke(cli.app, [*arguments, "--line", "Kade 1", "--line", "1234 AB Delft"])
    assert (made.exit_code, out.read_bytes()[:5]) == (0, b"%PDF-")
    assert out.stat().st_mode & 0o077 == 0
    for more, code in (([], "number-not-said"), (["--kvk", "90004760"], "other-number")):
        refused = CliRunner().invoke(cli.app, ["confirm", party_id, *more])
        assert (refused.exit_code, code in refused.stderr, DONALD.kvk in refused.stderr) == (1, True, True)
    done = CliRunner().invoke(cli.app, ["confirm", party_id, "--kvk", DONALD.kvk])
    assert (done.exit_code, DONALD.kvk in done.stdout) == (0, True)
    (listed,) = CliRunner().invoke(cli.app, ["list", "--json"]).stdout.splitlines()
    assert json.loads(listed)["status"] == "confirmed"
    assert CliRunner().invoke(cli.app, ["confirm", str(clock.uuid7()), "--kvk", DONALD.kvk]).exit_code == 1
