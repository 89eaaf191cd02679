"""Mail to support: told at once, in both languages; a key only ever asked for, never handed to who asks."""

from __future__ import annotations

import pytest

from libs.errors import TooMany
from libs.sealed import seal, unseal
from libs.testing import builders
from services.ingest.mailbox import support
from tests.unit.ingest.postbox import DOMAIN, Boxes, Line, line, office

SUPPORT = "ondersteuning@hulp.example"
ASK = (
    b"From: Bos <Jan@Bos.example>\r\nSubject: aanvraag Exact Globe emailsleutel\r\n\r\nGraag een sleutel.\r\n"
)
XML = b"Content-Type: application/xml\r\n\r\n" + builders.invoice().replace(b"\n", b"\r\n")


async def sent(sender: Line, text: bytes) -> str:
    await sender.say("MAIL FROM:<a@b.example>", f"RCPT TO:<{SUPPORT.upper()}>", "DATA")
    return await sender.say(text + b"\r\n.")


@pytest.mark.proves("R64", "SA4")
@pytest.mark.parametrize(
    "text",
    [
        XML,
        b"Subject: aanvraag Exact Globe emailsleutel\r\n" + XML,
        b"Content-Type: application/pdf\r\n\r\n" + builders.pdf("x").replace(b"\n", b"\r\n"),
    ],
)
async def test_an_invoice_to_support_is_refused_with_where_it_should_go(text: bytes) -> None:
    boxes = Boxes()
    async with office(boxes, support_addresses=(SUPPORT,)) as at, line(at.smtp) as sender:
        said = await sent(sender, text)
    first, second = said.split("\r\n")
    assert first.startswith("550-5.7.1 Invoices mailed here do not reach your customer")
    assert second.startswith("550 5.7.1 Facturen aan dit adres bereiken uw klant niet")
    assert (boxes.kept, boxes.asked) == ([], [])


@pytest.mark.proves("R17")
@pytest.mark.parametrize(
    "subject",
    [
        b"aanvraag Exact Globe emailsleutel", b"Re:  AANVRAAG Exact\r\n globe Emailsleutel",
        b"=?utf-8?q?aanvraag_Exact_Globe_emailsleutel?=", b"=?utf-8?b?YWFudnJhYWcgRXhhY3QgR2xvYmUgZW1haWxzbGV1dGVs?=",
    ],
)  # fmt: skip
async def test_a_request_is_answered_alike_whoever_asks(subject: bytes) -> None:
    boxes = Boxes()
    text = ASK.replace(b"aanvraag Exact Globe emailsleutel", subject)
    async with office(boxes, support_addresses=(SUPPORT,)) as at, line(at.smtp) as sender:
        said = {await sent(sender, text), await sent(sender, text.replace(b"Jan@Bos", b"x@y"))}
        (same,) = said
        assert same.startswith("250-2.0.0 If the sender's address is registered")
        assert "@" not in same
        boxes.refuse = [TooMany()]
        assert (await sent(sender, text)).startswith("451-4.7.1 ")
        boxes.refuse = [OSError()]
        assert (await sent(sender, text)).startswith("451 ")
    assert boxes.asked == ["jan@bos.example", "x@y.example"]


async def test_a_person_with_a_question_hears_where_people_read() -> None:
    boxes = Boxes()
    async with (
        office(boxes, support_addresses=(SUPPORT,), support_people="help@hulp.example") as at,
        line(at.smtp) as sender,
    ):
        assert "help@hulp.example" in await sent(sender, b"Subject: een vraag\r\n\r\nHoe werkt dit?")
        for program in (b"Auto-Submitted: auto-replied\r\n", b"Content-Type: multipart/report\r\n"):
            assert (await sent(sender, program + ASK)).startswith("550-5.7.1 ")
        assert (await sent(sender, ASK.replace(b"From", b"X"))).startswith("250-")
    assert boxes.asked == [None]


async def test_support_and_a_mailbox_are_two_mails() -> None:
    boxes = Boxes()
    async with office(boxes, support_addresses=(SUPPORT,)) as at, line(at.smtp) as sender:
        await sender.say("MAIL FROM:<a@b.example>", f"RCPT TO:<one@{DOMAIN}>")
        assert (await sender.say(f"RCPT TO:<{SUPPORT}>")).startswith("452 ")
        await sender.say("DATA")
        assert (await sender.say(XML + b"\r\n.")).startswith("250 ")
    assert len(boxes.kept) == 1
    async with office(boxes) as at, line(at.smtp) as sender:
        await sender.say("MAIL FROM:<a@b.example>")
        assert (await sender.say(f"RCPT TO:<{SUPPORT}>")).startswith("550 5.1.2 ")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff" * 100, b"Subject: =?utf-8?b?////?=\r\n\r\n", b"Subject: =?x?q?a?=\r\n\r\n"]
)
def test_what_is_no_mail_is_no_request(raw: bytes) -> None:
    assert support.read(raw).what == "other"


def test_what_is_sealed_is_read_with_its_key_only() -> None:
    sealed = seal(b"k" * 32, "abc@uploads.example")
    assert "abc" not in sealed
    assert unseal(b"k" * 32, sealed) == "abc@uploads.example"
    with pytest.raises(ValueError, match="not sealed"):
        unseal(b"x" * 32, sealed)
