"""The key mailbox over SMTP: one address per account, looked up by keyed hash (R13, R18-R24).

250 is said after commit. An unknown address is refused at RCPT (550), a mail that cannot be stored right
now is put off (451): the sender's server keeps it. A mail whose parts are no invoices is taken, its parts
quarantined, and the account is told; so is a mail that could not be stored at any later time either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from opentelemetry.trace import SpanKind

from libs.db.trouble import NOT_NOW
from libs.db.types import Pool
from libs.errors import HubError
from libs.telemetry import tracing
from services.ingest import accounts, mailed
from services.ingest.credentials import Vault
from services.ingest.mailed import Mailed
from services.ingest.settings import IngestSettings
from services.ingest.store import Kept
from services.ingest.submissions import Submission, wants_seller

READERS = 2
"""Mails that are taken apart at the same time."""

_AWAY = (*NOT_NOW, asyncpg.PostgresError)
"""Whatever the database says when it cannot be asked: a sender told 5xx would give up."""

_NEVER = (asyncpg.DataError, ValueError)
"""What it says about values it cannot hold: the same mail would fail again each time it is tried."""

_log = structlog.get_logger(__name__)

Keep = Callable[[Submission], Awaitable[tuple[Kept, ...]]]


class KeyMailbox:
    """aiosmtpd handler. Remembers per session which account each accepted recipient belongs to."""

    def __init__(self, settings: IngestSettings, pool: Pool, vault: Vault, keep: Keep) -> None:
        self._domains = {domain.casefold() for domain in settings.upload_domains}
        self._pool = pool
        self._vault = vault
        self._keep = keep
        # Threads of its own: a mail that takes long to read keeps nobody waiting but other mails.
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="mail")
        # Weak: an envelope that is reset or abandoned takes its entry along.
        self._owners: WeakKeyDictionary[Envelope, dict[str, UUID]] = WeakKeyDictionary()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        local, _, domain = address.rpartition("@")
        if domain.casefold() not in self._domains:
            return "550 5.1.2 This server takes no mail for that domain"
        try:
            # Half a surrogate pair, from bytes that were no UTF-8, has no hash; no mailbox has one either.
            known = self._vault.digest(local.casefold()) if local.isascii() else b""
            found = await accounts.find_mailbox(self._pool, known)
        except _AWAY:
            return "451 4.3.0 Try again later"
        if found is None:
            # The same answer for unknown and for revoked: a guesser learns nothing.
            return "550 5.1.1 No such key mailbox: copy the whole address from the settings page"
        envelope.rcpt_tos.append(address)
        self._owners.setdefault(envelope, {})[address] = found.account_id
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        # Where the trace of a mailed invoice begins.
        with tracing.head("receive mail", SpanKind.SERVER, None) as span:
            answer = await self._take(envelope)
            span.set_attribute("smtp.response.status_code", int(answer[:3]))
            return answer

    async def _take(self, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        owners = self._owners.pop(envelope, {})
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._readers, _read, raw)
        sender = envelope.mail_from
        stored = await asyncio.gather(
            *(
                self._store(account, sender, found, mailed.unreadable(raw))
                for account in dict.fromkeys(owners.values())
            )
        )
        kept = [str(submission_id) for submission_id in stored if submission_id is not None]
        if len(kept) < len(stored):
            # All of it comes again; what is stored already is then a repeat.
            return "451 4.3.0 Not stored: try again later"
        return "250 2.0.0 Stored as " + ", ".join(kept)

    async def _store(self, account: UUID, sender: str | None, *forms: Mailed) -> UUID | None:
        """Store the first of ``forms`` that can be stored. None when that has to wait."""
        for form in forms:
            try:
                wanted = wants_seller(form.uploads)
                seller = await accounts.sender(self._pool, account) if wanted else None
                submission = form.submission(account, sender, seller)
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


def _read(raw: bytes) -> Mailed:
    try:
        return mailed.read(raw)
    except Exception as unforeseen:  # noqa: BLE001 - a mail nobody foresaw is kept whole, like one nobody can read
        _log.error("a mail could not be taken apart", exc_info=unforeseen)
        return mailed.unreadable(raw)


@contextlib.asynccontextmanager
async def listen(settings: IngestSettings, mailbox: KeyMailbox) -> AsyncIterator[int]:
    """Serve SMTP on this event loop; yields the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            mailbox,
            data_size_limit=settings.max_submission_bytes,
            hostname=settings.upload_domains[0],
            ident="Postbode",
            enable_SMTPUTF8=True,
            decode_data=False,
            loop=loop,
        ),
        host=settings.smtp_host,
        port=settings.smtp_port,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
