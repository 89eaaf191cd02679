"""Into the books at Exact Online (the simulator's server), by the whole hub over RabbitMQ: linked, booked, told, paid."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from libs.db.settings import DatabaseSettings
from libs.testing import builders
from libs.testing.ahead import Ahead
from tests.e2e.bookkeeping import PURCHASES, SALES, bookkeeper, employ, registered
from tests.e2e.hubs import hub_on
from tests.e2e.world import World
from tests.sims.exact_online import ExactServer, Screens
from tests.unit.deliver.exact import extra

pytestmark = pytest.mark.asyncio(loop_scope="module")
RULES = {"rules": [{"journal": "60"}, {"account": "4500"}]}
SALES_RULES = {"rules": [{"journal": "70"}, {"account": "8000", "vat_code": "4"}]}
OPTIONS = {name: list(sources) for name, sources in extra.MATCHING.items()}
DUE = "25.10"


@pytest.fixture(scope="module")
def office() -> Iterator[ExactServer]:
    with pytest.MonkeyPatch.context() as setting, registered(setting) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(
    office: ExactServer,
    request: pytest.FixtureRequest,
    spare_databases: Ahead[DatabaseSettings],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """Registered at this office."""
    async with hub_on("amqp", request, spare_databases, tmp_path_factory) as world:
        yield world


@pytest.fixture
def world(hub: World) -> World:
    return hub.fresh()


def pays(office: ExactServer, division: int, entry: str, amount: Decimal | None = None) -> None:
    office.do(lambda exact: Screens(exact).pay(exact.divisions[division], entry, amount))


async def fields(office: ExactServer, division: int, table: str, lines: str) -> dict[str, str]:
    """The 18 extra fields of the one entry of a division, as they stand there."""

    def read(exact: Any) -> dict[str, Any]:
        books = exact.divisions[division]
        (head,) = books.table(table).all()
        (line,) = [row for row in books.table(lines).all() if row["EntryID"] == head["EntryID"]]
        tracking = books.by_code("tracking_numbers", "TN-1", "")["ID"]
        return {**head, **line, "TrackingNumber": "TN-1" if line["TrackingNumber"] == tracking else "?"}

    row = office.do(read)
    return {name: str(row[name]).removesuffix(".0")[: len(extra.VALUES[name])] for name in extra.VALUES}


@pytest.mark.proves("SA1", "SA14", "R50", "R100", "R104")
async def test_mailed_to_a_key_it_stands_in_the_books(office: ExactServer, world: World) -> None:
    kantoor = employ(office, "kantoor", 100)
    jong = await bookkeeper(world, office, "Jong BV", world.x)
    # SA14: a MijnKantoor user is refused with the advice.
    refused = await jong.consent(employ(office, "mijnkantoor", 100, kind="my_firm_portal"), status=403)
    assert (refused["code"], "Kantoorgebruiker" in refused["words"]["nl"]) == ("exact-no-office-user", True)
    done = await jong.linked(kantoor, purchase=RULES)
    assert [step["done"] for step in done["steps"]] == [True, True, True, False]

    bakker = await world.supplier()
    xml = builders.invoice(number="2026-117", buyer_kvk=world.x)
    items = await world.mail(bakker, ("F1.xml", xml), ("F1.pdf", builders.pdf("F1")))
    assert list(items) == ["F1.xml"], "one invoice, with its page"
    seen = await world.until(bakker, items["F1.xml"]["invoice_id"], "imported")
    (entry,) = jong.entries(PURCHASES, 100)
    assert entry["YourRef"] == "2026-117"
    attached = [row["FileName"] for row in jong.entries("attachments", 100)]
    assert sorted(name.rpartition(".")[2] for name in attached) == ["pdf", "xml"]
    timeline = [(each["label"]["en"], each["proof"]) for each in seen["timeline"]]
    assert [label for label, _ in timeline][-3:] == ["Sent", "Arrived", "Imported"]
    assert str(entry["EntryNumber"]) in timeline[-1][1]
    assert "not read back" not in timeline[-1][1]
    # What stands in the books is for whose books they are.
    (got,) = await jong.received()
    booked = got["booked"]
    assert (booked["division"], booked["read_at"] is None, booked["differences"]) == (100, False, [])


@pytest.mark.proves("SA13", "R105", "R106")
async def test_one_person_at_exact_holds_one_account_unless_an_operator_says_so(
    office: ExactServer, world: World
) -> None:
    person = employ(office, "dertien", 113)
    jong = await bookkeeper(world, office, "Jong BV", world.x)
    smit = await bookkeeper(world, office, "Smit BV", world.y)
    await jong.linked(person, purchase=RULES)
    # Warned; nothing is done before somebody says so.
    warned = await smit.consent(person)
    assert (warned["state"], "ander account" in warned["warning"]["nl"]) == ("warned", True)
    assert (await jong.link("GET"))["state"] == "live"
    # On go-ahead the first lapses, and says why; what comes for it waits.
    assert (await smit.link("POST", "/takeover"))["state"] == "live"
    lapsed = await jong.link("GET")
    assert (lapsed["state"], "ander account" in lapsed["reason"]["nl"]) == ("lapsed", True)
    bakker = await world.supplier()
    invoice = builders.invoice(number="2026-118", buyer_kvk=world.x)
    second = await world.hand_over(bakker, ("F2.xml", invoice))
    assert "aan zet" in (await world.until(bakker, second, "parked"))["reason"]["nl"]
    (held,) = await jong.received("waiting")
    assert "vervallen" in held["reason"]["nl"]
    # Its owner is mailed, once; the sender of what waits is mailed, too.
    letters = await world.mails(2)
    (letter,) = [each for each in letters if f"To: jong@{world.domain}" in each]
    assert "Subject: Uw koppeling met Exact Online is vervallen" in letter
    # An operator's override keeps both (where Exact lets both consents live), and what waited is booked.
    office.do(lambda exact: setattr(exact.settings, "consent_replaces", False))
    reply = await world.http.put(
        f"/v1/connections/exact/users/{person.id}/shared",
        json={"why": "one bookkeeper for both"},
        headers=await world._staff_headers(),
    )
    assert reply.status_code == 204, reply.text
    assert (await jong.consent(person))["state"] == "live"
    for each in (jong, smit):
        assert (await each.link("GET", "/divisions"))["divisions"][0]["code"] == 113
    await world.until(bakker, second, "imported")
    assert await world.mails(2) == letters


@pytest.mark.proves("SA15", "SA16", "R110", "R113", "R114")
async def test_paid_is_what_the_books_say_of_what_the_hub_booked_and_of_nothing_else(
    office: ExactServer, world: World
) -> None:
    person = employ(office, "zestien", 116)
    jong = await bookkeeper(world, office, "Jong BV", world.x)
    await jong.linked(person, purchase=RULES)
    # SA15: refused and explained while a bank feed is on.
    await jong.ask("PUT", "/v1/payments/source", {"source": "bank_feed", "feed": "ponto"})
    exact = {"source": "exact_online", "way": "manual"}
    no = await jong.ask("PUT", "/v1/payments/source", exact, status=409)
    assert (no["code"], "Ponto" in no["words"]["nl"], "geen invloed" in no["words"]["nl"]) == (
        "bank-feed",
        True,
        True,
    )
    assert (await jong.ask("POST", "/v1/payments/fetch", status=409))["code"] == "bank-feed"
    await jong.ask("PUT", "/v1/payments/source", {"source": "none"})
    await jong.ask("PUT", "/v1/payments/source", exact)

    # SA16: one that the hub booked, and one of the same supplier and number by hand.
    bakker = await world.supplier()
    own = await world.hand_over(bakker, ("F1.xml", builders.invoice(number="2026-201", buyer_kvk=world.x)))
    await world.until(bakker, own, "imported")
    (entry,) = jong.entries(PURCHASES, 116)
    by_hand = {
        "Journal": "60",
        "Supplier": entry["Supplier"],
        "YourRef": entry["YourRef"],
        "EntryDate": "2026-11-02",
    }

    def book(service: Any) -> str:
        books = service.divisions[116]
        costs = books.by_code("gl_accounts", "4500", "")["ID"]
        lines = [{"AmountFC": "20.74", "GLAccount": costs}]
        return str(
            Screens(service).book(books, "purchase", {**by_hand, "PurchaseEntryLines": lines})["EntryID"]
        )

    pays(office, 116, office.do(book))
    await jong.fetched()
    (got,) = await jong.received()
    assert await jong.paid(got["delivery_id"]) == []
    assert (await world.invoice(bakker, own) or {})["status"] == "imported"
    # The one that the hub booked has its payment status from there: all of it, undone, and again.
    pays(office, 116, entry["EntryID"])
    await jong.fetched()
    await world.until(bakker, own, "paid")
    office.do(lambda service: Screens(service).reverse(service.divisions[116], entry["EntryID"]))
    await jong.fetched()
    await world.until(bakker, own, "imported")
    pays(office, 116, entry["EntryID"])
    await jong.fetched()
    await world.until(bakker, own, "paid")
    assert await jong.paid(got["delivery_id"]) == [DUE, "0.00", DUE]


@pytest.mark.proves("SA17", "SA22", "R100", "R110", "R120", "R121")
async def test_all_18_fields_reach_the_books_of_both_and_the_sender_is_paid(
    office: ExactServer, world: World
) -> None:
    """In Belgium, where IntraStat has its transaction B. One that the sender says beside the invoice counts where the buyer
    matched it, and in its own books where nothing is."""
    buyer, seller = employ(office, "koper", 117, "BE"), employ(office, "verkoper", 122, "BE")
    jong = await bookkeeper(world, office, "Jong BV", world.x)
    bakker = await bookkeeper(world, office, "Bakker BV", world.y)
    said = {"ExternalLinkDescription": "Pand 12", "YourRef": "D-7", "Notes": "Met haast"}
    asked = OPTIONS | {"ExternalLinkDescription": ["field:ExternalLinkDescription"]}
    await jong.linked(buyer, purchase=RULES, options=asked)
    await bakker.linked(seller, sales=SALES_RULES, options={n: s for n, s in OPTIONS.items() if n != "Notes"})
    assert (await bakker.link("PUT", "/sales", {"on": True}))["on"] is True

    number = "2026-301"
    xml = extra.ubl(number=number, buyer_kvk=world.x)
    own = await world.hand_over(bakker.who, ("F1.xml", xml), ("F1.fields.json", json.dumps(said).encode()))
    await world.until(bakker.who, own, "imported")
    # SA17: each arrives in the named property.
    here = {"ExternalLinkDescription": "Pand 12"}
    assert await fields(office, 117, PURCHASES, "purchase_lines") == extra.VALUES | here
    # SA22: a sales entry with the fields; its customer pays.
    assert await bakker.sold(own) == "booked"
    assert await fields(office, 122, SALES, "sales_lines") == extra.VALUES | {"Notes": "Met haas"}
    await bakker.ask("PUT", "/v1/payments/source", {"source": "exact_online", "way": "automatic"})
    (entry,) = bakker.entries(SALES, 122)
    pays(office, 122, entry["EntryID"], Decimal("5.10"))
    await bakker.fetched()
    pays(office, 122, entry["EntryID"])
    await bakker.fetched()
    seen = await world.until(bakker.who, own, "paid")
    assert str(entry["EntryNumber"]) in seen["timeline"][-1]["proof"]
    (got,) = await jong.received()
    assert await jong.paid(got["delivery_id"]) == ["5.10", DUE]
