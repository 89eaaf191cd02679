"""Where mails that come back come in: SMTP, for the addresses of ``return_paths`` and no others.

250 is said after commit; a mail that cannot be stored right now is put off (451) and its server keeps it. The hub never
answers one: a loop has no second half.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, cast
from uuid import UUID

import asyncpg
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.db.trouble import NOT_NOW
from libs.service import Wake
from services.deliver.email import bounces
from services.deliver.email.bounces import Answer
from services.deliver.email.return_paths import ReturnPaths

MOST_BYTES = 32 * 1024 * 1024
"""A server may send the whole mail back. What is kept of it is a line."""
MOST_CONNECTIONS = 50
SECONDS = 60.0

LATER = "451 4.3.0 Not stored: try again later"
NOBODY = "550 5.1.1 No mail went out from this address"
ONE = "452 4.5.3 One recipient at a time"
CROWDED = "421 4.3.2 Too many connections: try again later"

_AWAY = (*NOT_NOW, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
_log = structlog.get_logger(__name__)

Take = Callable[[UUID, int, bytes, Answer], Awaitable[object]]


class _Session(Protocol):
    host_name: str | None


class BounceDoor:
    """aiosmtpd handler."""

    def __init__(self, paths: ReturnPaths, take: Take, wake: Wake) -> None:
        self._paths = paths
        self._take = take
        self._wake = wake

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        cast("_Session", session).host_name = hostname
        return [each for each in responses if not each.startswith("250-AUTH")]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._paths.read(address) is None:
            return NOBODY
        if envelope.rcpt_tos:
            return ONE
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        about = self._paths.read(envelope.rcpt_tos[0])
        if about is None:
            return NOBODY
        raw = cast("bytes", envelope.content)
        answer = await asyncio.to_thread(bounces.read, raw)
        try:
            await self._take(*about, raw, answer)
        except _AWAY as away:
            _log.warning("an answer to a mail cannot be stored now", error=repr(away))
            return LATER
        self._wake()
        _log.info("answer to a mail", delivery_id=str(about[0]), attempt=about[1], kind=answer.kind)
        return "250 2.0.0 Noted"

    async def handle_exception(self, error: Exception) -> str:
        _log.error("a session at the door for bounces failed", exc_info=error)
        return LATER


@contextlib.asynccontextmanager
async def listen(door: BounceDoor, host: str, port: int, name: str) -> AsyncIterator[int]:
    """Serve on this event loop; the port."""
    open_ = 0

    class Dialogue(SMTP):
        async def _handle_client(self) -> None:
            nonlocal open_
            if open_ >= MOST_CONNECTIONS:
                await self.push(CROWDED)
                if self.transport is not None:
                    self.transport.close()
                return
            open_ += 1
            try:
                await super()._handle_client()
            finally:
                open_ -= 1

    def session() -> SMTP:
        more: dict[str, Any] = {"data_size_limit": MOST_BYTES, "timeout": SECONDS, "command_call_limit": 1000}
        return Dialogue(door, hostname=name, ident="Postbode", decode_data=False, **more)

    server = await asyncio.get_running_loop().create_server(session, host=host, port=port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
