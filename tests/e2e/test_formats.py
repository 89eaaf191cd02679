"""What Exact Globe makes, and what a receiver's package takes, through the whole hub."""

from __future__ import annotations

import asyncio
import base64

import pytest

from libs.einvoice import documents
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from tests.e2e.world import PATIENCE, Supplier, World

# What becomes of a format does not depend on what carries it: that is told by the journeys.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("shared_hub", ["amqp"], indirect=True),
]

VAT_OF_Y = "NL002455799B11"
ADDRESS = {"street": "Kade 1", "post_code": "2611 AA", "city": "Delft", "country": "NL"}


@pytest.fixture
def world(shared_hub: World) -> World:
    return shared_hub.fresh()


async def globe_user(world: World) -> Supplier:
    return await world.supplier(
        vat="NL123456789B13", iban="NL91ABNA0417164300", kvk="68727720", address=ADDRESS
    )


def ids(items: dict[str, dict[str, str]]) -> list[str]:
    return [items[name]["invoice_id"] for name in sorted(items)]


@pytest.mark.proves("SA5", "R26", "R31", "R38")
async def test_a_globe_file_of_three_invoices_becomes_three_deliveries(world: World) -> None:
    supplier = await globe_user(world)
    for name, kvk in (("X", world.x), ("Y", world.y), ("Z", world.z)):
        await world.receiver(f"{name} BV", ("0106", kvk), folder=name.lower())
    data = file(
        [
            GlobeInvoice(number=f"1470012{n}", adres_2=kvk, orderer_adres_2=world.z)
            for n, kvk in enumerate((world.x, world.y, world.z))
        ]
    )
    items = await world.mail(supplier, ("globe.xml", data))
    assert sorted(items) == ["globe-1.xml", "globe-2.xml", "globe-3.xml"]
    seen = await asyncio.gather(*(world.until(supplier, each, "arrived") for each in ids(items)))
    assert [invoice["receiver"] for invoice in seen] == ["X BV", "Y BV", "Z BV"]
    taken = world.taken("*.xml")
    assert len(taken) == 3
    found = [documents.read(each.read_bytes())[0] for each in taken]
    assert {each.syntax for each in found} == {"ubl-invoice"}, "nobody else reads what Globe exports"
    assert sorted(each.read.invoice.number or "" for each in found) == ["14700120", "14700121", "14700122"]


@pytest.mark.proves("SA6", "SA8", "R34", "R35", "R36", "R37")
async def test_without_a_number_in_adres_2_it_waits_and_says_what_to_do(world: World) -> None:
    supplier = await globe_user(world)
    await world.receiver("X BV", ("0106", world.x), folder="x")
    texts = ("", "2e verdieping", "000027449173")
    data = file([GlobeInvoice(number=str(n), adres_2=text) for n, text in enumerate(texts)])
    items = await world.mail(supplier, ("globe.xml", data))
    seen = await asyncio.gather(*(world.until(supplier, each, "parked") for each in ids(items)))
    assert "KvK" in seen[0]["reason"]["nl"]
    assert "2e verdieping" in seen[1]["reason"]["nl"]
    assert "000027449173" in seen[2]["reason"]["nl"]


@pytest.mark.proves("SA7", "SA19", "R32")
async def test_a_vat_number_in_adres_2_routes_and_elsewhere_only_warns(world: World) -> None:
    supplier = await globe_user(world)
    await world.receiver("X BV", ("0106", world.x), folder="x")
    await world.receiver("Y BV", ("0106", world.y), ("9944", VAT_OF_Y), folder="y")
    data = file(
        [GlobeInvoice(number="1", adres_2=VAT_OF_Y), GlobeInvoice(number="2", adres_2=world.x, vat=VAT_OF_Y)]
    )
    items = await world.mail(supplier, ("globe.xml", data))
    by_vat, by_kvk = await asyncio.gather(*(world.until(supplier, each, "arrived") for each in ids(items)))
    assert (by_vat["receiver"], by_kvk["receiver"]) == ("Y BV", "X BV")
    by_kvk = await world.told(supplier, by_kvk["invoice_id"], "routed")
    routed = next(entry for entry in by_kvk["timeline"] if "invoice.routed." in entry["type"])
    assert VAT_OF_Y in str(routed)


@pytest.mark.proves("SA20", "R3", "R52")
async def test_the_next_invoice_follows_the_receivers_package(world: World) -> None:
    supplier = await world.supplier()
    party = await world.receiver("X BV", ("0106", world.x), folder="x")
    first = await world.mail(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x)))
    await world.until(supplier, first["F1.xml"]["invoice_id"], "arrived")
    await world.connect(
        party, package="globe", channel="folder", settings={"folder": world.folder("x")}, format="siubl-1.2"
    )
    second = await world.mail(supplier, ("F2.xml", builders.invoice(number="F2", buyer_kvk=world.x)))
    await world.until(supplier, second["F2.xml"]["invoice_id"], "arrived")
    taken = {each.name: each.read_bytes() for each in world.taken()}
    (one,) = [data for name, data in taken.items() if "_F1_" in name and name.endswith(".xml")]
    (two,) = [data for name, data in taken.items() if "_F2_" in name and name.endswith(".xml")]
    assert one == builders.invoice(number="F1", buyer_kvk=world.x)
    assert b"si-ubl:ver1.2" in two
    await world.connect(party, package="pdf", channel="smtp", settings={"email": f"x@{world.domain}"})
    third = await world.mail(supplier, ("F3.xml", builders.invoice(number="F3", buyer_kvk=world.x)))
    await world.until(supplier, third["F3.xml"]["invoice_id"], "sent")
    mails = [each for each in await world.mails(1) if "F3" in each]
    assert any("application/pdf" in each and "application/xml" not in each for each in mails)


