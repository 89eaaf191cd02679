"""The key mailbox when something cannot be stored.

While the database is away it must be 451: a sender that is told 5xx gives up. What can never be stored must not be
451, or it comes again for days.
"""

from __future__ import annotations

import re

import asyncpg
import pytest
from prometheus_client import generate_latest

from libs.errors import TooMany, Unavailable
from libs.testing.spans import recording
from tests.unit.ingest.postbox import ONE, Boxes, line, office


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("cannot switch to state 15"),
    ],
)
async def test_a_database_that_is_away_puts_the_mail_off(error: Exception) -> None:
    async with office(Boxes(away=error)) as at, line(at.smtp) as sender:
        assert (await sender.mail(b"")).startswith("451 ")


def missed() -> float:
    pattern = r'^postbode_objectives_total\{.*objective="accept".*outcome="missed".*\} (\S+)'
    (found,) = re.findall(pattern, generate_latest().decode(), re.MULTILINE)
    return float(found)


@pytest.mark.parametrize(
    ("boxes", "ours"),
    [
        (Boxes(away=ConnectionRefusedError()), 1),
        (Boxes(away=KeyError("what nobody thought of")), 1),
        (Boxes(not_now={ONE: Unavailable()}), 1),
        (Boxes(not_now={ONE: TooMany()}), 0),
    ],
)
async def test_a_recipient_put_off_counts_as_refused_when_it_is_our_trouble(boxes: Boxes, ours: int) -> None:
    """The mail itself is never seen then."""
    with recording(0):
        before = missed()
        async with office(boxes) as at, line(at.smtp) as sender:
            assert (await sender.mail(b"")).startswith("451 ")
        assert missed() - before == ours


async def send(boxes: Boxes, raw: bytes, sender: str = "a@b.example") -> str:
    async with office(boxes) as at, line(at.smtp) as client:
        return await client.mail(raw, sender=sender)


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        (b"Message-ID: <\xe9@t>\r\n", "a@b.example"),
        (b"Message-ID: <" + b"a" * 5000 + b"@t>\r\n", "a@b.example"),
        (b"", "a" * 300 + "@b.nl"),
    ],
)
async def test_what_strangers_call_themselves_can_always_be_kept(headers: bytes, sender: str) -> None:
    boxes = Boxes()
    assert (await send(boxes, headers + b"Subject: x\r\n\r\nBeste", sender)).startswith("250 ")
    (submission,) = boxes.kept
    assert submission.mail is not None
    for text in (submission.mail.sender, submission.mail.message_id):
        assert text is None or (text.isprintable() and len(text) <= 250 and text.encode())


async def test_what_can_never_be_stored_as_it_was_read_is_kept_as_it_came() -> None:
    boxes = Boxes(refuse=[asyncpg.CharacterNotInRepertoireError("0x00")])
    raw = b"Subject: x\r\n\r\nBeste\r\n"
    assert (await send(boxes, raw[:-2])).startswith("250 ")
    (item,) = boxes.kept[0].items
    assert item.refused is not None
    assert (item.refused.code, item.documents[0].data) == ("unreadable-mail", raw)


@pytest.mark.parametrize(
    "error",
    [asyncpg.DeadlockDetectedError(), asyncpg.ReadOnlySQLTransactionError(), Unavailable(), OSError()],
)
async def test_what_can_be_stored_later_is_put_off(error: Exception) -> None:
    boxes = Boxes(refuse=[error])
    assert (await send(boxes, b"Subject: x\r\n\r\nBeste")).startswith("451 ")
    assert boxes.kept == []


async def test_a_mail_that_nobody_foresaw_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(raw: bytes, authserv_id: str) -> None:
        raise KeyError("what nobody thought of")

    monkeypatch.setattr("services.ingest.mailbox.mailed.read", read)
    boxes = Boxes()
    assert (await send(boxes, b"Subject: x\r\n\r\nBeste")).startswith("250 ")
    assert boxes.kept[0].items[0].documents[0].data == b"Subject: x\r\n\r\nBeste\r\n"


async def test_an_address_that_is_no_text_is_no_mailbox() -> None:
    async with office(Boxes()) as at, line(at.smtp) as sender:
        await sender.say("MAIL FROM:<a@b.example>")
        assert (await sender.say(b"RCPT TO:<caf\xe9@uploads.localhost>")).startswith("55")
