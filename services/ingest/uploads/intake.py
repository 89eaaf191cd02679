"""Which of the parts handed over are invoices, and which PDF belongs to which. Pure.

The rules (R21-R24, R29): every XML is one upload, an eExact file as many as it holds invoices; a PDF of the
same name is that invoice's picture (``pairing.py``); a PDF alone is not an invoice, unless one lies inside it as
XML. Whoever hands over over the API gets an answer at once, so there one bad part refuses the whole submission and
nothing is stored; by mail the good parts go on and the bad ones are quarantined, because nobody waits for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from libs.contracts.parts import Words
from libs.einvoice import detect, gate, xml
from libs.einvoice.formats import eexact, hybrid
from libs.errors import BadInput, HubError, TooLarge, Unprocessable
from services.ingest.uploads import fields
from services.ingest.uploads.pairing import pair
from services.ingest.uploads.part import Part
from services.ingest.uploads.words import REASONS

MOST_INVOICES = 500
"""Invoices one eExact file may hold."""

_NOT_XML = frozenset({"not-xml", "encoding"})
"""What the gate says about bytes that were never meant to be XML."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One invoice: its XML, and the PDF of the same name if there is one."""

    original: Part
    syntax: str
    pdf: Part | None = None
    source: Part | None = None
    """The file it was taken out of: an eExact file of many invoices, a hybrid PDF."""
    fields: Mapping[str, str] | None = None
    """Extra fields that its sender said beside it, of each invoice of a file."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One part that is not an invoice the hub can take, and why; the PDF of its name is kept with it."""

    part: Part
    code: str
    reason: Words
    line: int | None = None
    pdf: Part | None = None


@dataclass(frozen=True, slots=True)
class Sorted:
    """Uploads and refusals, each in the order handed over."""

    uploads: tuple[Upload, ...]
    refused: tuple[Refused, ...]


def sort(parts: Sequence[Part]) -> Sorted:
    """Pair, gate and detect. Never raises for what is inside a part: that becomes a ``Refused``."""
    # A document of another kind takes nobody's PDF: it is no side of any pair.
    papers = [position for position, part in enumerate(parts) if part.claims_xml]
    pictures = [position for position, part in enumerate(parts) if part.is_pdf]
    pairing = pair([parts[p].stem for p in papers], [parts[p].stem for p in pictures])
    pdf_of = {papers[xml]: parts[pictures[pdf]] for xml, pdf in pairing.pdf_of.items()}
    uploads: list[Upload] = []
    refused: list[Refused] = []
    for position, part in enumerate(parts):
        if not part.is_pdf:
            picture = pdf_of.get(position)
            done = _judge(part, picture)
            if isinstance(done, Refused):
                refused.append(done)
                continue
            harm = _harm(picture) if picture is not None else None
            if harm is not None:
                refused.append(harm)
                done = [replace(each, pdf=None) for each in done]
            uploads.extend(done)
    for number, position in enumerate(pictures):
        if number in pairing.ambiguous:
            refused.append(refuse(parts[position], "ambiguous-pdf"))
        elif number in pairing.lone:
            inside = _hybrid(parts[position])
            if isinstance(inside, Refused):
                refused.append(inside)
            else:
                uploads.extend(inside)
    return Sorted(tuple(uploads), tuple(refused))


def sort_strictly(parts: Sequence[Part]) -> tuple[Upload, ...]:
    """The same for a caller who waits, who may say extra fields beside an invoice too. Raises the first refusal (422,
    413), or 400 when there is nothing."""
    if not parts:
        raise nothing()
    said = [part for part in parts if part.is_fields]
    done = sort([part for part in parts if not part.is_fields] if said else parts)
    if done.refused:
        raise as_error(done.refused[0])
    return _with_fields(done.uploads, said) if said else done.uploads


