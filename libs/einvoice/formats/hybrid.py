"""Hybrid PDFs: the XML of an invoice inside the page people look at (ZUGFeRD, Factur-X, our own).

Only the XML counts; the page is a picture of it. A PDF that could do something (scripts, launched programs) or that
is out of all proportion is reduced to its XML, with the reason: the page itself travels no further. The same is asked
of a PDF that comes beside its XML (``unfit``).
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pikepdf

from libs.contracts.parts import Words
from libs.einvoice import detect, gate
from libs.einvoice.refusals import refuse, too_large
from libs.errors import TooLarge, Unprocessable

PAGES = 1_000
"""Pages a picture of an invoice may have."""
PIECES = 500_000
"""Values of any kind it may be made of; looking at one takes some microseconds."""
FILES = 20
"""XML files that may lie inside."""

_KNOWN = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "invoice.xml", "order-x.xml")
_ACTIVE = frozenset({"/JavaScript", "/JS", "/Launch", "/SubmitForm", "/ImportData", "/RichMedia"})
_ACTS = ("/AA", "/JS", "/JavaScript", "/XFA")
"""Keys under which there is something that acts: additional actions, scripts, the scripted forms of XFA."""
_MAY_ACT = re.compile(b"|".join(sorted(name.encode() for name in (*_ACTIVE, *_ACTS))))
_ESCAPED = re.compile(rb"/[^\x00-\x20()<>\[\]{}/%]*#[0-9A-Fa-f]{2}[^\x00-\x20()<>\[\]{}/%]*")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
"""A character of a name, written as a number (ISO 32000-1 §7.3.5)."""
_PACKED = b"/ObjStm"
"""Of a stream that other objects are packed in (ISO 32000-1 §7.5.7)."""

SCRIPTS = Words(
    nl="De PDF bevat scripts of opdrachten en gaat niet mee; alleen de XML telt. Maak PDF's zonder actieve inhoud.",
    en="The PDF holds scripts or commands and is not passed on; only the XML counts. Make PDFs without active content.",
)
_LONG = Words(
    nl=f"De PDF heeft meer dan {PAGES} bladzijden of {PIECES} onderdelen en gaat niet mee; alleen de XML telt. "
    "Maak een kortere PDF.",
    en=f"The PDF has more than {PAGES} pages or {PIECES} pieces and is not passed on; only the XML counts. "
    "Make a shorter PDF.",
)
_REPAIRED = Words(
    nl="De PDF is beschadigd en gaat niet mee; alleen de XML telt. Maak het bestand opnieuw.",
    en="The PDF is damaged and is not passed on; only the XML counts. Make the file again.",
)


class Hybrid(NamedTuple):
    """The XML inside, and why the PDF around it must not be passed on (nothing: it may)."""

    xml: bytes
    name: str
    unfit: tuple[Words, ...] = ()


def extract(data: bytes) -> Hybrid:
    """The invoice inside. Raises ``Unprocessable``: ``pdf`` when there is none, ``pdf-many`` when there are several
    that differ, ``pdf-broken``, ``pdf-locked``, ``pdf-too-large``; ``TooLarge`` for a file over the cap of the gate."""
    with _opened(data) as pdf:
        name, xml = _invoice(pdf)
        return Hybrid(xml, name, _unfit(pdf, data))


def unfit(data: bytes) -> tuple[Words, ...]:
    """Why a PDF must not be passed on, whatever is inside it (nothing: it may).

    Raises ``Unprocessable`` (``pdf-broken``, ``pdf-locked``) for what cannot be looked into, and ``TooLarge``.
    """
    with _opened(data) as pdf:
        return _unfit(pdf, data)


@contextmanager
def _opened(data: bytes) -> Iterator[pikepdf.Pdf]:
    if len(data) > gate.DEFAULT.size:
        raise too_large(gate.DEFAULT.size)
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as pdf:
            yield pdf
    except pikepdf.PasswordError:
        raise refuse("pdf-locked", 1) from None
    except (pikepdf.PdfError, RecursionError, ValueError, KeyError, TypeError):
        raise refuse("pdf-broken", 1) from None


def _unfit(pdf: pikepdf.Pdf, data: bytes) -> tuple[Words, ...]:
    found = []
    active = _active(pdf) if _names_one(data) else False
    if active:
        found.append(SCRIPTS)
    if active is None or _long(pdf):
        found.append(_LONG)
    if pdf.get_warnings():
        found.append(_REPAIRED)
    return tuple(found)


def _invoice(pdf: pikepdf.Pdf) -> tuple[str, bytes]:
    """The one invoice among the files inside; where none is one, the XML most likely meant."""
    found: dict[bytes, str] = {}
    for name, stream in _attached(pdf):
        if not name.lower().endswith(".xml"):
            continue
        found.setdefault(_unpacked(stream), name)
        if len(found) > FILES:
            raise refuse("pdf-many", 1)
    if not found:
        raise refuse("pdf", 1)
    if len(found) > 1:
        # Which of two would be booked is nobody's to guess.
        invoices = {xml: name for xml, name in found.items() if _is_invoice(xml)}
        if len(invoices) > 1:
            raise refuse("pdf-many", 1)
        found = invoices or found
    xml, name = min(found.items(), key=lambda each: _rank(each[1]))
    return name, xml


def _rank(name: str) -> int:
    lower = name.lower().rpartition("/")[2]
    return _KNOWN.index(lower) if lower in _KNOWN else len(_KNOWN)


def _is_invoice(xml: bytes) -> bool:
    try:
        detect.readable(xml)
    except (Unprocessable, TooLarge):
        return False
    return True


def _attached(pdf: pikepdf.Pdf) -> Iterator[tuple[str, pikepdf.Stream]]:
    """Every file inside, by name."""
    for key, specification in pdf.attachments.items():
        files = specification.obj.get("/EF")
        if not isinstance(files, pikepdf.Dictionary):
            continue
        stream = files.get("/UF", files.get("/F"))
        if isinstance(stream, pikepdf.Stream):
            yield specification.filename or key, stream


def _unpacked(stream: pikepdf.Stream) -> bytes:
    """The bytes of a file, never more than an invoice may have: a few kilobytes may unpack to gigabytes."""
    raw = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    names = [str(each) for each in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]
    most = gate.DEFAULT.size
    if filters is None or names == []:
        found = raw
    elif names == ["/FlateDecode"]:
        packed = zlib.decompressobj()
        try:
            found = packed.decompress(raw, most + 1)
        except zlib.error:
            raise refuse("pdf-broken", 1) from None
    else:
        raise refuse("pdf-broken", 1)
    if len(found) > most:
        raise refuse("pdf-too-large", 1, limit=most)
    return found


def _long(pdf: pikepdf.Pdf) -> bool:
    """Whether it has too many pages, by its own count or by its tree: the count may say anything."""
    pages = pdf.Root.get("/Pages", pikepdf.Dictionary())
    if int(pages.get("/Count", 0)) > PAGES:
        return True
    waiting, leaves, steps = [pages], 0, 0
    while waiting and leaves <= PAGES and steps <= 10 * PAGES:
        steps += 1
        kids = waiting.pop().get("/Kids")
        if isinstance(kids, pikepdf.Array):
            if len(kids) + len(waiting) > 10 * PAGES:
                return True
            waiting += [each for each in kids if isinstance(each, pikepdf.Dictionary)]
        else:
            leaves += 1
    return bool(waiting) or leaves > PAGES


def _names_one(data: bytes) -> bool:
    """Whether a name that makes something act may stand in the file: where none does, the file need not be taken apart to
    see that nothing acts. One stands in plain bytes, with a character as a number, or packed with other objects."""
    if _MAY_ACT.search(data) or _PACKED in data:
        return True
    plain = (_ESCAPE.sub(lambda each: bytes([int(each[1], 16)]), name) for name in _ESCAPED.findall(data))
    return any(_MAY_ACT.search(name) or _PACKED in name for name in plain)


def _active(pdf: pikepdf.Pdf) -> bool | None:
    """Whether opening it, a page of it, or a click could do anything; None when it has too much to look at.

    Every object is looked at, with what stands directly inside it: an action may stand in a link, a bookmark, a field
    or behind another action. What is referred to is an object of its own and has its turn.
    """
    pieces = 0
    for each in (pdf.trailer, *pdf.objects):
        pieces += 1
        if not isinstance(each, pikepdf.Object):
            continue
        # Most objects name nothing of the kind, and that is seen a hundred times faster in their text.
        direct = each.stream_dict if isinstance(each, pikepdf.Stream) else each
        if _MAY_ACT.search(direct.unparse(resolved=True)) is None:
            continue
        waiting: list[object] = [each]
        while waiting:
            value = waiting.pop()
            pieces += 1
            if isinstance(value, pikepdf.Stream):
                value = value.stream_dict
            if isinstance(value, pikepdf.Dictionary):
                if _acts(value):
                    return True
                inside = [*value.as_dict().values()]
            elif isinstance(value, pikepdf.Array):
                inside = [*value.as_list()]
            else:
                continue
            if pieces + len(waiting) + len(inside) > PIECES:
                return None
            waiting += [one for one in inside if isinstance(one, pikepdf.Object) and not one.is_indirect]
    return False


def _acts(found: pikepdf.Dictionary) -> bool:
    return any(key in found for key in _ACTS) or any(
        str(found.get(key, "")) in _ACTIVE for key in ("/S", "/Subtype")
    )
