"""Connections to mail servers, kept between mails: greeting and TLS cost more than a mail does.

All mail goes to one server, the relay, but that of domains which have one of their own. Each server has its own
connections (0052), so one that hangs takes none of another's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
import structlog

from libs import clock
from services.deliver.channels.wire import Wire

IDLE_SECONDS = 20.0
"""An idle connection is used again within this time."""
SURE_SECONDS = 1.0
"""After a rest longer than this the server is asked first whether it is still there."""
MOST_MAILS = 100
"""Mails over one connection; many servers end it about there themselves."""
SLOW_SECONDS = 1.0
"""A mail that takes longer leaves its place to the others."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Line:
    """One connection. Whoever used it says whether it is ``good`` for another mail, and ``clean``: nothing
    of the last one is left in it."""

    wire: Wire
    mails: int = 0
    last: float = 0.0
    good: bool = False
    clean: bool = False

    @property
    def fresh(self) -> bool:
        return self.wire.idle and self.mails < MOST_MAILS and clock.monotonic() - self.last < IDLE_SECONDS


class Places:
    """Room for ``most`` mails that are answered in time, and for ``slow`` others: whoever waits long for an answer leaves
    its place, so that a few receivers that hang do not have them all."""

    def __init__(self, most: int, slow: int) -> None:
        self._quick = asyncio.Semaphore(most)
        self._slow = slow

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        await self._quick.acquire()
        aside = False

        def step_aside() -> None:
            nonlocal aside
            if self._slow:
                self._slow -= 1
                aside = True
                self._quick.release()

        timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, step_aside)
        try:
            yield
        finally:
            timer.cancel()
            if aside:
                self._slow += 1
            else:
                self._quick.release()


class Relay:
    """At most ``most`` connections at once that answer in time, and ``slow`` that do not. Raises what aiosmtplib raises,
    and ``OSError``."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        most: int,
        slow: int,
        seconds: float,
        tls: Literal["opportunistic", "verified", "off"] = "opportunistic",
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._seconds = seconds
        self._tls = tls
        self._username = username
        self._password = password
        self._places = Places(most, slow)
        self._idle: list[Line] = []

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A connection for one mail, used before or new."""
        async with self._places.one():
            line = await self._take()
            line.good = line.clean = False
            line.mails += 1
            try:
                yield line
            finally:
                line.last = clock.monotonic()
                if line.good and line.fresh:
                    self._idle.append(line)
                else:
                    line.wire.close()

    async def close(self) -> None:
        """Say goodbye on the idle connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_goodbye(line.wire) for line in idle))

    async def _take(self) -> Line:
        while self._idle:
            line = self._idle.pop()
            if line.fresh and await _alive(line):
                return line
            line.wire.close()
        return await self._connected()

    async def _connected(self) -> Line:
        try:
            return await self._connect(encrypted=self._tls != "off")
        except _NoTls as no:
            # Opportunistic (RFC 7435): encrypted is better than not, and not is better than no mail; but no password
            # goes unencrypted, unless an operator wants no TLS at all.
            if self._tls == "verified" or self._username is not None:
                raise no.why from no
            _log.warning(
                "TLS is offered and fails: mail goes unencrypted", host=self._host, error=str(no.why)
            )
            return await self._connect(encrypted=False)

    async def _connect(self, *, encrypted: bool) -> Line:
        """Greeting, TLS where it is wanted, login. Raises ``_NoTls`` when TLS is what failed."""
        smtp = aiosmtplib.SMTP(hostname=self._host, port=self._port, timeout=self._seconds, start_tls=False)
        await smtp.connect()
        try:
            if smtp.is_ehlo_or_helo_needed:
                # Says EHLO first, or HELO to a server that knows nothing newer.
                await smtp.rset()
            must = self._tls == "verified" or self._username is not None
            if encrypted and (must or smtp.supports_extension("starttls")):
                await self._encrypt(smtp)
            if self._username is not None:
                await smtp.login(self._username, self._password or "")
        except BaseException:
            smtp.close()
            raise
        return Line(Wire.over(smtp, self._seconds), last=clock.monotonic())

    async def _encrypt(self, smtp: aiosmtplib.SMTP) -> None:
        try:
            await smtp.starttls(tls_context=_context(verify=self._tls == "verified"))
        except (aiosmtplib.SMTPException, OSError) as why:
            raise _NoTls(why) from why
        # What was offered before is forgotten (RFC 3207 §4.2).
        await smtp.rset()


class Relays:
    """The server for each domain: its own, or the one for all."""

    def __init__(self, usual: Relay, of_domain: Mapping[str, Relay] | None = None) -> None:
        """``of_domain``: domains in ASCII and lower case; several may share a server."""
        self._usual = usual
        self._of_domain = dict(of_domain or {})

    def to(self, domain: str) -> Relay:
        return self._of_domain.get(domain, self._usual)

    async def close(self) -> None:
        relays = {id(each): each for each in (self._usual, *self._of_domain.values())}
        await asyncio.gather(*(each.close() for each in relays.values()))


class _NoTls(Exception):
    def __init__(self, why: aiosmtplib.SMTPException | OSError) -> None:
        super().__init__(str(why))
        self.why = why


async def _alive(line: Line) -> bool:
    """Asking costs a round trip and spares a failed attempt."""
    if line.clean and clock.monotonic() - line.last < SURE_SECONDS:
        return True
    try:
        async with asyncio.timeout(5):
            return (await line.wire.ask(b"RSET"))[0].good
    except OSError:
        return False


async def _goodbye(wire: Wire) -> None:
    with contextlib.suppress(OSError):
        async with asyncio.timeout(1):
            await wire.ask(b"QUIT")
    wire.close()


def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        # Whom we speak to is not proven either way.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