def _with_fields(uploads: Sequence[Upload], said: Sequence[Part]) -> tuple[Upload, ...]:
    files = list({id(file): file for each in uploads for file in [each.source or each.original]}.values())
    pairing = pair([file.stem for file in files], [part.stem for part in said])
    for number, part in enumerate(said):
        if number in pairing.lone or number in pairing.ambiguous:
            raise as_error(refuse(part, "lone-fields" if number in pairing.lone else "ambiguous-fields"))
    found: dict[int, Mapping[str, str] | None] = {}
    for file, number in pairing.pdf_of.items():
        try:
            found[id(files[file])] = fields.read(said[number].data)
        except Unprocessable as no:
            raise as_error(_told(said[number], no)) from None
    return tuple(replace(each, fields=found.get(id(each.source or each.original))) for each in uploads)


def nothing() -> BadInput:
    """There is no file in the request."""
    words = REASONS["no-invoice"]
    return BadInput(words.en, nl=words.nl, code="no-invoice")


def refuse(part: Part, code: str) -> Refused:
    """A refusal in ingest's own words."""
    return Refused(part, code, REASONS[code])


def as_error(refused: Refused) -> HubError:
    """A refusal as the error an API caller reads."""
    extra: dict[str, Any] = {"words": refused.reason.model_dump()}
    if refused.line is not None:
        extra["line"] = refused.line
    if refused.part.filename:
        extra["filename"] = refused.part.filename
    kind = TooLarge if refused.code == TooLarge.slug else Unprocessable
    return kind(refused.reason.en, code=refused.code, **extra)


def _judge(part: Part, pdf: Part | None) -> Sequence[Upload] | Refused:
    if part.wrapping:
        return refuse(part, part.wrapping)
    try:
        passed = gate.check(part.data)
        syntax = detect.readable(passed).syntax
        return [Upload(part, syntax, pdf)] if syntax != "eexact" else _split(part, pdf, passed)
    except (Unprocessable, TooLarge) as no:
        if no.code in _NOT_XML and not part.claims_xml:
            return refuse(part, "unknown-kind")
        return _told(part, no, pdf)


def _told(part: Part, no: Unprocessable | TooLarge, pdf: Part | None = None) -> Refused:
    """A refusal of the formats in their own words."""
    line = no.extra.get("line")
    reason = Words.model_validate(no.extra["words"])
    return Refused(part, no.code, reason, line if isinstance(line, int) else None, pdf)


def _harm(picture: Part) -> Refused | None:
    """Why a PDF does not go along with its XML: nobody's customer gets a page that can run something."""
    try:
        unfit = hybrid.unfit(picture.data)
    except (Unprocessable, TooLarge) as no:
        return _told(picture, no)
    return Refused(picture, "pdf-unfit", unfit[0]) if unfit else None


def beside(upload: Upload, picture: Part) -> Upload | Refused:
    """An invoice with a PDF that somebody says is its picture; refused when it can do harm."""
    harm = _harm(picture)
    return harm if harm is not None else replace(upload, pdf=picture)


def _split(part: Part, pdf: Part | None, passed: gate.Gate) -> Sequence[Upload] | Refused:
    """Each invoice of an eExact file is one of its own; a PDF belongs to an invoice only where there is one."""
    files = eexact.split(xml.parse(passed.data))
    if not files:
        # What else Globe exports has the same root: items, accounts, entries.
        raise detect.not_an_invoice(passed.root, passed.line)
    if len(files) > MOST_INVOICES:
        return refuse(part, "too-many-invoices")
    stem = PurePosixPath(part.filename or "eexact").stem
    return [
        Upload(
            Part(data, f"{stem}-{number}.xml", part.media_type),
            "eexact",
            pdf if len(files) == 1 else None,
            part,
        )
        for number, data in enumerate(files, 1)
    ]


def _hybrid(part: Part) -> Sequence[Upload] | Refused:
    """A PDF with the XML of an invoice inside is that invoice; the page is its picture, where it does no harm."""
    try:
        inside = hybrid.extract(part.data)
        name = f"{PurePosixPath(part.filename or 'invoice').stem}.xml"
        found = _judge(Part(inside.xml, name, "application/xml"), part if not inside.unfit else None)
    except (Unprocessable, TooLarge) as no:
        return refuse(part, "lone-pdf") if no.code == "pdf" else _told(part, no)
    if isinstance(found, Refused):
        return found
    return [replace(each, source=part) for each in found]
