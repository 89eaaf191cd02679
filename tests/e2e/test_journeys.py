"""An invoice's whole way, from the supplier's hands to the receiver's, on both transports."""

from __future__ import annotations

import asyncio

import pytest

from libs.testing import builders
from tests.e2e.world import PATIENCE, Supplier, World

BOUNCED = "Vraag uw klant of het adres nog klopt"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def world(shared_hub: World) -> World:
    return shared_hub.fresh()


@pytest.mark.proves("SA1", "R21", "R23", "R30", "R50", "R53")
async def test_mailed_xml_and_pdf_arrive_in_the_receivers_folder_but_not_with_another_account(
    world: World,
) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", world.x), folder="x")
    pdf = builders.pdf("Te betalen op NL91 ABNA 0417 1643 00")
    xml = builders.invoice(number="F1", buyer_kvk=world.x, iban="NL91ABNA0417164300")
    forged = builders.invoice(number="F2", buyer_kvk=world.x, iban="NL20INGB0001234567")
    items = await world.mail(supplier, ("F1.xml", xml), ("F1.pdf", pdf), ("F2.xml", forged), ("F2.pdf", pdf))
    assert list(items) == ["F1.xml", "F2.xml"]
    arrives = items["F1.xml"]["invoice_id"]
    await world.until(supplier, arrives, "arrived")
    await world.told(supplier, arrives, "received", "validated", "routed", "handed_over", "confirmed")

    doubted = items["F2.xml"]["invoice_id"]
    seen = await world.until(supplier, doubted, "parked")
    for text in (seen["reason"]["nl"], seen["reason"]["en"]):
        assert "NL20INGB0001234567" in text
        assert "NL91ABNA0417164300" in text
    reply = await world.http.get(f"/v1/check/{doubted}", headers=supplier.headers)
    assert "POSTBODE-IBAN-PDF" in [finding["id"] for finding in reply.json()["findings"]]
    taken = world.taken()
    assert [file.suffix for file in taken] == [".pdf", ".xml"]
    assert taken[0].stem == taken[1].stem
    assert taken[1].read_bytes() == xml
    assert taken[0].read_bytes() == pdf

    path = f"/v1/parked/{doubted}/release"
    assert (await world.http.post(path, headers=supplier.headers)).status_code == 200
    await world.until(supplier, doubted, "arrived")


@pytest.mark.proves("SA2", "R19")
async def test_three_xmls_in_one_mail_go_to_three_receivers(world: World) -> None:
    supplier = await world.supplier()
    for name, kvk in (("X", world.x), ("Y", world.y), ("Z", world.z)):
        await world.receiver(f"{name} BV", ("0106", kvk), folder=name.lower())
    numbers = {kvk: f"F-{kvk}" for kvk in (world.x, world.y, world.z)}
    files = [
        (f"F{n}.xml", builders.invoice(number=number, buyer_kvk=kvk))
        for n, (kvk, number) in enumerate(numbers.items())
    ]
    items = await world.mail(supplier, *files)
    seen = await asyncio.gather(
        *(world.until(supplier, items[f"F{n}.xml"]["invoice_id"], "arrived") for n in range(3))
    )
    assert [invoice["receiver"] for invoice in seen] == ["X BV", "Y BV", "Z BV"]
    assert len(world.taken()) == 3
    assert set(numbers.values()) <= world.receivers.got().keys()
    assert world.receivers.doubled(numbers.values()) == 0


