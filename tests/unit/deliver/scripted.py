"""A mail server in the same process, without a port: it answers what it is told to, and keeps what it got."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from services.deliver.channels.relay import Line, Relay, Relays
from services.deliver.channels.smtp import SmtpChannel
from services.deliver.channels.wire import Wire
from services.deliver.email.dkim import Signer
from services.deliver.email.return_paths import ReturnPaths
from services.deliver.parcel import Loaded, Outcome
from tests.unit.deliver.sample import MAIL_FROM

GOOD: Mapping[str, str] = {
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 Go on",
    ".": "250 2.0.0 Kept",
    "RSET": "250 2.0.0 OK",
}


@dataclass
class Server:
    """``answers``: a reply for each command and, as ``.``, for a text; None: it hangs up instead. ``hears``, called with
    each command, may choose another."""

    extensions: dict[str, str] = field(default_factory=lambda: {"size": "", "pipelining": "", "dsn": ""})
    answers: dict[str, str | None] = field(default_factory=dict)
    hears: Callable[[str], str | None] = lambda command: None
    commands: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    writes: int = 0
    sessions: int = 0
    seconds: float = 5.0

    def connect(self) -> Wire:
        self.sessions += 1
        return _Session(self).wire

    def say(self, command: str) -> str | None:
        chosen = self.hears(command)
        word = command[:4].upper()
        return chosen if chosen is not None else self.answers.get(word, GOOD.get(word, "500 What?"))


class _Session:
    """Stands in for the transport of one connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._text = False
        self._closed = False
        self.wire = Wire(cast("asyncio.Transport", self), server.extensions, server.seconds)

    def write(self, data: bytes) -> None:
        self._server.writes += 1
        self._buffer += data
        said = b""
        while not self._closed:
            mark = b"\r\n.\r\n" if self._text else b"\r\n"
            piece, found, rest = self._buffer.partition(mark)
            if not found:
                break
            self._buffer = rest
            answer = self._taken(piece)
            if answer is None:
                self.close()
            else:
                said += answer.encode() + b"\r\n"
                if answer.startswith("421"):
                    self.close()
        if said:
            asyncio.get_running_loop().call_soon(self.wire.data_received, said)

    def _taken(self, piece: bytes) -> str | None:
        if self._text:
            self._text = False
            self._server.texts.append(re.sub(rb"(?m)^\.\.", b".", piece + b"\r\n"))
            return self._server.say(".")
        self._server.commands.append(piece.decode())
        answer = self._server.say(piece.decode())
        self._text = piece == b"DATA" and (answer or "").startswith("354")
        return answer

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            asyncio.get_running_loop().call_soon(self.wire.connection_lost, None)


class _Relay(Relay):
    def __init__(self, server: Server, most: int) -> None:
        super().__init__("", 0, most=most, slow=most, seconds=server.seconds)
        self._server = server

    async def _connected(self) -> Line:
        return Line(self._server.connect())


def channel(
    server: Server, *, most: int = 4, paths: ReturnPaths | None = None, signer: Signer | None = None
) -> SmtpChannel:
    return SmtpChannel(
        Relays(_Relay(server, most)), MAIL_FROM, per_domain=most, return_paths=paths, signer=signer
    )


async def outcomes(via: SmtpChannel, *loaded: Loaded) -> list[Outcome]:
    """What becomes of each, in their order."""
    found: dict[Any, Outcome] = {}
    async with _closing(via):
        async for done in via.deliver(loaded):
            found.update({job.delivery_id: outcome for job, outcome in done})
    return [found[each.job.delivery_id] for each in loaded]


@contextlib.asynccontextmanager
async def _closing(via: SmtpChannel) -> AsyncIterator[None]:
    yield
    await via.close()
