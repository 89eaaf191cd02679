"""Sends the notices that are due.

An attempt is committed as started before the mail server hears of it, and its result after. When the result
never comes (the process died, the connection broke after the text), nobody can know whether the mail went
out: it is sent again under the same Message-ID, and says that it may come twice. Whoever stood still for longer
than its lease finds out right before the text, and sends nothing.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import aiosmtplib
import orjson
import structlog

from libs import clock
from libs.contracts.invoice import InvoiceFact
from libs.contracts.registry import UndecodableEvent, decode
from libs.db.types import Pool
from services.track import letter, mailings
from services.track.letter import Letter
from services.track.mailings import Claimed, Result
from services.track.settings import TrackSettings

AT_ONCE = 8
"""Mails under way together."""

GIVE_UP = timedelta(days=5)
"""A mail server that still does not take a notice after this long never will (RFC 5321 §4.5.4.1)."""

NOBODY = ""
"""The envelope's sender, MAIL FROM:<>: what cannot be delivered comes back to nobody, so that no answer to a
notice can begin a loop (RFC 3834 §3.3, RFC 5321 §4.5.5)."""

_FIRST_WAIT = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(hours=1)
_NEVER = 500

_log = structlog.get_logger(__name__)


class LeaseOver(Exception):
    """Somebody else may be sending this one."""


class Line(aiosmtplib.SMTP):
    """A connection for one mail. The text is sent only while the lease is held; before it, nothing is taken."""

    def __init__(self, until: float, settings: TrackSettings) -> None:
        super().__init__(hostname=settings.smtp_host, port=settings.smtp_port, timeout=settings.smtp_seconds)
        self._until = until

    async def data(self, message: str | bytes, /, **more: Any) -> aiosmtplib.SMTPResponse:
        if clock.boottime() >= self._until:
            raise LeaseOver
        return await super().data(message, **more)


class Dispatcher:
    """``run`` sends everything that is due and returns."""

    def __init__(self, pool: Pool, settings: TrackSettings, base_url: str) -> None:
        self._pool = pool
        self._settings = settings
        self._base_url = base_url

    async def run(self) -> None:
        lease = timedelta(seconds=self._settings.notice_lease_seconds)
        while claimed := await mailings.claim(self._pool, AT_ONCE, lease):
            batch = asyncio.gather(*map(self._send, claimed), return_exceptions=True)
            try:
                done = await asyncio.shield(batch)
            except asyncio.CancelledError:
                # What is in hand is finished: an attempt cut off here would be sent twice.
                await batch
                raise
            for each in done:
                if isinstance(each, BaseException):
                    raise each
            if not all(done):
                # The mail server is away: the others can wait for the next run as well.
                return

    async def _send(self, claimed: Claimed) -> bool:
        """One attempt. False when the mail server is not to be spoken to right now."""
        settings = self._settings
        try:
            message = letter.write(self._letter(claimed), settings.mail_from)
        except (ValueError, UndecodableEvent) as bad:
            await self._settle(claimed, "refused", f"no mail can be written: {bad}")
            return True
        try:
            async with Line(claimed.until, settings) as line:
                _, said = await line.send_message(message, sender=NOBODY, recipients=[claimed.email])
        except LeaseOver:
            late = "the lease ran out before the text"
            await mailings.settle(self._pool, claimed, "deferred", late, state="due")
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            result = verdict(error)
            await self._settle(claimed, result, f"{type(error).__name__}: {error}")
            return result is not None and not isinstance(error, aiosmtplib.SMTPConnectError)
        await self._settle(claimed, "sent", said)
        return True

    def _letter(self, claimed: Claimed) -> Letter:
        data = decode(orjson.loads(claimed.body)).data
        if not isinstance(data, InvoiceFact):
            raise UndecodableEvent(f"{data.type} is not a fact about an invoice")
        return Letter(
            notice_id=claimed.notice_id,
            kind=claimed.kind,
            data=data,
            shown=claimed.shown,
            name=claimed.name,
            address=claimed.email,
            language=claimed.language,
            link=f"{self._base_url}/invoices/{claimed.invoice_id}",
            repeat=claimed.repeat,
        )

    async def _settle(self, claimed: Claimed, result: Result | None, detail: str) -> None:
        if result == "sent":
            await mailings.settle(self._pool, claimed, result, detail, state="sent")
        elif result == "refused" or claimed.age > GIVE_UP:
            _log.error("a notice cannot be mailed", notice_id=str(claimed.notice_id), detail=detail)
            await mailings.settle(self._pool, claimed, result, detail, state="failed")
        else:
            again = wait(claimed.attempt)
            await mailings.settle(self._pool, claimed, result, detail, state="due", again=again)


def wait(attempt: int) -> timedelta:
    """From this attempt to the next."""
    doubled: int = 2 ** min(attempt - 1, 10)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


def verdict(error: Exception) -> Result | None:
    """What a failed attempt means: ``refused`` when the mail server will never take this mail to this
    address (5yz), ``deferred`` when it surely did not take it now, None when nobody can know."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        return "refused" if codes and min(codes) >= _NEVER else "deferred"
    if isinstance(error, aiosmtplib.SMTPDataError):
        return "refused" if error.code >= _NEVER else "deferred"
    # Whatever else it answers (to a greeting, a sender address) is for the operator to mend.
    sure = isinstance(error, aiosmtplib.SMTPResponseException | aiosmtplib.SMTPConnectError)
    return "deferred" if sure else None
