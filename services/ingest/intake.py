"""Which of the parts handed over are invoices, and which PDF belongs to which. Pure.

The rules (R21-R24, R29): every XML is one upload; a PDF of the same name is that invoice's picture
(``pairing.py``); a PDF alone is not an invoice. Whoever hands over over the API gets an answer at once, so
there one bad part refuses the whole submission and nothing is stored; by mail the good parts go on and the
bad ones are quarantined, because nobody waits for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from libs.contracts.parts import Words
from libs.einvoice import detect, gate
from libs.errors import BadInput, HubError, TooLarge, Unprocessable
from services.ingest import names
from services.ingest.pairing import pair

LONE_PDF = Words(
    nl="Een PDF alleen is geen e-factuur. Stuur de XML mee, met dezelfde bestandsnaam als de PDF.",
    en="A PDF on its own is not an e-invoice. Send the XML with it, under the same file name as the PDF.",
)
AMBIGUOUS_PDF = Words(
    nl="Meer dan één bestand heeft deze naam. Het is niet te zien bij welke factuur deze PDF hoort. "
    "Geef elke factuur een eigen naam, haar PDF dezelfde, en stuur ze opnieuw.",
    en="More than one file has this name. Nobody can tell to which invoice this PDF belongs. "
    "Give every invoice a name of its own, its PDF the same, and send them again.",
)
NOTHING = Words(
    nl="Er zit geen factuur in dit bericht. Voeg de factuur als XML-bestand (UBL) toe.",
    en="There is no invoice in this message. Attach the invoice as an XML (UBL) file.",
)
UNKNOWN_KIND = Words(
    nl="Dit bestand is geen XML en geen PDF. Stuur de factuur als XML-bestand (UBL).",
    en="This file is neither XML nor PDF. Send the invoice as an XML (UBL) file.",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One file as it was handed over. Its name is decoded and clean, whoever sent it."""

    data: bytes
    filename: str | None = None
    stem: str = field(init=False, repr=False)
    """What it is paired by; empty when it has no name."""

    def __post_init__(self) -> None:
        name = names.decoded(self.filename or "")
        object.__setattr__(self, "stem", names.stem(name))
        object.__setattr__(self, "filename", names.shown(name))

    @property
    def is_pdf(self) -> bool:
        return self.data[:5] == b"%PDF-"


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
    pdfs = [part for part in parts if part.is_pdf]
    xmls = [part for part in parts if not part.is_pdf]
    pairing = pair([part.stem for part in xmls], [part.stem for part in pdfs])
    uploads: list[Upload] = []
    refused: list[Refused] = []
    for position, part in enumerate(xmls):
        pdf = pdfs[pairing.pdf_of[position]] if position in pairing.pdf_of else None
        try:
            uploads.append(Upload(part, detect.root(gate.check(part.data)).syntax, pdf))
        except (Unprocessable, TooLarge) as no:
            refused.append(_refusal(part, no, pdf))
    for position, part in enumerate(pdfs):
        if position in pairing.ambiguous:
            refused.append(Refused(part, "ambiguous-pdf", AMBIGUOUS_PDF))
        elif position in pairing.lone:
            refused.append(Refused(part, "lone-pdf", LONE_PDF))
    return Sorted(tuple(uploads), tuple(refused))


def sort_strictly(parts: Sequence[Part]) -> tuple[Upload, ...]:
    """The same for a caller who waits. Raises the first refusal (422, 413), or 400 when there is nothing."""
    if not parts:
        raise BadInput(NOTHING.en, code="no-invoice", words=NOTHING.model_dump())
    done = sort(parts)
    if done.refused:
        raise as_error(done.refused[0])
    return done.uploads


def as_error(refused: Refused) -> HubError:
    """A refusal as the error an API caller reads."""
    extra: dict[str, Any] = {"words": refused.reason.model_dump()}
    if refused.line is not None:
        extra["line"] = refused.line
    if refused.part.filename:
        extra["filename"] = refused.part.filename
    kind = TooLarge if refused.code == TooLarge.slug else Unprocessable
    return kind(refused.reason.en, code=refused.code, **extra)


def _refusal(part: Part, error: HubError, pdf: Part | None) -> Refused:
    words = error.extra.get("words")
    reason = (
        Words.model_validate(words)
        if isinstance(words, Mapping)
        else Words(nl=UNKNOWN_KIND.nl, en=error.message)
    )
    line = error.extra.get("line")
    return Refused(part, error.code, reason, line if isinstance(line, int) else None, pdf)
