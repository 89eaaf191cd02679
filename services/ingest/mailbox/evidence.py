"""What a mail says of itself, and what is known of how it came: kept, shown to its account, and never believed (R20).

The results of SPF, DKIM and DMARC are those of the mail server in front, told in ``Authentication-Results`` (RFC 8601)
under its own name, which an operator sets; what others wrote into such a header is left out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses
from hashlib import sha256
from typing import Any

from libs.text import one_line, repaired

MOST_HEAD = 16 * 1024
"""Bytes of the header that are kept as they came."""
_MOST_HEADERS = 16
_MOST_RESULTS = 40
_MOST_PROPERTIES = 8
_MOST_CHARACTERS = 200
_MOST_FROM = 400

_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^([A-Za-z0-9-]{1,32})(?:\s*/\s*\d{1,3})?\s*=\s*([A-Za-z0-9-]{1,32})(?:\s|$)")
_PROPERTY = re.compile(r'\b([a-z]{1,16}\.[A-Za-z0-9_-]{1,32})\s*=\s*("[^"]*"|\S+)')
_ADDRESS = re.compile(
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63})$"
)
_SERVER = re.compile(r'^\s*("[^"]*"|[^\s;]+)(?:\s+\d{1,3})?\s*$')


@dataclass(frozen=True, slots=True)
class Carried:
    """How a mail came: what is known of whoever handed it over."""

    over: str
    """``smtp`` or ``lmtp``."""
    peer: str
    helo: str | None
    tls: str | None

    def as_json(self) -> dict[str, Any]:
        helo = _kept(repaired(self.helo)) if self.helo is not None else None
        return {"over": self.over, "peer": self.peer, "helo": helo, "tls": self.tls}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one mail."""

    header_from: str | None = None
    authentication: Sequence[Mapping[str, str]] = ()
    """``method``, ``result``, and properties such as ``header.d``, in the words of the server in front."""
    head: bytes = b""
    """The header as it came."""
    sha256: str = ""
    """Of the whole mail."""
    froms: tuple[str, ...] = ()
    """What From names, where there is no doubt about it."""

    @property
    def dmarc_passed(self) -> bool:
        """The domain in From answers for this mail, says the server in front."""
        found = [each["result"] for each in self.authentication if each["method"] == "dmarc"]
        return bool(found) and all(result == "pass" for result in found)

    @property
    def answerable(self) -> str | None:
        """The address in From, where it may be written to: there is one, and its domain answers for this mail."""
        if len(self.froms) != 1 or not self.dmarc_passed:
            return None
        found = _ADDRESS.match(self.froms[0])
        said = {
            each.get("header.from", "").casefold()
            for each in self.authentication
            if each["method"] == "dmarc"
        }
        return self.froms[0] if found and said <= {"", found[1].casefold()} else None

    def as_json(self) -> dict[str, Any]:
        """What is stored, beside how it came."""
        return {
            "from": self.header_from,
            "authentication": [dict(each) for each in self.authentication],
            "sha256": self.sha256,
        }


def unread(raw: bytes) -> Evidence:
    """Of a mail that cannot be taken apart."""
    return Evidence(head=head(raw), sha256=sha256(raw).hexdigest())


def read(message: Message, raw: bytes, authserv_id: str) -> Evidence:
    """``authserv_id``: the name of the server in front; empty: there is none, and nobody's results count."""
    said = message.get_all("Authentication-Results", [])[:_MOST_HEADERS] if authserv_id else []
    results = [each for header in said for each in _results(repaired(str(header)), authserv_id)]
    senders = [repaired(str(each)) for each in message.get_all("From", [])[:_MOST_HEADERS]]
    return Evidence(
        header_from=_kept(senders[0]) if senders else None,
        authentication=tuple(results[:_MOST_RESULTS]),
        head=head(raw),
        sha256=sha256(raw).hexdigest(),
        froms=_froms(senders),
    )


def _froms(senders: Sequence[str]) -> tuple[str, ...]:
    """The address, where every reader of the header reads the same one: one header, without comments, with one ``@``."""
    if len(senders) != 1 or len(senders[0]) > _MOST_FROM or "(" in senders[0] or senders[0].count("@") != 1:
        return ()
    return tuple(address for _, address in getaddresses(senders))


def head(raw: bytes) -> bytes:
    """The header of a mail as it came, as far as it is kept."""
    end = re.search(rb"\r?\n\r?\n", raw[: MOST_HEAD + 4])
    return raw[: min(end.start(), MOST_HEAD) if end else MOST_HEAD]


def _results(header: str, authserv_id: str) -> Iterator[dict[str, str]]:
    if len(header) > MOST_HEAD:
        return
    plain = header
    for _ in range(5):  # comments may hold comments
        plain = _COMMENT.sub(" ", plain)
    server, *rest = _split(plain)
    named = _SERVER.match(server)
    if named is None or named[1].strip('"').casefold() != authserv_id.casefold():
        return
    for part in rest:
        found = _RESULT.match(part.strip())
        if found is None:
            continue
        properties = {
            name.lower(): _kept(value.strip('"'))
            for name, value in _PROPERTY.findall(part)[:_MOST_PROPERTIES]
        }
        yield {"method": found[1].lower(), "result": found[2].lower(), **properties}


def _split(text: str) -> list[str]:
    """By semicolons that are not quoted."""
    parts, quoted, begin = [], False, 0
    for at, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _kept(text: str) -> str:
    return one_line(text, _MOST_CHARACTERS)
