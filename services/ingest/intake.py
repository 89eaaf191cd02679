"""Which of the parts handed over are invoices, and which PDF belongs to which. Pure.

The rules (R21-R24, R29): every XML is one upload; a PDF of the same name is that invoice's picture
(``pairing.py``); a PDF alone is not an invoice. Whoever hands over over the API gets an answer at once, so
there one bad part refuses the whole submission and nothing is stored; by mail the good parts go on and the
bad ones are quarantined, because nobody waits for an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.contracts.parts import Words
from libs.einvoice import detect, gate
from libs.errors import BadInput, HubError, TooLarge, Unprocessable
from services.ingest.pairing import pair
from services.ingest.part import Part
from services.ingest.words import REASONS

_NOT_XML = frozenset({"not-xml", "encoding"})
"""What the gate says about bytes that were never meant to be XML."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One invoice: its XML, and the PDF of the same name if there is one."""

    original: Part
    syntax: str
    pdf: Part | None = None


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
            done = _judge(part, pdf_of.get(position))
            if isinstance(done, Upload):
                uploads.append(done)
            else:
                refused.append(done)
    for number, position in enumerate(pictures):
        if number in pairing.ambiguous:
            refused.append(refuse(parts[position], "ambiguous-pdf"))
        elif number in pairing.lone:
            refused.append(refuse(parts[position], "lone-pdf"))
    return Sorted(tuple(uploads), tuple(refused))


def sort_strictly(parts: Sequence[Part]) -> tuple[Upload, ...]:
    """The same for a caller who waits. Raises the first refusal (422, 413), or 400 when there is nothing."""
    if not parts:
        nothing = REASONS["no-invoice"]
        raise BadInput(nothing.en, code="no-invoice", words=nothing.model_dump())
    done = sort(parts)
    if done.refused:
        raise as_error(done.refused[0])
    return done.uploads


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


def _judge(part: Part, pdf: Part | None) -> Upload | Refused:
    if part.wrapping:
        return refuse(part, part.wrapping)
    try:
        return Upload(part, detect.root(gate.check(part.data)).syntax, pdf)
    except (Unprocessable, TooLarge) as no:
        if no.code in _NOT_XML and not part.claims_xml:
            return refuse(part, "unknown-kind")
        line = no.extra.get("line")
        reason = Words.model_validate(no.extra["words"])
        return Refused(part, no.code, reason, line if isinstance(line, int) else None, pdf)
