"""The encoding of a document, before anybody reads XML in it: the bytes as strict UTF-8, or why not.

Looks at size, magic numbers, byte order mark, the bytes themselves and what the declaration claims, so that no reader after
it is told one thing by the bytes and another by the words. Source: ``field.md`` §C.3, rows 11-13.
"""

from __future__ import annotations

import codecs
import re

from libs.einvoice.refusals import refuse, too_large

LARGEST = 10 * 1024 * 1024
"""Bytes of a document, at most."""

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
)
# The grammar of XML, with as many blanks as it allows: a claim that only the parser sees would be nobody's to check.
_BEGINS = re.compile(rb"<\?xml[ \t\r\n]")
_DECLARATION = re.compile(
    rb"""<\?xml[ \t\r\n]++version[ \t\r\n]*+=[ \t\r\n]*+(?:"1\.[0-9]++"|'1\.[0-9]++')"""
    rb"""(?:[ \t\r\n]++encoding[ \t\r\n]*+=[ \t\r\n]*+(?:"([A-Za-z][\w.\-]{0,39})"|'([A-Za-z][\w.\-]{0,39})'))?"""
    rb"""(?:[ \t\r\n]++standalone[ \t\r\n]*+=[ \t\r\n]*+["'](?:yes|no)["'])?[ \t\r\n]*+\?>"""
)
_BEFORE = 64
_UTF8_NAMES = frozenset({"utf-8", "utf8"})
_UTF16_NAMES = frozenset({"utf-16", "utf16", "utf-16le", "utf-16be"})
_ASCII_NAMES = frozenset({"us-ascii", "ascii"})
_PIECE = 1024 * 1024


def is_pdf(data: bytes) -> bool:
    """Whether it is a PDF: some programs put a line end or a byte order mark before it, and readers do not mind."""
    return data.startswith(b"%PDF-") or data[:_BEFORE].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-")


def transcode(data: bytes, most: int = LARGEST) -> tuple[bytes, str]:
    """``data`` as strict UTF-8 without byte order mark, and the encoding it came in (``utf-8``, ``utf-16``).

    Raises ``TooLarge`` (more than ``most`` bytes) or ``Unprocessable`` with code ``empty``, ``gzip``, ``zip``, ``pdf``,
    ``ole``, ``encoding`` or ``not-xml``.
    """
    if len(data) > most:
        raise too_large(most)
    for magic, code in _MAGIC:
        if data.startswith(magic):
            raise refuse(code, 1)
    if is_pdf(data):
        raise refuse("pdf", 1)
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise refuse("encoding", 1, seen="UTF-32")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _from_utf16(data, most), "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
    # Expat guesses UTF-16 from the zeros, whatever encoding it was given; XML itself has no zero.
    zero = data.find(b"\x00")
    if zero != -1:
        raise refuse("encoding", data.count(b"\n", 0, zero) + 1, seen="0x00")
    if _blank(data):
        raise refuse("empty", 1)
    start = data[:64].lstrip()
    if not start.startswith(b"<"):
        raise refuse("not-xml", 1, seen=_shown(start))
    claimed = _claimed(data)
    if claimed in _UTF8_NAMES or claimed is None:
        return data, "utf-8"
    if claimed in _ASCII_NAMES and data.isascii():
        return data, "utf-8"
    raise refuse("encoding", 1, seen=claimed)


def _blank(data: bytes) -> bool:
    """Whether ``data``, which must be UTF-8, has nothing but blanks. By the piece: one sign of a rare script would make
    four bytes of each of a large document."""
    blank, at = True, 0
    while at < len(data):
        end = min(at + _PIECE, len(data))
        for _ in range(3):
            # Not through the middle of a sign, which has three bytes behind its first at most.
            if end < len(data) and data[end] & 0xC0 == 0x80:
                end -= 1
        try:
            text = data[at:end].decode("utf-8")
        except UnicodeDecodeError as error:
            wrong = at + error.start
            raise refuse("encoding", data.count(b"\n", 0, wrong) + 1, seen=f"0x{data[wrong]:02X}") from None
        blank = blank and text.isspace()
        at = end
    return blank


def _from_utf16(data: bytes, most: int) -> bytes:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError:
        raise refuse("encoding", 1, seen="UTF-16") from None
    if not text or text.isspace():
        raise refuse("empty", 1)
    clean = text.encode("utf-8", "surrogatepass")
    claimed = _claimed(clean)
    if claimed is not None and claimed not in _UTF16_NAMES:
        raise refuse("encoding", 1, seen=claimed)
    found = _DECLARATION.match(clean)
    if found is not None:
        # It must not contradict the bytes any more; line numbers stay what they were.
        plain = b'<?xml version="1.0" encoding="UTF-8"?>' + b"\n" * found[0].count(b"\n")
        clean = plain + clean[found.end() :]
    if len(clean) > most * 2:
        raise too_large(most)
    return clean


def _claimed(data: bytes) -> str | None:
    """The encoding the XML declaration names, in lower case; refuses a declaration that is none."""
    if _BEGINS.match(data) is None:
        return None
    found = _DECLARATION.match(data)
    if found is None:
        raise refuse("not-xml", 1, seen="XML declaration not well-formed")
    name = found[1] or found[2]
    return None if name is None else name.decode("ascii").lower()


def _shown(start: bytes) -> str:
    return start[:20].decode("utf-8", "replace")
