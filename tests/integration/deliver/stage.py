"""Routing decisions, a mail server and folders for tests of deliver against a real Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from aiosmtpd.smtp import SMTP, Envelope, Session

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import DeliveryFact, InvoiceRouted
from libs.contracts.parts import Receiver, Words
from libs.contracts.registry import decode
from libs.db.pools import Pools
from libs.db.types import Pool
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import DocumentStore, NewDocument, ref
from libs.service import Wake
from services.deliver.app import mail_channel, sftp_channel
from services.deliver.arriving.afar import Afar
from services.deliver.arriving.arrivals import Arrivals
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.channels.folder import FolderChannel
from services.deliver.handlers import Routed
from services.deliver.receivers import connections
from services.deliver.settings import DeliverSettings
from tests.integration.validate.drive import handle
from tests.unit.deliver.sample import MAIL_FROM, PDF, XML, receiver, summary

ACCOUNT = UUID(int=0xA)
LEASE_SECONDS = 5.0
"""Shorter than the default, because `expire` may have to wait for a server that is younger."""


@dataclass
class Sink:
    """A mail server that keeps what it gets, by recipient, and answers as told."""

    mails: list[EmailMessage] = field(default_factory=list)
    rcpt: Callable[[str], str] = lambda _: "250 OK"
    answer: Callable[[EmailMessage], str] = lambda _: "250 2.0.0 Kept"
    on_mail: Callable[[EmailMessage], Awaitable[None]] | None = None
    senders: list[str] = field(default_factory=list)
    """Envelope senders, of each mail that was kept."""
    encrypted: list[bool] = field(default_factory=list)
    """Whether each of those came over TLS."""
    speaks: Callable[[Sink], SMTP] = lambda sink: SMTP(sink, ident="sink", enable_SMTPUTF8=True)
    sessions: int = 0
    port: int = 0
    _server: asyncio.Server | None = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self.rcpt(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        assert [mail["To"]] == envelope.rcpt_tos
        said = self.answer(mail)
        if said.startswith("250"):
            self.mails.append(mail)
            self.senders.append(str(envelope.mail_from))
            self.encrypted.append(session.ssl is not None)
        if self.on_mail is not None:
            await self.on_mail(mail)
        return said

    @property
    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]

    async def start(self) -> None:
        def session() -> SMTP:
            self.sessions += 1
            return self.speaks(self)

        self._server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


@dataclass
class Stage:
    """deliver's parts on one database, with a folder root and a mail server."""

    pools: Pools
    worker: Pool
    root: Path
    sink: Sink

    @property
    def documents(self) -> DocumentStore:
        return PostgresDocuments(self.worker)

    def settings(self, **more: Any) -> DeliverSettings:
        fields: dict[str, Any] = {
            "folder_root": self.root,
            "smtp_port": self.sink.port,
            "mail_from": MAIL_FROM,
            "smtp_seconds": 60,
            "retry_first_seconds": 0.05,
            "lease_seconds": LEASE_SECONDS,
        }
        return DeliverSettings(**{**fields, **more})

    def dispatcher(self, **more: Any) -> Dispatcher:
        settings = self.settings(**more)
        return Dispatcher(
            settings,
            self.worker,
            self.documents,
            {"folder": FolderChannel(settings.folder_root), "smtp": mail_channel(settings)},
            Wake(),
        )

    def arrivals(self) -> Arrivals:
        afar = Afar(self.worker, sftp_channel(self.settings(), self.worker))
        return Arrivals(self.worker, FolderChannel(self.root), afar, Wake())

    async def folder(self, name: str) -> Receiver:
        """A receiver whose Globe reads this folder."""
        to = receiver(f"{name} BV", email=f"in@{name}.example")
        await connections.connect(self.worker, to.party_id, None, "globe", "folder", {"folder": name})
        return to

    async def routed_to(self, name: str) -> Receiver:
        """The receiver that has this folder."""
        party = await self.worker.fetchval("SELECT party_id FROM folder WHERE name = $1", name)
        return receiver(f"{name} BV", email=f"in@{name}.example", party_id=party)

    async def routed(
        self,
        to: Receiver,
        *,
        number: str = "F1",
        sequence: int = 1,
        invoice_id: UUID | None = None,
        account: UUID = ACCOUNT,
        pdf: bytes | None = PDF,
        xml: bytes = XML,
        payable: str | None = None,
    ) -> Event:
        """A routing decision as route makes it, its documents stored. ``payable``: what is due, in euros."""
        original = NewDocument(clock.uuid7(), xml, "application/xml")
        paper = NewDocument(clock.uuid7(), pdf, "application/pdf") if pdf is not None else None
        async with self.worker.acquire() as conn, conn.transaction():
            await self.documents.put(conn, account, [original, *([paper] if paper else [])])
        return new_event(
            InvoiceRouted(
                invoice_id=invoice_id or clock.uuid7(),
                account_id=account,
                sequence=sequence,
                receiver=to,
                explanation=Words(nl="KvK", en="KvK"),
                original=ref(original, "F1.xml"),
                pdf=ref(paper, "F1.pdf") if paper else None,
                summary=summary(number, **({"payable": Decimal(payable)} if payable else {})),
            ),
            source="/test",
            account=account,
            correlation_id="submission",
        )

    async def plan(self, *events: Event) -> list[Event]:
        """Through the handler, as one batch; what it said."""
        return await handle(Routed(self.worker, timedelta(days=30)), self.worker, events)

    async def send(self, to: Receiver, count: int = 1, **more: Any) -> list[Event]:
        """Planned deliveries of ``count`` new invoices."""
        events = [await self.routed(to, number=f"F{n}", **more) for n in range(count)]
        await self.plan(*events)
        return events

    async def rows(self) -> list[dict[str, Any]]:
        rows = await self.worker.fetch("SELECT * FROM delivery ORDER BY delivery_id")
        return [dict(row.items()) for row in rows]

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.rows()]

    async def attempts(self) -> list[tuple[int, str | None]]:
        rows = await self.worker.fetch("SELECT number, outcome FROM attempt ORDER BY delivery_id, number")
        return [(row["number"], row["outcome"]) for row in rows]

    async def told(self) -> list[DeliveryFact]:
        """What lies in the outbox, in the order written."""
        rows = await self.worker.fetch(
            "SELECT convert_from(body, 'UTF8')::jsonb AS event FROM outbox ORDER BY id"
        )
        return [cast("DeliveryFact", decode(row["event"]).data) for row in rows]

    async def facts(self) -> list[tuple[str, int]]:
        return [(fact.type.split(".")[1], fact.sequence) for fact in await self.told()]

    async def expire(self) -> None:
        """As if the leases had run out: whoever holds them is dead or stopped."""
        # A server that came up a moment ago would not count them as outlived yet.
        up = await self.worker.fetchval(
            "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float8"
        )
        await asyncio.sleep(max(0.0, LEASE_SECONDS + 0.1 - up))
        await self.worker.execute(
            "UPDATE delivery SET lease_until = now() - interval '1 s' WHERE state = 'attempting'"
        )

    async def make_due(self) -> None:
        await self.worker.execute("UPDATE delivery SET due_at = now() WHERE state = 'queued'")

    def visible(self, name: str) -> list[str]:
        """What the receiver sees in its folder, in order."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(path.name for path in (self.root / name).iterdir() if path.name != ".postbode")
        return []

    def hidden(self, name: str) -> list[str]:
        return sorted(p.name for p in (self.root / name / ".postbode").iterdir() if p.name != "lock")

    async def sweep(self, name: str) -> None:
        """Tidy up as if what lies hidden in this folder were an hour old."""
        for path in (self.root / name / ".postbode").iterdir():
            os.utime(path, (path.stat().st_mtime - 3600,) * 2)
        await self.arrivals().sweep()

    def take(self, name: str) -> list[str]:
        """The receiver imports everything and moves it away; what it took."""
        taken = self.visible(name)
        for each in taken:
            (self.root / name / each).unlink()
        return taken


@asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[None]:
    """As the runtime runs it."""
    async with dispatcher.running():
        yield


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.01)
