"""What is said over one connection to a mail server (RFC 5321), in as few round trips as it takes (RFC 2920).

aiosmtplib makes the connection: greeting, TLS, login. From there on replies are kept in the order in which they come, so
that several commands may be under way at once; and what comes unasked, such as the goodbye of a server that waited too
long, is seen before the next mail instead of being taken for an answer to it.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, cast

import aiosmtplib

MOST_BYTES = 32 * 1024
"""Of replies that nobody has read yet."""
CLOSING = 421
"""The reply after which a server hangs up."""
GO_ON = 354

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_DOTS = re.compile(rb"(?m)^\.")


class Garbled(ConnectionError):
    """What came is no reply."""


class Reply(NamedTuple):
    code: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.code <= 299


class Wire(asyncio.Protocol):
    """``extensions``: what the server offers, in lower case, with what it says about each. All raises ``OSError``."""

    def __init__(self, transport: asyncio.Transport, extensions: Mapping[str, str], seconds: float) -> None:
        self._transport = transport
        self._extensions = extensions
        self._seconds = seconds
        self._buffer = bytearray()
        self._replies: deque[Reply] = deque()
        self._text: list[str] = []
        self._lost: OSError | None = None
        self._news = asyncio.Event()

    @classmethod
    def over(cls, smtp: aiosmtplib.SMTP, seconds: float) -> Wire:
        """Take over a connection that is ready for mail; an answer may take ``seconds``."""
        transport = cast("asyncio.Transport", smtp.transport)
        wire = cls(transport, smtp.esmtp_extensions, seconds)
        transport.set_protocol(wire)
        return wire

    @property
    def idle(self) -> bool:
        """Whether it is there and has said nothing unasked."""
        return (
            self._lost is None and not self._transport.is_closing() and not self._buffer and not self._replies
        )

    @property
    def pipelining(self) -> bool:
        return "pipelining" in self._extensions

    def offers(self, extension: str) -> bool:
        return extension in self._extensions

    @property
    def most_bytes(self) -> int | None:
        """The largest mail it takes, where it says so (RFC 1870)."""
        said = self._extensions.get("size", "").strip()
        return int(said) or None if said.isdecimal() and len(said) < 19 else None

    async def ask(self, *commands: bytes) -> list[Reply]:
        """The replies, in order. Together where the server takes that, else one after the other up to the first that is
        refused. There are fewer also when it hangs up. Raises ``ValueError`` for what would be more than one command."""
        if any(_CONTROL.search(command) for command in commands):
            raise ValueError("a command holds a control character")
        replies: list[Reply] = []
        if self.pipelining:
            self._write(b"\r\n".join((*commands, b"")))
        for command in commands:
            if not self.pipelining:
                self._write(command + b"\r\n")
            replies.append(await self._reply())
            if replies[-1].code == CLOSING or (replies[-1].code >= 400 and not self.pipelining):
                break
        return replies

    async def text(self, data: bytes) -> Reply:
        """The mail itself, lines ending in CR LF, after ``DATA`` was answered by ``GO_ON``."""
        self._write(_DOTS.sub(b"..", data) + b".\r\n")
        return await self._reply()

    def close(self) -> None:
        self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._lost is not None:
            raise self._lost
        self._transport.write(data)

    async def _reply(self) -> Reply:
        async with asyncio.timeout(self._seconds):
            while not self._replies:
                if self._lost is not None:
                    raise self._lost
                self._news.clear()
                await self._news.wait()
        return self._replies.popleft()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer[:] = rest
        for each in lines:
            self._line(each)
        if (
            len(rest) + sum(len(text) + 6 for text in self._text) > MOST_BYTES
            or len(self._replies) > MOST_BYTES // 100
        ):
            self._end(Garbled("the server says more than anybody asked"))
        self._news.set()

    def _line(self, raw: bytes) -> None:
        code, mark, text = raw[:3], raw[3:4], raw[4:].decode("utf-8", "replace").strip()
        if not code.isdigit() or mark not in (b"", b" ", b"-", b"\r"):
            self._end(Garbled(f"this is no reply: {raw[:80]!r}"))
            return
        self._text.append(text)
        if mark != b"-":
            self._replies.append(Reply(int(code), "\n".join(self._text)))
            self._text.clear()

    def connection_lost(self, error: Exception | None) -> None:
        lost = ConnectionResetError("the server hung up")
        lost.__cause__ = error
        self._end(lost)

    def _end(self, why: OSError) -> None:
        if self._lost is None:
            self._lost = why
            self._transport.close()
        self._news.set()
