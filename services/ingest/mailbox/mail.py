"""What a mail holds: its files, and nothing more of it than ingest needs. Pure.

::

    bytes ─▶ without base64 (Packed) ─▶ lines, multiparts (bound) ─▶ parser that counts headers (_Bounded)
          ─▶ parts, base64 put back (_files) ─▶ Mail

The parser of the standard library takes time that grows with lines × nested multiparts, and with the square
of the parameters in one header: 200 kB can cost a minute. So there is a gate before it and bounds inside it.
Headers are read with the old ``compat32`` policy: the modern one recurses over nested comments in an
address and can be crashed by a 1 kB header. Whatever the parser cannot take is a mail without files: it is
quarantined as it is, never lost.
"""

from __future__ import annotations

import binascii
import email
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.policy import Compat32, Policy, compat32

from libs.text import repaired
from services.ingest.mailbox import evidence
from services.ingest.mailbox.evidence import Evidence
from services.ingest.uploads.part import Part

MAX_PARTS = 200
MAX_DEPTH = 8
MAX_LINES = 600_000
"""Without what is base64."""
MAX_MULTIPARTS = 100
"""Anywhere in the mail; each line is compared with the boundary of every one that is open."""
MAX_COMPARISONS = 8_000_000
"""Lines times multiparts: some two seconds of the parser."""
MAX_HEADER = 64 * 1024
MAX_CONTENT_HEADER = 8 * 1024
"""Bytes of a header that says what a part is and what it is called."""
MAX_PARAMETERS = 200
"""Of such a header; the parser looks at each again for each."""

