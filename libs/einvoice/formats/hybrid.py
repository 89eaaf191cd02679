"""Hybrid PDFs: the XML of an invoice inside the page people look at (ZUGFeRD, Factur-X, our own).

Only the XML counts; the page is a picture of it. A PDF that could do something (scripts, launched programs) or that
is out of all proportion is reduced to its XML, with the reason: the page itself travels no further.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import pikepdf

from libs.contracts.parts import Words
from libs.einvoice import gate
from libs.einvoice.refusals import refuse, too_large

MAGIC = b"%PDF-"
PAGES = 1_000
"""Pages a picture of an invoice may have."""

_KNOWN = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "invoice.xml", "order-x.xml")
_ACTIVE = ("/JavaScript", "/JS", "/Launch", "/SubmitForm", "/ImportData", "/RichMedia")

_SCRIPTS = Words(
    nl="De PDF bevat scripts of opdrachten; alleen de XML erin is gebruikt. Maak PDF's zonder actieve inhoud.",
    en="The PDF holds scripts or commands; only the XML inside was used. Make PDFs without active content.",
)
_LONG = Words(
    nl=f"De PDF heeft meer dan {PAGES} bladzijden; alleen de XML erin is gebruikt.",
    en=f"The PDF has more than {PAGES} pages; only the XML inside was used.",
)
_REPAIRED = Words(
    nl="De PDF is beschadigd; alleen de XML erin is gebruikt. Maak het bestand opnieuw.",
    en="The PDF is damaged; only the XML inside was used. Make the file again.",
)


class Hybrid(NamedTuple):
    """The XML inside, and why the PDF around it must not be passed on (nothing: it may)."""

    xml: bytes
    name: str
    unfit: tuple[Words, ...] = ()


def extract(data: bytes) -> Hybrid:
    """The invoice inside. Raises ``Unprocessable``: ``pdf`` when there is none, ``pdf-broken``, ``pdf-locked``,
    ``pdf-too-large``; ``TooLarge`` for a file over the cap of the gate."""
    if len(data) > gate.DEFAULT.size:
        raise too_large(gate.DEFAULT.size)
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as pdf:
            return _inside(pdf)
    except pikepdf.PasswordError:
        raise refuse("pdf-locked", 1) from None
    except (pikepdf.PdfError, RecursionError, ValueError, KeyError, TypeError) as error:
        raise refuse("pdf-broken", 1, seen=type(error).__name__) from None


def _inside(pdf: pikepdf.Pdf) -> Hybrid:
    best: tuple[int, str, bytes] | None = None
    for name, stream in _attached(pdf):
        lower = name.lower().rpartition("/")[2]
        if not lower.endswith(".xml"):
            continue
        rank = _KNOWN.index(lower) if lower in _KNOWN else len(_KNOWN)
        if best is None or rank < best[0]:
            best = (rank, name, _unpacked(stream))
    if best is None:
        raise refuse("pdf", 1)
    unfit = []
    if _active(pdf):
        unfit.append(_SCRIPTS)
    if _pages(pdf) > PAGES:
        unfit.append(_LONG)
    if pdf.get_warnings():
        unfit.append(_REPAIRED)
    return Hybrid(best[2], best[1], tuple(unfit))


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
            raise refuse("pdf-broken", 1, seen="FlateDecode") from None
    else:
        raise refuse("pdf-broken", 1, seen=names[0])
    if len(found) > most:
        raise refuse("pdf-too-large", 1, limit=most)
    return found


def _pages(pdf: pikepdf.Pdf) -> int:
    count = pdf.Root.get("/Pages", pikepdf.Dictionary()).get("/Count", 0)
    return int(count)


def _active(pdf: pikepdf.Pdf) -> bool:
    """Whether opening it, or a page of it, could do anything."""
    root = pdf.Root
    if "/AA" in root or "/JavaScript" in root.get("/Names", pikepdf.Dictionary()):
        return True
    if _acts(root.get("/OpenAction")):
        return True
    return any(_page_acts(each) for each in pdf.objects if isinstance(each, pikepdf.Dictionary))


def _page_acts(found: pikepdf.Dictionary) -> bool:
    return "/AA" in found or "/JS" in found or str(found.get("/S", "")) in _ACTIVE


def _acts(action: object) -> bool:
    return isinstance(action, pikepdf.Dictionary) and str(action.get("/S", "")) in _ACTIVE