@pytest.mark.proves("SA3", "R24")
async def test_a_lone_pdf_is_refused_with_the_reason_and_the_sender_is_mailed(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", world.x), folder="x")
    lone = await world.mail(supplier, ("F1.pdf", builders.pdf("F1")))
    seen = await world.until(supplier, lone["F1.pdf"]["invoice_id"], "quarantined")
    assert "XML" in seen["reason"]["nl"]
    await world.mails(1)
    both = await world.mail(
        supplier,
        ("F2.xml", builders.invoice(number="F2", buyer_kvk=world.x)),
        ("other.pdf", builders.pdf("o")),
    )
    await world.until(supplier, both["other.pdf"]["invoice_id"], "quarantined")
    await world.until(supplier, both["F2.xml"]["invoice_id"], "arrived")
    assert not world.taken("*.pdf")
    notices = await world.mails(2)
    assert all("PDF" in notice for notice in notices)


@pytest.mark.proves("SA18", "R48b", "R56")
async def test_invoices_that_cannot_be_delivered_are_seen_in_the_portal_and_told_in_a_mail_by_either_way_in(
    world: World,
) -> None:
    supplier = await world.supplier()
    await world.receiver("Dicht BV", ("0106", world.x))
    items = await world.mail(
        supplier, *((f"F{n}.xml", builders.invoice(number=f"F{n}", buyer_kvk=world.x)) for n in (1, 2))
    )
    by_api = await world.hand_over(supplier, ("F3.xml", builders.invoice(number="F3", buyer_kvk=world.x)))
    ids = [*(each["invoice_id"] for each in items.values()), by_api]
    for each in ids:
        await world.until(supplier, each, "undeliverable")
    # Each is told once, in however many mails: those of one moment are one.
    async with asyncio.timeout(PATIENCE):
        while True:
            told = "".join(mail for mail in await world.mails(0) if BOUNCED in mail)
            if all(each in told for each in ids):
                break
            await asyncio.sleep(0.05)
    for mail in await world.mails(1):
        assert f"To: bakker@{world.domain}" in mail
        assert "Auto-Submitted: auto-generated" in mail

    form = {"user": "", "key": supplier.key, "next": ""}
    signed_in = await world.http.post("/login", data=form)
    assert signed_in.status_code == 303, signed_in.text
    for each in ids:
        page = await world.http.get(f"/invoices/{each}", headers={"Accept-Language": "nl"})
        assert "nbezorgbaar" in page.text
        assert "Nobody here by that name" in page.text


@pytest.mark.proves("SA8", "R34")
async def test_a_branch_number_is_never_taken_for_a_kvk_number(world: World) -> None:
    supplier = await world.supplier()
    # A party whose KvK number is inside the branch number: taking digits out would find it.
    await world.receiver("Wrong BV", ("0106", "00002744"), folder="wrong")
    invoice_id = await world.hand_over(
        supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk="000027449173"))
    )
    seen = await world.until(supplier, invoice_id, "parked")
    assert "12" in seen["reason"]["nl"]
    assert not world.waiting()


@pytest.mark.proves("R35")
async def test_an_unknown_receiver_is_parked_and_goes_on_when_it_is_entered(world: World) -> None:
    supplier = await world.supplier()
    invoice_id = await world.hand_over(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.y)))
    await world.until(supplier, invoice_id, "parked")
    await world.receiver("Y BV", ("0106", world.y))
    await world.until(supplier, invoice_id, "sent")


@pytest.mark.proves("SA9", "R39", "R49")
async def test_a_receiver_without_a_package_gets_mail_with_pdf_and_xml(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("Y BV", ("0106", world.y))
    xml, pdf = builders.invoice(number="F1", buyer_kvk=world.y), builders.pdf("F1")
    invoice_id = await world.hand_over(supplier, ("F1.xml", xml), ("F1.pdf", pdf))
    seen = await world.until(supplier, invoice_id, "sent")
    assert [each for each in seen["axes"] if each.startswith("delivery:smtp:")]
    assert "per e-mail" in str(seen), "and people read by which way"
    (mail,) = await world.mails(1)
    assert f"To: y@{world.domain}" in mail, "to the address that was agreed"
    assert mail.count("Content-Disposition: attachment") == 2
    # Without a page of its sender's it carries one that the hub makes.
    reply = await world.post(supplier, ("F2.xml", builders.invoice(number="F2", buyer_kvk=world.y)))
    await world.until(supplier, reply.json()["invoices"][0]["invoice_id"], "sent")
    for mail in await world.mails(2):
        assert [mail.count(f"Content-Type: application/{kind}; name=") for kind in ("pdf", "xml")] == [1, 1]


@pytest.mark.proves("R4", "R51", "SA21")
async def test_an_unlawful_invoice_is_rejected_and_may_come_again_mended(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", world.x), folder="x")
    bad = builders.invoice(number="F1", buyer_kvk=world.x, break_rule="BR-NL-2")
    old = await world.hand_over(supplier, ("F1.xml", bad))
    seen = await world.until(supplier, old, "rejected")
    assert seen["reason"]["nl"]
    new = await world.hand_over(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x)))
    await world.until(supplier, new, "arrived")
    assert await linked(world, supplier, new) == old
    assert await linked(world, supplier, old) == new