_PROGRAM = re.compile(
    rb"^(?:auto-submitted:[ \t]*(?!no\b)[^\s;]"
    rb"|precedence:[ \t]*(?:list|junk|auto_reply)\b"
    rb"|list-(?:id|post):"
    rb"|postbode-(?:invoice|notices):|message-id:[ \t]*<(?:notice|link|notices)\.)",
    re.IGNORECASE | re.MULTILINE,
)
"""What a program says of itself that answers or hands on mail (RFC 3834 §2, RFC 2919, RFC 2369), and our own mails.
Programs that mail invoices write ``Precedence: bulk`` and ``List-Unsubscribe`` too, and their senders want to hear of what
is refused."""
_BASE64 = re.compile(rb"^(?>[A-Za-z0-9+/]{56,76}\r?\n){8,}+", re.MULTILINE)
_IN_BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]*")
_END_OF_BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_NESTING = re.compile(rb"multipart/|message/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """The files of one mail; its text, pictures and signatures are left out."""

    parts: tuple[Part, ...]
    message_id: str | None
    subject: str = ""
    """As it came, encoded words and all."""
    evidence: Evidence = field(default_factory=Evidence)
    report: bool = False
    """A mail server's or mail program's word about another mail (RFC 6522): not delivered, read, spam."""


class UnreadableMail(ValueError):
    """A mail that is nested too deep, or has too much of something."""


class _Bounded(Compat32):
    """Stops the parser at a header no mail program makes, before it takes it apart."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        size = sum(map(len, sourcelines))
        content = sourcelines[0][:8].casefold() == "content-"
        if size > (MAX_CONTENT_HEADER if content else MAX_HEADER):
            raise UnreadableMail("a longer header than any mail program makes")
        if content and sum(line.count(";") for line in sourcelines) > MAX_PARAMETERS:
            raise UnreadableMail("more parameters in a header than any mail program makes")
        return super().header_source_parse(sourcelines)


_BOUNDED = _Bounded()


def read(raw: bytes, authserv_id: str = "") -> Mail:
    """Raises ``UnreadableMail`` for a mail that no mail program makes. ``authserv_id``: see ``evidence.read``."""
    try:
        packed = Packed(raw)
        bound(packed.text)
        message = email.message_from_bytes(packed.text, packed.part, policy=_BOUNDED)
        parts = tuple(_files(message))
        message_id = message.get("Message-ID")
        subject = str(message.get("Subject", ""))
        known = evidence.read(message, raw, authserv_id)
        report = message.get_content_type() == "multipart/report"
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as bad:
        raise UnreadableMail(str(bad)) from bad
    return Mail(parts, str(message_id) if message_id else None, subject, known, report)


def automatic(raw: bytes) -> bool:
    """Whether a program wrote it that must not be answered; from its header alone, so of any mail."""
    head = re.split(rb"\r?\n\r?\n", raw[:MAX_HEADER], maxsplit=1)[0]
    return _PROGRAM.search(_FOLD.sub(b"", head)) is not None


def bound(raw: bytes) -> None:
    """The gate before the parser: a few passes over the bytes. Raises ``UnreadableMail``."""
    # Lines end in LF, CR LF or a bare CR.
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    nested = len(_NESTING.findall(raw))
    if lines > MAX_LINES or nested > MAX_MULTIPARTS or lines * nested > MAX_COMPARISONS:
        raise UnreadableMail("more lines, or more parts in parts, than any mail program makes")


class Packed:
    """A mail with a short line in the place of each stretch of base64: the parser looks at every line, for a boundary that
    none of these can be, and of a mail with a file they are nearly all."""

    def __init__(self, raw: bytes) -> None:
        self._raw = memoryview(raw)
        self._runs: list[tuple[int, int]] = []
        # Nobody can have written it: 128 random bits.
        self._token = secrets.token_hex(16)
        self.text = _BASE64.sub(self._out, raw)

    def _out(self, run: re.Match[bytes]) -> bytes:
        begin, end = run.span()
        # The parser takes the end of the last line away, or leaves it.
        ends = b"\r\n" if run[0].endswith(b"\r\n") else b"\n"
        self._runs.append((begin, end - len(ends)))
        return b"%b%08d%b" % (self._token.encode(), len(self._runs) - 1, ends)

    def part(self, policy: Policy[Message] = compat32) -> Message:
        """What the parser makes of each part: one that puts back what was taken out of it."""
        return _Whole(self, policy)

    def lacks(self, text: str) -> bool:
        """Whether something was taken out of this text of the parsed mail."""
        return self._token in text

    def whole(self, text: str) -> str:
        """``text`` of the parsed mail as it was."""
        first, *rest = text.split(self._token)
        return first + "".join(str(self._run(each), "ascii") + each[8:] for each in rest)

    def decoded(self, text: str) -> bytes | None:
        """What ``text``, which is base64, stands for; None where it is not whole and plain. Of a file of ten megabytes the
        library makes a hundred thousand lines first."""
        first, *rest = text.split(self._token)
        *between, last = [first, *(each[8:] for each in rest)]
        if not all(map(_IN_BASE64.fullmatch, between)) or _END_OF_BASE64.fullmatch(last) is None:
            return None
        encoded = b"".join([first.encode(), *(p for r in rest for p in (self._run(r), r[8:].encode()))])
        if (len(encoded) - encoded.count(b"\r") - encoded.count(b"\n")) % 4:
            return None
        return binascii.a2b_base64(encoded)

    def _run(self, marked: str) -> memoryview:
        begin, end = self._runs[int(marked[:8])]
        return self._raw[begin:end]


class _Whole(Message):
    def __init__(self, packed: Packed, policy: Policy[Message]) -> None:
        super().__init__(policy)
        self._packed = packed

    def content(self) -> object:
        """Its bytes, its encoding for transfer undone; what was taken out comes back."""
        # Not by get_payload, which makes one sign of every byte that is none.
        kept = vars(self)["_payload"]
        if isinstance(kept, str) and self._packed.lacks(kept):
            if str(self.get("Content-Transfer-Encoding", "")).lower() == "base64":
                data = self._packed.decoded(kept)
                if data is not None:
                    return data
            self.set_payload(self._packed.whole(kept))
        return self.get_payload(decode=True)


def _files(message: Message) -> Iterator[Part]:
    seen = 0
    todo: list[tuple[Message, int]] = [(message, 0)]
    while todo:
        part, depth = todo.pop(0)
        seen += 1
        if seen > MAX_PARTS or depth > MAX_DEPTH:
            raise UnreadableMail("more parts, or deeper nested, than any mail program makes")
        if part.is_multipart():
            todo[:0] = [(child, depth + 1) for child in part.get_payload() if isinstance(child, Message)]
            continue
        data = part.content() if isinstance(part, _Whole) else None
        if isinstance(data, bytes) and data:
            # Every part is looked at: mail programs send XML under any type, with or without a name.
            file = Part(data, _filename(part), part.get_content_type())
            if not file.is_aside:
                yield file


def _filename(part: Message) -> str | None:
    """The name of a part. Taken from the raw headers: asked for a header with 8-bit bytes, the message gives
    one in which every such byte has become the same sign, and different names with it."""
    named = Message(policy=_BOUNDED)
    for header, value in part.raw_items():
        if header.lower() in ("content-disposition", "content-type"):
            named[header] = repaired(str(value))
    return named.get_filename()
