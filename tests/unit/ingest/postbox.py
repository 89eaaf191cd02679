"""Key mailboxes on a real socket, with a database that is made up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from libs.db.types import Pool
from libs.errors import HubError
from libs.http.heavy import Heavy
from services.ingest.app import vault_of
from services.ingest.mailbox.smtp import KeyMailbox, listen
from services.ingest.settings import IngestSettings
from services.ingest.uploads.receipts import Kept
from services.ingest.uploads.submissions import Submission

DOMAIN = "uploads.localhost"
SECRET = "s" * 32
VAULT = vault_of(IngestSettings(secret=SECRET))
ONE, TWO = UUID(int=1), UUID(int=2)


@dataclass
class Boxes:
    """Who has which mailbox, and what was kept; ``refuse`` are the errors of the next times something is to be kept."""

    of: Mapping[str, UUID] = field(default_factory=lambda: {"one": ONE, "two": TWO})
    away: Exception | None = None
    refuse: list[Exception] = field(default_factory=list)
    loose: set[UUID] = field(default_factory=set)
    not_now: dict[UUID, HubError] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    kept: list[Submission] = field(default_factory=list)

    async def fetchrow(self, _sql: str, digest: bytes) -> dict[str, Any] | None:
        if self.away is not None:
            raise self.away
        for local, account in self.of.items():
            if VAULT.matches(local, digest):
                return {"mailbox_id": account, "account_id": account, "loose_pdf": account in self.loose}
        return None

    async def admit(self, account_id: UUID) -> None:
        if (error := self.not_now.get(account_id)) is not None:
            raise error

    async def ask(self, sender: str | None) -> None:
        if self.refuse:
            raise self.refuse.pop(0)
        self.asked.append(sender)

    async def keep(self, submission: Submission) -> tuple[Kept, ...]:
        if self.refuse:
            raise self.refuse.pop(0)
        self.kept.append(submission)
        return ()


@dataclass(frozen=True)
class Office:
    smtp: int
    lmtp: int


@contextlib.asynccontextmanager
async def office(boxes: Boxes, **changed: Any) -> AsyncIterator[Office]:
    """``changed`` are settings."""
    settings = IngestSettings(secret=SECRET, smtp_port=0, lmtp_port=0, **changed)
    heavy = Heavy(most=12_000_000, light=64_000)
    mailbox = KeyMailbox(
        settings, cast("Pool", boxes), vault_of(settings), boxes.keep, boxes.admit, heavy, boxes.ask
    )
    async with listen(settings, mailbox) as ports:
        assert ports.lmtp is not None
        yield Office(ports.smtp, ports.lmtp)


class Line:
    """A client that says what it is told to, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, *lines: str | bytes) -> str:
        """The answer to the last of them; empty when the server hung up."""
        said = ""
        for line in lines:
            self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
            said = await self.hear()
        return said

    async def hear(self) -> str:
        said = ""
        with contextlib.suppress(ConnectionError):
            while line := (await self.reader.readline()).decode():
                said += line
                if line[3:4] != "-":
                    break
        return said.rstrip()

    async def mail(self, text: bytes, *to: str, sender: str = "a@b.example") -> str:
        """A whole mail; the answer to it, or the first that is no."""
        for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{each}@{DOMAIN}>" for each in to or ("one",))):
            said = await self.say(line)
            if said[:1] != "2":
                return said
        await self.say("DATA")
        return await self.say(text + b"\r\n.")


@contextlib.asynccontextmanager
async def line(port: int, greeting: str = "EHLO client.example") -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        made = Line(reader, writer)
        await made.hear()
        if greeting:
            await made.say(greeting)
        yield made
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
