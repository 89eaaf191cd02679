"""The key mailbox when something cannot be stored.

While the database is away it must be 451: a sender that is told 5xx gives up. What can never be stored must not be
451, or it comes again for days.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.db.types import Pool
from libs.errors import Unavailable
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from services.ingest.smtp import KeyMailbox
from services.ingest.store import Kept
from services.ingest.submissions import Submission


class Away:
    """A pool none of whose queries works."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def fetchrow(self, *_: Any) -> None:
        raise self._error


async def not_kept(submission: Submission) -> tuple[Kept, ...]:
    raise AssertionError("there is nothing to keep")


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
    settings = IngestSettings(secret="s" * 32)
    mailbox = KeyMailbox(settings, cast("Pool", Away(error)), vault_of(settings), not_kept)
    answer = await mailbox.handle_RCPT(
        cast("SMTP", None), cast("Session", None), Envelope(), f"abc@{settings.upload_domains[0]}", []
    )
    assert answer.startswith("451 ")


class Found:
    """A pool that knows every mailbox."""

    async def fetchrow(self, *_: Any) -> dict[str, UUID]:
        return {"mailbox_id": UUID(int=1), "account_id": UUID(int=2)}


class Keeper:
    """Keeps what the database could keep; ``refuse`` are the errors of the first times."""

    def __init__(self, *refuse: Exception) -> None:
        self.kept: list[Submission] = []
        self._refuse = list(refuse)

    async def __call__(self, submission: Submission) -> tuple[Kept, ...]:
        if self._refuse:
            raise self._refuse.pop(0)
        for text in (submission.mail_from, submission.mail_id):
            assert text is None or (text.isprintable() and len(text) <= 250 and text.encode())
        self.kept.append(submission)
        return ()


async def send(keeper: Keeper, raw: bytes, sender: str = "a@b.example") -> str:
    settings = IngestSettings(secret="s" * 32)
    mailbox = KeyMailbox(settings, cast("Pool", Found()), vault_of(settings), keeper)
    envelope = Envelope()
    envelope.mail_from, envelope.content = sender, raw
    server, session = cast("SMTP", None), cast("Session", None)
    await mailbox.handle_RCPT(server, session, envelope, f"abc@{settings.upload_domains[0]}", [])
    return await mailbox.handle_DATA(server, session, envelope)


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        (b"Message-ID: <a\x00b@t>\r\n", "a@b.example"),
        (b"Message-ID: <\xe9@t>\r\n", "a@b.example"),
        (b"Message-ID: <" + b"a" * 5000 + b"@t>\r\n", "a@b.example"),
        (b"", b"caf\xe9@b.nl".decode("utf-8", "surrogateescape")),
        (b"", "a\x00b@b.nl"),
        (b"", "\x1b[2J" + "a" * 400 + "@b.nl"),
    ],
)
async def test_what_strangers_call_themselves_can_always_be_kept(headers: bytes, sender: str) -> None:
    keeper = Keeper()
    assert (await send(keeper, headers + b"Subject: x\r\n\r\nBeste", sender)).startswith("250 ")
    assert len(keeper.kept) == 1


async def test_what_can_never_be_stored_as_it_was_read_is_kept_as_it_came() -> None:
    keeper = Keeper(asyncpg.CharacterNotInRepertoireError("0x00"))
    raw = b"Subject: x\r\n\r\nBeste"
    assert (await send(keeper, raw)).startswith("250 ")
    (item,) = keeper.kept[0].items
    assert item.refused is not None
    assert (item.refused.code, item.documents[0].data) == ("unreadable-mail", raw)


@pytest.mark.parametrize(
    "error",
    [asyncpg.DeadlockDetectedError(), asyncpg.ReadOnlySQLTransactionError(), Unavailable(), OSError()],
)
async def test_what_can_be_stored_later_is_put_off(error: Exception) -> None:
    keeper = Keeper(error)
    assert (await send(keeper, b"Subject: x\r\n\r\nBeste")).startswith("451 ")
    assert keeper.kept == []


async def test_a_mail_that_nobody_foresaw_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(raw: bytes) -> None:
        raise KeyError("what nobody thought of")

    monkeypatch.setattr("services.ingest.mailed.read", read)
    keeper = Keeper()
    assert (await send(keeper, b"Subject: x\r\n\r\nBeste")).startswith("250 ")
    assert keeper.kept[0].items[0].documents[0].data == b"Subject: x\r\n\r\nBeste"


async def test_an_address_that_is_no_text_is_no_mailbox() -> None:
    settings = IngestSettings(secret="s" * 32)

    class Nothing:
        async def fetchrow(self, *_: Any) -> None:
            return None

    mailbox = KeyMailbox(settings, cast("Pool", Nothing()), vault_of(settings), not_kept)
    address = b"caf\xe9".decode("utf-8", "surrogateescape") + f"@{settings.upload_domains[0]}"
    answer = await mailbox.handle_RCPT(cast("SMTP", None), cast("Session", None), Envelope(), address, [])
    assert answer.startswith("550 ")
