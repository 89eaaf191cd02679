"""The key mailbox: one address per account, looked up by keyed hash (R13, R18-R24).

250 is said after commit. An unknown address is refused at RCPT (550), a mail that cannot be stored right
now is put off (451): the sender's server keeps it. A mail whose parts are no invoices is taken, its parts
quarantined, and the account is told; so is a mail that could not be stored at any later time either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
import structlog
from aiosmtpd.smtp import SMTP
from opentelemetry.trace import SpanKind

from libs import clock
from libs.db.trouble import NOT_NOW
from libs.db.types import Pool
from libs.errors import HubError
from libs.http.heavy import Heavy
from libs.telemetry import metrics, objectives, tracing
from services.ingest.access import accounts, mailboxes
from services.ingest.access.credentials import Vault
from services.ingest.mailbox import mailed, support
from services.ingest.mailbox.certificate import Certificate
from services.ingest.mailbox.dialogue import LATER, Addressed, Dialogue, PerRecipient, Room, Visit
from services.ingest.mailbox.evidence import Carried
from services.ingest.mailbox.key_requests import KeyRequests
from services.ingest.mailbox.mailed import Mailed
from services.ingest.settings import IngestSettings
from services.ingest.uploads.submissions import Submission, wants_seller

READERS = 2
"""Mails that are taken apart at the same time, of different accounts."""
MOST_RECIPIENTS = 100
STRANGERS = 10
"""Recipients of one connection that nobody has, before it is closed. Each is answered later than the one before."""

_AWAY = (*NOT_NOW, asyncpg.PostgresError)
"""Whatever the database says when it cannot be asked: a sender told 5xx would give up."""

_NEVER = (asyncpg.DataError, ValueError)
"""What it says about values it cannot hold: the same mail would fail again each time it is tried."""

_log = structlog.get_logger(__name__)

Keep = Callable[[Submission], Awaitable[object]]
Ask = Callable[[str | None], Awaitable[None]]
"""Has the key address of whoever is registered under an address mailed there. Raises ``HubError`` when asked too often."""
Admit = Callable[[UUID], Awaitable[object]]
"""Raises ``HubError`` when the account may hand over nothing more for now."""


class KeyMailbox:
    """aiosmtpd handler."""

    def __init__(
        self,
        settings: IngestSettings,
        pool: Pool,
        vault: Vault,
        keep: Keep,
        admit: Admit,
        heavy: Heavy,
        ask: Ask | None = None,
    ) -> None:
        """``heavy``: whose turn it is among large ones. ``ask``: what else than ``KeyRequests`` answers who asks for a
        key."""
        self._heavy = heavy
        self._support = {address.casefold() for address in settings.support_addresses}
        self._people = f" {settings.support_people}" if settings.support_people else ""
        self._ask = ask or KeyRequests(settings, pool, vault).ask
        self._domains = {domain.casefold() for domain in settings.upload_domains}
        self._authserv_id = settings.mail_authserv_id
        self._pool = pool
        self._vault = vault
        self._keep = keep
        self._admit = admit
        # Threads of its own: a mail that takes long to read keeps nobody waiting but other mails.
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="mail")
        # One mail of an account at a time, so that many large ones of one are not all the readers have.
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Visit, envelope: Addressed, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # Nobody signs in here: the address is the credential.
        return [each for each in responses if not each.startswith("250-AUTH")]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Visit, envelope: Addressed, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients: send the mail again to the others"
        to_support = address.casefold() in self._support
        if envelope.rcpt_tos and to_support != envelope.support:
            return "452 4.5.3 Support and key mailboxes do not answer together: send the mail to each"
        if to_support:
            envelope.support = True
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 OK"
        local, _, domain = address.rpartition("@")
        if domain.casefold() not in self._domains:
            return await _slowly(session, "550 5.1.2 This server takes no mail for that domain")
        try:
            # Half a surrogate pair, from bytes that were no UTF-8, has no hash; no mailbox has one either.
            known = self._vault.digest(local.casefold()) if local.isascii() else b""
            found = await mailboxes.find_mailbox(self._pool, known)
            if found is not None:
                await self._admit(found.account_id)
        except HubError as refused:
            if refused.status >= 500:
                objectives.answered_mail(451)
            return "451 4.7.1 More than this account may hand over for now: it is taken later"
        except _AWAY:
            objectives.answered_mail(451)
            return "451 4.3.0 Try again later"
        if found is None:
            # The same answer for unknown and for revoked: a guesser learns nothing.
            return await _slowly(
                session, "550 5.1.1 No such key mailbox: copy the whole address from the settings page"
            )
        envelope.rcpt_tos.append(address)
        envelope.boxes[address] = found
        return "250 2.1.5 OK"

    async def take(self, envelope: Addressed, carried: Carried) -> Sequence[str]:
        """Store a mail for each account it was addressed to; an answer for each recipient."""
        # Where the trace of a mailed invoice begins.
        began = clock.monotonic()
        with tracing.head("receive mail", SpanKind.SERVER, None) as span:
            said = await self._answers(envelope, carried)
            worst = max(int(each[:3]) for each in said)
            span.set_attribute("smtp.response.status_code", worst)
        objectives.answered_mail(worst)
        metrics.mail_duration.record(clock.monotonic() - began, {"smtp.response.status_code": worst})
        return said

    async def _answers(self, envelope: Addressed, carried: Carried) -> Sequence[str]:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        if envelope.support:
            return [await self._answer_support(raw)] * len(envelope.rcpt_tos)
        loose = {box.account_id: box.loose_pdf for box in envelope.boxes.values()}
        async with self._heavy.hold(len(raw)):
            found = await self._read(next(iter(loose)), raw)
            whole, sender = mailed.unreadable(raw), envelope.mail_from
            stored = await asyncio.gather(
                *(
                    self._store(account, sender, carried, found.loosely() if may else found, whole)
                    for account, may in loose.items()
                )
            )
        answers = dict(zip(loose, map(_answer, stored), strict=True))
        return [answers[envelope.boxes[address].account_id] for address in envelope.rcpt_tos]

    async def _answer_support(self, raw: bytes) -> str:
        loop = asyncio.get_running_loop()
        asked = await loop.run_in_executor(self._readers, support.read, raw)
        if asked.what == "invoice":
            return support.said("550", "5.7.1", support.INVOICE)
        if asked.what == "other":
            return support.said("550", "5.7.1", support.OTHER, self._people)
        try:
            await self._ask(asked.sender)
        except HubError:
            return support.said("451", "4.7.1", support.OFTEN)
        except _AWAY as away:
            tracing.record_failure("answer support", away)
            return LATER
        return support.said("250", "2.0.0", support.ASKED)

    async def _read(self, account: UUID, raw: bytes) -> Mailed:
        turn = self._turns.get(account)
        if turn is None:
            turn = self._turns[account] = asyncio.Lock()
        async with turn:
            return await asyncio.get_running_loop().run_in_executor(
                self._readers, _read, raw, self._authserv_id
            )

    async def _store(
        self, account: UUID, sender: str | None, carried: Carried, *forms: Mailed
    ) -> UUID | None:
        """Store the first of ``forms`` that can be stored. None when that has to wait."""
        for form in forms:
            try:
                wanted = wants_seller(form.uploads)
                seller = await accounts.sender(self._pool, account) if wanted else None
                submission = form.submission(account, sender, seller, carried, self._domains)
                await self._keep(submission)
            except _NEVER as never:
                _log.error("a mail cannot be stored as it was read", exc_info=never)
                tracing.record_failure("receive mail", never)
            except (HubError, *_AWAY) as away:
                tracing.record_failure("receive mail", away)
                return None
            else:
                return submission.submission_id
        return None


def _answer(stored: UUID | None) -> str:
    # With one SMTP answer for several accounts all of it comes again; what is stored already is then a repeat.
    return f"250 2.0.0 Stored as {stored}" if stored is not None else LATER


async def _slowly(session: Visit, refusal: str) -> str:
    """Guessing addresses takes time."""
    session.strangers += 1
    if session.strangers >= STRANGERS:
        return "421 4.7.0 Too many unknown recipients"
    await asyncio.sleep(min(5.0, 0.05 * 2 ** (session.strangers - 1)))
    return refusal


def _read(raw: bytes, authserv_id: str) -> Mailed:
    try:
        return mailed.read(raw, authserv_id)
    except Exception as unforeseen:  # noqa: BLE001 - a mail nobody foresaw is kept whole, like one nobody can read
        _log.error("a mail could not be taken apart", exc_info=unforeseen)
        return mailed.unreadable(raw)


@dataclass(frozen=True, slots=True)
class Ports:
    smtp: int
    lmtp: int | None = None


@contextlib.asynccontextmanager
async def listen(settings: IngestSettings, mailbox: KeyMailbox) -> AsyncIterator[Ports]:
    """Serve SMTP, and LMTP where it is set, on this event loop."""
    loop = asyncio.get_running_loop()
    chain = settings.smtp_certificate
    certificate = Certificate(chain, settings.smtp_certificate_key) if chain else None
    most, most_bytes = settings.smtp_connections, settings.smtp_held_bytes
    room = Room(connections=most, each=settings.smtp_connections_each, most_bytes=most_bytes)

    def dialogue(kind: type[Dialogue], room: Room, **more: Any) -> Dialogue:
        return kind(
            mailbox,
            room=room,
            take=mailbox.take,
            data_size_limit=settings.max_submission_bytes,
            hostname=settings.upload_domains[0],
            ident="Postbode",
            enable_SMTPUTF8=True,
            decode_data=False,
            timeout=settings.smtp_seconds,
            command_call_limit=1000,
            loop=loop,
            **more,
        )

    def over_smtp() -> Dialogue:
        context = certificate.context() if certificate is not None else None
        return dialogue(Dialogue, room, tls_context=context, require_starttls=settings.smtp_require_tls)

    async with contextlib.AsyncExitStack() as stack:
        server = await loop.create_server(over_smtp, host=settings.smtp_host, port=settings.smtp_port)
        stack.push_async_callback(_close, server)
        if settings.lmtp_port is not None:
            # All mail comes from one address there: the server in front, which keeps strangers in order itself.
            shared = Room(connections=most, each=most, most_bytes=most_bytes)
            behind = await loop.create_server(
                lambda: dialogue(PerRecipient, shared), host=settings.smtp_host, port=settings.lmtp_port
            )
            stack.push_async_callback(_close, behind)
            yield Ports(_port(server), _port(behind))
        else:
            yield Ports(_port(server))


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _close(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()