@pytest.mark.proves("SA21")
async def test_the_same_bytes_again_after_their_receiver_became_known_are_a_new_invoice(world: World) -> None:
    supplier = await world.supplier()
    data = builders.invoice(number="F1", buyer_kvk=world.y)
    old = await world.hand_over(supplier, ("F1.xml", data))
    await world.until(supplier, old, "parked")
    assert (await world.http.post(f"/v1/parked/{old}/return", headers=supplier.headers)).status_code == 200
    await world.until(supplier, old, "returned")
    await world.receiver("Y BV", ("0106", world.y))
    async with asyncio.timeout(PATIENCE):
        # The door hears of the return by an event of its own.
        while (new := await world.hand_over(supplier, ("F1.xml", data))) == old:
            await asyncio.sleep(0.1)
    await world.until(supplier, new, "sent")
    assert await linked(world, supplier, new) == old


@pytest.mark.proves("R51")
async def test_a_number_that_was_delivered_is_not_delivered_again(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", world.x), folder="x")
    data = builders.invoice(number="F1", buyer_kvk=world.x)
    other = builders.invoice(number="F1", buyer_kvk=world.x, lines=2)
    first, same, differs = [
        await world.hand_over(supplier, (f"{n}.xml", each))
        for n, each in enumerate((data, data + b"\n", other))
    ]
    await world.until(supplier, first, "arrived")
    seen = await world.until(supplier, same, "duplicate")
    assert first in seen["reason"]["nl"]
    seen = await world.until(supplier, differs, "parked")
    assert "BT-" in seen["reason"]["nl"]
    assert len(world.taken("*.xml")) == 1
    released = await world.http.post(f"/v1/parked/{differs}/release", headers=supplier.headers)
    assert released.status_code == 200, released.text
    await world.until(supplier, differs, "arrived")


@pytest.mark.proves("R30", "R51")
async def test_after_a_wrong_delivery_nothing_more_goes_until_a_person_says_so_and_both_are_told(
    world: World,
) -> None:
    supplier = await world.supplier()
    party = await world.receiver("X BV", ("0106", world.x))
    wrong = await world.hand_over(supplier, ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x)))
    await world.until(supplier, wrong, "sent")
    await world.mails(1)
    refused = await world.http.post("/v1/recalls", headers=supplier.headers, json={"invoices": [wrong]})
    assert refused.status_code == 403
    await world.recall(wrong)
    mails = await world.mails(3)
    told = sorted(mail for mail in mails if f"Postbode-Invoice: {wrong}" in mail and "<notice." in mail)
    assert [sum(f"To: {who}@" in mail for mail in told) for who in ("x", "bakker")] == [1, 1]
    seen = await world.invoice(supplier, wrong)
    assert seen is not None
    assert "recalled" in [entry["value"] for entry in seen["timeline"]]
    # The directory may have been wrong, and the invoice right: the same bytes are no repeat of what was recalled.
    same = ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x))
    async with asyncio.timeout(PATIENCE):
        while (again := await world.hand_over(supplier, same)) == wrong:
            await asyncio.sleep(0.1)
    assert "stilgelegd" in (await world.until(supplier, again, "parked"))["reason"]["nl"]
    right = await world.hand_over(supplier, ("F2.xml", builders.invoice(number="F2", buyer_kvk=world.x)))
    assert "stilgelegd" in (await world.until(supplier, right, "parked"))["reason"]["nl"]
    chosen = {"party_id": party}
    reply = await world.http.post(f"/v1/parked/{right}/release", headers=supplier.headers, json=chosen)
    assert reply.status_code == 200, reply.text
    await world.until(supplier, right, "sent")


