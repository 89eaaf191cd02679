"""Sends the mails that are due, of whatever kind (``boxes.py``).

An attempt is committed as started before the mail server hears of it, and its result after. When the result
never comes (the process died, the connection broke after the text), nobody can know whether the mail went
out: it is sent again under the same Message-ID, and says that it may come twice. Whoever stood still for longer
than its lease finds out right before DATA, and sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Generic, Literal, Protocol, TypeVar

import aiosmtplib
import structlog

from libs import clock
from services.track.mailings import Result
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
    """A connection for one mail. DATA is said only while the lease is held; before it, nothing is taken."""

    def __init__(self, until: float, settings: TrackSettings) -> None:
        super().__init__(hostname=settings.smtp_host, port=settings.smtp_port, timeout=settings.smtp_seconds)
        self._until = until

    async def data(self, message: str | bytes, /, **more: Any) -> aiosmtplib.SMTPResponse:
        if clock.boottime() >= self._until:
            raise LeaseOver
        return await super().data(message, **more)


class Held(Protocol):
    """A mail in hand, its attempt counted."""

    @property
    def email(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def age(self) -> timedelta: ...
    @property
    def until(self) -> float: ...


H = TypeVar("H", bound=Held)


class Box(Protocol[H]):
    """Mails of one kind: where they lie, and what they say."""

    async def claim(self, most: int, lease: timedelta) -> Sequence[H]:
        """Take due ones in hand, committed when it returns."""

    def write(self, held: H) -> EmailMessage:
        """Raises ``ValueError`` when no mail can be written."""

    async def settle(
        self,
        held: H,
        result: Result | None,
        detail: str,
        *,
        state: Literal["due", "sent", "failed"],
        again: timedelta = timedelta(0),
    ) -> None:
        """Write down how an attempt ended; ``result`` None: unknown."""


class Dispatcher(Generic[H]):
    """``run`` sends everything that is due and returns."""

    def __init__(self, box: Box[H], settings: TrackSettings) -> None:
        self._box = box
        self._settings = settings

    async def run(self) -> None:
        lease = timedelta(seconds=self._settings.notice_lease_seconds)
        while claimed := await self._box.claim(AT_ONCE, lease):
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

    async def _send(self, held: H) -> bool:
        """One attempt. False when the mail server is not to be spoken to right now."""
        try:
            message = self._box.write(held)
        except ValueError as bad:
            await self._settle(held, "refused", f"no mail can be written: {bad}")
            return True
        try:
            async with Line(held.until, self._settings) as line:
                _, said = await line.send_message(message, sender=NOBODY, recipients=[held.email])
        except LeaseOver:
            await self._box.settle(held, "deferred", "the lease ran out before the text", state="due")
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            result = verdict(error)
            await self._settle(held, result, f"{type(error).__name__}: {error}")
            return result is not None and not isinstance(error, aiosmtplib.SMTPConnectError)
        await self._settle(held, "sent", said)
        return True

    async def _settle(self, held: H, result: Result | None, detail: str) -> None:
        if result == "sent":
            await self._box.settle(held, result, detail, state="sent")
        elif result == "refused" or held.age > GIVE_UP:
            _log.error("a mail cannot be sent", detail=detail)
            await self._box.settle(held, result, detail, state="failed")
        else:
            await self._box.settle(held, result, detail, state="due", again=wait(held.attempt))


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