@pytest.mark.proves("SA20", "R52")
async def test_what_is_under_way_keeps_the_way_and_the_format_it_was_planned_with(world: World) -> None:
    supplier, customer = await world.supplier(), await world.supplier("Klant BV")
    party = await world.receiver("X BV", ("0106", world.x))
    account = (await world.http.get("/v1/accounts/me", headers=customer.headers)).json()["account_id"]

    async def waiting() -> list[str]:
        reply = await world.http.get("/v1/deliveries/waiting", headers=customer.headers)
        assert reply.status_code == 200, reply.text
        return [each["delivery_id"] for each in reply.json()["deliveries"]]

    await world.connect(party, package="other", channel="pull", format="cii", account_id=account)
    first = await world.hand_over(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x)))
    async with asyncio.timeout(PATIENCE):
        while not (listed := await waiting()):
            await asyncio.sleep(0.05)
    await world.connect(
        party, package="pdf", channel="smtp", settings={"email": f"x@{world.domain}"}, account_id=account
    )
    second = await world.hand_over(supplier, ("F2.xml", builders.invoice(number="F2", buyer_kvk=world.x)))
    await world.until(supplier, second, "sent")
    assert await waiting() == listed
    (mail,) = await world.mails(1)
    assert "F2" in mail

    said = await world.http.get(f"/v1/deliveries/waiting/{listed[0]}", headers=customer.headers)
    found = {each["media_type"]: each["content"] for each in said.json()["data"]["documents"]}
    assert b"CrossIndustryInvoice" in base64.b64decode(found["application/xml"])
    await world.http.post(
        "/v1/deliveries/waiting/acknowledged", json={"delivery_ids": listed}, headers=customer.headers
    )
    await world.until(supplier, first, "arrived")
    assert len(await world.mails(1)) == 1, "it came by one way"


@pytest.mark.proves("R50", "R53")
async def test_a_receiver_fetches_what_it_got_and_its_answer_stands_in_the_senders_timeline(
    world: World,
) -> None:
    supplier, customer = await world.supplier(), await world.supplier("Klant BV")
    party = await world.receiver("X BV", ("0106", world.x))
    account = (await world.http.get("/v1/accounts/me", headers=customer.headers)).json()["account_id"]
    await world.connect(
        party, package="pdf", channel="smtp", settings={"email": f"x@{world.domain}"}, account_id=account
    )
    # From now on it is the receiver's own to choose.
    wanted = {
        "package": "other",
        "channel": "smtp",
        "settings": {"email": f"x@{world.domain}"},
        "format": "cii",
    }
    reply = await world.http.put(f"/v1/connections/{party}", json=wanted, headers=customer.headers)
    assert reply.status_code == 200, reply.text
    items = await world.mail(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x)))
    invoice = items["F1.xml"]["invoice_id"]
    await world.until(supplier, invoice, "sent")
    (got,) = (await world.http.get("/v1/received", headers=customer.headers)).json()["received"]
    assert (got["invoice_id"], got["number"], got["format"]) == (invoice, "F1", "cii")
    path = f"/v1/received/{got['delivery_id']}"
    assert (
        b"CrossIndustryInvoice"
        in (await world.http.get(f"{path}/document", headers=customer.headers)).content
    )
    assert (await world.http.get(f"{path}/pdf", headers=customer.headers)).content.startswith(b"%PDF-")
    answer = {"answer": "rejected", "code": "QTY", "reason": "twee dozen te veel"}
    assert (await world.http.post(f"{path}/answer", json=answer, headers=customer.headers)).status_code == 200

    said: list[str] = []
    async with asyncio.timeout(20):
        while not said:
            await asyncio.sleep(0.05)
            seen = await world.until(supplier, invoice, "sent")
            said = [each["words"]["nl"] for each in seen["timeline"] if each["type"] == "invoice.answered.v1"]
    assert "twee dozen te veel" in said[0]
    assert seen["axes"]["business"]["value"] == "rejected"


@pytest.mark.proves("R52")
async def test_a_package_is_picked_from_a_catalogue_and_gets_only_what_it_takes(world: World) -> None:
    supplier = await world.supplier()
    known = (await world.http.get("/v1/connections/packages", headers=supplier.headers)).json()["packages"]
    assert {"globe", "exact-online", "afas", "pdf"} <= {each["id"] for each in known}
    party = await world.receiver("X BV", ("0106", world.x))
    await world.connect(party, package="afas", channel="smtp", settings={"email": f"x@{world.domain}"})
    with pytest.raises(AssertionError, match="format-not-taken"):
        await world.connect(party, package="afas", channel="smtp", settings={}, format="eexact")
    items = await world.mail(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x)))
    await world.until(supplier, items["F1.xml"]["invoice_id"], "sent")
    # Its sender, who mailed it, is mailed too that it was received.
    (letter,) = [each for each in await world.mails(1) if f"To: x@{world.domain}" in each]
    assert "application/pdf" in letter, "AFAS pairs a page, and the sender gave none"
    assert "application/xml" in letter