async def linked(world: World, supplier: Supplier, invoice_id: str) -> str:
    """Wait until its timeline names another invoice of its number."""
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = await world.invoice(supplier, invoice_id)
            for entry in seen["timeline"] if seen else ():
                if entry["other"] is not None:
                    other: str = entry["other"]
                    return other
            await asyncio.sleep(0.05)


async def test_the_same_submission_twice_is_one_invoice_and_the_same_answer(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", world.x), folder="x")
    file = ("F1.xml", builders.invoice(number="F1", buyer_kvk=world.x))
    first, second = await world.post(supplier, file), await world.post(supplier, file)
    assert second.status_code == first.status_code == 202
    assert second.json() == first.json()
    invoice_id = first.json()["invoices"][0]["invoice_id"]
    await world.until(supplier, invoice_id, "arrived")
    third = await world.post(supplier, file)
    assert third.json() == first.json()
    assert len(world.taken()) == 1


async def test_the_door_refuses_with_the_right_status(world: World) -> None:
    supplier = await world.supplier()
    reader = await world.supplier("Reader BV", "invoice:read", "account:admin")
    xml = ("F1.xml", builders.invoice(number="F1"))
    nobody = await world.http.post("/v1/submissions", content=xml[1])
    wrong = await world.http.post(
        "/v1/submissions", content=xml[1], headers={"Authorization": "Bearer pb_live_x_y"}
    )
    assert [nobody.status_code, wrong.status_code] == [401, 401]
    assert (await world.post(reader, xml)).status_code == 403
    for data, code in (
        (b"Beste klant", "not-xml"),
        (b'<!DOCTYPE x><Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>', "doctype"),
        (b"<a>\xff</a>", "encoding"),
        (b"<html/>", "not-an-invoice"),
    ):
        refused = await world.post(supplier, ("F1.xml", data))
        assert refused.status_code == 422, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == code
        assert refused.json()["line"] == 1
    lone = await world.post(supplier, ("F1.pdf", builders.pdf("x")))
    assert (lone.status_code, lone.json()["code"]) == (422, "lone-pdf")
    too_large = await world.http.post("/v1/submissions", content=b" " * 25_000_001, headers=supplier.headers)
    assert too_large.status_code == 413
    listed = await world.http.get("/v1/invoices", headers=supplier.headers)
    assert listed.json()["invoices"] == []


@pytest.mark.proves("R30", "R35")
async def test_a_number_alone_is_not_believed_until_the_sender_confirms_it(world: World) -> None:
    supplier = await world.supplier()
    party = await world.receiver("Bloemen Visser", ("0106", world.x), folder="x", names=())
    typo = builders.invoice(number="F1", buyer_kvk=world.x, buyer_name="Aannemer De Jong BV")
    first = await world.mail(supplier, ("F1.xml", typo))
    invoice_id = first["F1.xml"]["invoice_id"]
    seen = await world.until(supplier, invoice_id, "parked")
    assert "Bloemen Visser" in seen["reason"]["nl"]
    assert "Aannemer De Jong BV" in seen["reason"]["nl"]
    reply = await world.http.post(
        f"/v1/parked/{invoice_id}/release", headers=supplier.headers, json={"party_id": party}
    )
    assert reply.status_code == 200, reply.text
    await world.until(supplier, invoice_id, "arrived")
    again = builders.invoice(number="F2", buyer_kvk=world.x, buyer_name="Aannemer De Jong BV")
    second = await world.mail(supplier, ("F2.xml", again))
    await world.until(supplier, second["F2.xml"]["invoice_id"], "arrived")
