"""One SMTP or LMTP connection, from greeting to goodbye.

aiosmtpd speaks the dialogue; the text of a mail is read here instead: by the piece and not by the line, with an end to
what all connections hold together, and nothing but CR LF . CR LF ends it. Text with a bare CR or LF, or with something
behind its end that nobody has been asked for yet, is refused: two servers that split such a text differently are
how one mail becomes two (SMTP smuggling).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.telemetry import objectives
from services.ingest.access.mailboxes import FoundMailbox
from services.ingest.mailbox.evidence import Carried

_PIECE = 256 * 1024
_END = b"\r\n.\r\n"
_DRAINED = 4
"""Times the limit that is still read of a mail that is too large, so that its sender hears why."""
TOO_LARGE = "552 5.3.4 Larger than this server takes: send fewer invoices in a mail"
NOT_TEXT = "550 5.6.0 The text holds a bare CR or LF, or NUL: its lines must end in CR LF"
RUSHED = "503 5.5.1 Wait for the answer to a mail before you send more"
CROWDED = "421 4.3.2 Too many connections or mails at once: try again later"
LATER = "451 4.3.0 Not stored: try again later"

_log = structlog.get_logger(__name__)


class Room:
    """What all connections together, and those of one address, may take: ``connections`` at once, ``each`` from one
    address, ``most_bytes`` of mails that are under way."""

    def __init__(self, *, connections: int, each: int, most_bytes: int) -> None:
        self._most = connections
        self._each = each
        self._most_bytes = most_bytes
        self._of: Counter[str] = Counter()
        self._held = 0

    def enter(self, address: str) -> bool:
        if self._of.total() >= self._most or self._of[address] >= self._each:
            return False
        self._of[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]

    def hold(self, size: int) -> bool:
        """Whether there is room for so many bytes more. What is held is given back with a negative size."""
        if size > 0 and self._held + size > self._most_bytes:
            return False
        self._held += size
        return True


class Visit(Session):
    """A connection; ``strangers`` are the recipients it named that nobody has."""

    strangers = 0


class Addressed(Envelope):
    """A mail under way, with the mailbox of each recipient that was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes: dict[str, FoundMailbox] = {}
        self.support = False
        """It goes to support, and to no mailbox."""


Take = Callable[[Addressed, Carried], Awaitable[Sequence[str]]]
"""Takes a mail; an answer for each of its recipients."""


class Dialogue(SMTP):
    """Answers each mail once (RFC 5321), the worst answer of its recipients."""

    over = "smtp"

    def __init__(self, *args: Any, room: Room, take: Take, **named: Any) -> None:
        super().__init__(*args, **named)
        self._room = room
        self._take = take
        self._entered: str | None = None

    def _create_session(self) -> Session:
        return Visit(self.loop)

    def _create_envelope(self) -> Envelope:
        return Addressed()

    async def _handle_client(self) -> None:
        peer = self._peer()
        if not self._room.enter(peer):
            await self.push(CROWDED)
            return
        self._entered = peer
        await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        if self._entered is not None:
            self._room.leave(self._entered)
            self._entered = None
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        await super().push(status)
        if status.startswith("421") and self.transport is not None:
            self.transport.close()

    async def handle_exception(self, error: Exception) -> str:
        # Whatever it is, it says nothing about the mail: the sender's server keeps it.
        _log.error("a mail session failed", exc_info=error)
        objectives.answered_mail(451)
        return LATER

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        envelope = self.envelope
        if not isinstance(envelope, Addressed) or not envelope.rcpt_tos:
            await self.push("503 5.5.1 Name a recipient first")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            answers = await self._answers(envelope)
        except asyncio.CancelledError:
            self._writer.close()
            raise
        finally:
            self.envelope = self._create_envelope()
        await self.push(self._said(answers))

    def _said(self, answers: Sequence[str]) -> str:
        worst = max(answers, key=lambda answer: (answer[0] == "4", answer[0]))
        return worst if worst[0] != "2" else ", ".join(dict.fromkeys(answers))

    async def _answers(self, envelope: Addressed) -> Sequence[str]:
        text = Text(self.data_size_limit or 0, self._room)
        try:
            while not text.whole:
                piece = await self._reader.read(_PIECE)
                if not piece:
                    raise ConnectionResetError
                if not text.add(piece):
                    return [CROWDED]
            if (refusal := text.refusal) is not None:
                return [refusal] * len(envelope.rcpt_tos)
            envelope.content = text.content()
            return await self._take(envelope, self._carried())
        finally:
            envelope.content = None
            text.let_go()

    def _carried(self) -> Carried:
        session = self.session
        if session is None:
            raise ConnectionResetError
        tls = (session.ssl or {}).get("ssl_object")
        return Carried(self.over, self._peer(), session.host_name, tls.version() if tls else None)

    def _peer(self) -> str:
        peer: Any = self.session.peer if self.session else None
        return str(peer[0]) if isinstance(peer, tuple) and peer else "local"


class PerRecipient(Dialogue, LMTP):
    """Behind a mail server that is trusted: an answer for each recipient (LMTP, RFC 2033 §4.2)."""

    over = "lmtp"

    def _said(self, answers: Sequence[str]) -> str:
        return "\r\n".join(answers)


class Text:
    """The text of one mail as it comes in, up to ``most`` bytes."""

    def __init__(self, most: int, room: Room) -> None:
        self._most = most
        self._room = room
        self._data = bytearray(b"\r\n")  # so that a first line of one dot is an end like any other
        self._held = 0
        self._passed = 0
        self.whole = False
        self._rushed = False

    def add(self, piece: bytes) -> bool:
        """False when there is no more to be done with this sender."""
        self._passed += len(piece)
        seen = max(0, len(self._data) - len(_END) + 1)
        self._data += piece
        end = self._data.find(_END, seen)
        if end >= 0:
            self.whole = True
            self._rushed = end + len(_END) < len(self._data)
            del self._data[end + 2 :]
            return True
        if self._passed > self._most:
            # Too large: the rest is read to find its end, and is not kept.
            del self._data[: -len(_END)]
            self.let_go()
            return self._passed <= _DRAINED * self._most
        if not self._room.hold(len(piece)):
            return False
        self._held += len(piece)
        return True

    @property
    def refusal(self) -> str | None:
        """Why it is not taken."""
        if self._rushed:
            return RUSHED
        if self._passed - 3 > self._most:
            return TOO_LARGE
        ends = self._data.count(b"\r\n")
        if ends != self._data.count(b"\n") or ends != self._data.count(b"\r") or 0 in self._data:
            return NOT_TEXT
        return None

    def content(self) -> bytes:
        """The mail, without the dots that were put before dots (RFC 5321 §4.5.2); once, for it is handed over: of a large
        mail every copy counts."""
        data, self._data = self._data, bytearray()
        if b"\r\n." in data:
            data = data.replace(b"\r\n.", b"\r\n")
        del data[:2]
        return bytes(data)

    def let_go(self) -> None:
        self._room.hold(-self._held)
        self._held = 0
