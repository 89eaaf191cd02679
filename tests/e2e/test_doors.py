"""The doors of the hub as people meet them: who gets in, who is told why not, and that nothing refused goes on."""

from __future__ import annotations

import asyncio
import re
from email.message import EmailMessage

import aiosmtplib
import pytest

from libs.testing import builders
from tests.e2e.world import PATIENCE, SUPPORT, Supplier, World

PASSWORD = "een lang wachtwoord"
# Nothing a door says depends on what carries it on.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("shared_hub", ["amqp"], indirect=True),
]


@pytest.fixture
def world(shared_hub: World) -> World:
    return shared_hub.fresh()


async def invoices(world: World, supplier: Supplier) -> list[str]:
    reply = await world.http.get("/v1/invoices", headers=supplier.headers)
    return [each["number"] for each in reply.json()["invoices"]]


async def mailed(world: World, to: str, xml: bytes) -> tuple[int, str]:
    """What the hub's mail server says to the sender's, which tells its user: no mail of ours goes to an address that
    anybody may have written down."""
    message = EmailMessage()
    message["From"], message["To"] = f"bakker@{world.domain}", to
    message.set_content("Bijgaand.")
    message.add_attachment(xml, maintype="application", subtype="xml", filename="F1.xml")
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=world.smtp_port, start_tls=False) as smtp:
        try:
            return 250, (await smtp.send_message(message))[1]
        except aiosmtplib.SMTPRecipientsRefused as no:
            return no.recipients[0].code, no.recipients[0].message
        except aiosmtplib.SMTPDataError as no:
            return no.code, no.message


@pytest.mark.proves("SA4", "R18", "R64")
async def test_mail_to_an_unknown_key_and_to_support_is_not_handled_and_its_sender_is_told_why(
    world: World,
) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", world.x), folder="x")
    xml = builders.invoice(number="F1", buyer_kvk=world.x)
    key, _, domain = supplier.mailbox.partition("@")
    boxes = (await world.http.get("/v1/mailboxes", headers=supplier.headers)).json()
    unknown = await mailed(world, f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}@{domain}", xml)
    assert (unknown[0], "No such key mailbox: copy the whole address" in unknown[1]) == (550, True), unknown
    code, said = await mailed(world, SUPPORT, xml)
    assert code == 550
    assert "Invoices mailed here do not reach your customer" in said
    assert "Facturen aan dit adres bereiken uw klant niet" in said
    # A key that was taken back is one nobody has.
    gone = f"/v1/mailboxes/{boxes[0]['mailbox_id']}"
    assert (await world.http.delete(gone, headers=supplier.headers)).status_code < 300
    assert (await mailed(world, supplier.mailbox, xml))[0] == 550
    # What is handed over rightly goes its way, past all of that.
    right = await world.hand_over(supplier, ("F2.xml", builders.invoice(number="F2", buyer_kvk=world.x)))
    await world.until(supplier, right, "arrived")
    assert await invoices(world, supplier) == ["F2"]
    assert not any("F1" in file.read_text() for file in world.taken("*.xml"))


@pytest.mark.proves("SA10", "R16", "R28")
async def test_an_upload_with_a_key_with_name_and_password_and_with_neither(world: World) -> None:
    await world.receiver("X BV", ("0106", world.x), folder="x")
    user = f"eigenaar@{world.domain}"
    new = {"name": "Bakker BV", "email": user}
    assert (await world.http.post("/v1/accounts/sign-ups", json=new)).status_code == 202
    async with asyncio.timeout(PATIENCE):
        while not (links := re.findall(r"pb_link_[0-9a-z_]+", "".join(await world.mails(1)))):
            await asyncio.sleep(0.05)
    used = {"token": links[-1], "password": PASSWORD}
    assert (await world.http.post("/v1/accounts/links", json=used)).status_code == 200
    wanted = {"scopes": ["invoice:write", "invoice:read"]}
    made = await world.http.post("/v1/keys", json=wanted, auth=(user, PASSWORD))
    supplier = Supplier("Bakker BV", made.json()["key"], "")

    def file(number: str) -> list[tuple[str, tuple[str, bytes]]]:
        return [("file", (f"{number}.xml", builders.invoice(number=number, buyer_kvk=world.x)))]

    with_key = await world.http.post("/v1/submissions", files=file("K1"), headers=supplier.headers)
    by_name = await world.http.post("/v1/submissions", files=file("N1"), auth=(user, PASSWORD))
    assert [with_key.status_code, by_name.status_code] == [202, 202], by_name.text
    for neither in (
        await world.http.post("/v1/submissions", files=file("X1")),
        await world.http.post("/v1/submissions", files=file("X2"), auth=(user, "een ander wachtwoord")),
        await world.http.post("/v1/submissions", files=file("X3"), headers={"Authorization": "Bearer x"}),
    ):
        assert (neither.status_code, neither.json()["code"]) == (401, "unauthenticated")
    for taken in (with_key, by_name):
        await world.until(supplier, taken.json()["invoices"][0]["invoice_id"], "arrived")
    assert sorted(await invoices(world, supplier)) == ["K1", "N1"]
    assert len(world.taken("*.xml")) == 2
