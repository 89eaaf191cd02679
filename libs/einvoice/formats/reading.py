"""What a reader hands back besides the invoice: what it could not read, did not know, or took by a stated rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from lxml import etree

from libs.contracts.parts import Finding, ReceiverCandidate, Words
from libs.einvoice.model import Invoice
from libs.einvoice.receivers import Found
from libs.einvoice.tree import Element, line_of

MOST = 200
"""Findings and unread places that are kept of one document; the next thousand say the same."""

_LONGEST = 100

# Text beside elements, in libxml2's own loop: asked of every document, and nearly always of none. What an extension
# holds is its own affair.
_STRAY = etree.XPath(
    "descendant-or-self::*[*][text()[normalize-space()]][not(ancestor-or-self::*[local-name()='UBLExtensions'])]"
)

# code → (Dutch, English)
_WORDS: dict[str, tuple[str, str]] = {
    "READ-NUMBER": (
        "Dit is geen getal dat de hub kan lezen (hoogstens 18 cijfers voor en 10 achter de punt). "
        "Verbeter het bedrag of aantal in uw pakket en stuur de factuur opnieuw.",
        "This is not a number the hub can read (at most 18 digits before and 10 behind the point). "
        "Correct the amount or quantity in your software and send the invoice again.",
    ),
    "READ-DATE": (
        "Dit is geen geldige datum (jjjj-mm-dd). Verbeter de datum in uw pakket en stuur de factuur opnieuw.",
        "This is not a valid date (yyyy-mm-dd). Correct the date in your software and send the invoice again.",
    ),
    "READ-ATTACHMENT": (
        "De bijlage in de factuur is beschadigd (geen base64). Voeg de bijlage opnieuw toe en stuur de factuur nog eens.",
        "The attachment inside the invoice is damaged (not base64). Attach it again and send the invoice once more.",
    ),
    "READ-MISSING": (
        "Dit verplichte onderdeel van een factuur ontbreekt. Vul het in uw pakket in en stuur de factuur opnieuw.",
        "This mandatory part of an invoice is missing. Fill it in in your software and send the invoice again.",
    ),
    "READ-JSON": (
        "Dit past niet in het schema van onze JSON. Vergelijk het met docs/formats/invoice.schema.json.",
        "This does not fit the schema of our JSON. Compare it with docs/formats/invoice.schema.json.",
    ),
    "READ-TWICE": (
        "Deze naam staat twee keer in hetzelfde onderdeel; de hub kan niet weten welke geldt. Laat er een over.",
        "This name stands twice in the same part; the hub cannot know which one counts. Leave one of them.",
    ),
    "READ-TEXT": (
        "Deze tekst bevat een teken dat in geen e-factuur kan staan. Haal het teken weg en stuur de factuur opnieuw.",
        "This text holds a character that no e-invoice can hold. Take it out and send the invoice again.",
    ),
    "READ-FREIGHT": (
        "Deze factuur heeft vrachtkosten buiten de regels, zonder btw-code: het totaal zou zonder die kosten zijn. "
        "Zet ze in uw pakket op een factuurregel, of stuur de UBL die uw pakket maakt.",
        "This invoice has freight outside its lines, without a VAT code: the total would leave it out. "
        "Put it on an invoice line in your software, or send the UBL your software makes.",
    ),
    "READ-STRAY": (
        "Hier staat tekst en een element door elkaar; de hub kan niet weten wat de waarde is. "
        "Laat uw pakket de factuur opnieuw maken zonder elementen in of tekst tussen de waarden.",
        "Text and an element stand here side by side; the hub cannot know what the value is. "
        "Have your software make the invoice again without elements inside or text between the values.",
    ),
    "READ-MIXED": (
        "Dit element hoort bij een andere versie van het formaat dan de rest van het bestand. "
        "Laat uw pakket de factuur opnieuw maken in één formaat.",
        "This element belongs to another version of the format than the rest of the file. "
        "Have your software make the invoice again in one format.",
    ),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A term that the document does not give in its own place and that a stated rule supplied."""

    term: str
    value: str
    rule: Words


@dataclass(frozen=True, slots=True)
class Read:
    """An invoice as it was read. ``unread`` are places of the document that hold text and that the model has no
    term for, or that repeat a term which may occur once."""

    invoice: Invoice
    candidates: tuple[ReceiverCandidate, ...] = ()
    """Whom the document may be for, most trusted first. Empty for UBL, where the rules' facts say it."""
    findings: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()
    filled: tuple[Filled, ...] = ()


@dataclass(slots=True)
class Reading:
    """What gathers while a document is read."""

    prefixes: dict[str, str]
    currency: str | None = None
    """The currency of amounts that name none, in syntaxes that say it once for all."""
    findings: list[Finding] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    filled: list[Filled] = field(default_factory=list)

    def wrong(self, code: str, element: Element, *, term: str = "", seen: str | None = None) -> None:
        """Note that ``element`` cannot be read."""
        if len(self.findings) < MOST:
            self.findings.append(
                finding(
                    code,
                    terms=(term,) if term else (),
                    xpath=self.path(element),
                    line=line_of(element),
                    seen=seen,
                )
            )

    def stray(self, root: Element) -> None:
        """A finding for each element below ``root`` that holds text beside elements: no value can be read from it."""
        for each in cast("list[Element]", _STRAY(root)):
            text = " ".join("".join((each.text or "", *(child.tail or "" for child in each))).split())
            self.wrong("READ-STRAY", each, seen=text)

    def left(self, element: Element) -> None:
        """Note every text below ``element`` as unread."""
        for each in element.iter("*"):
            if len(self.unread) >= MOST:
                return
            if len(each) == 0 and each.text is not None and each.text.strip():
                self.unread.append(self.path(each))

    def took(self, term: str, value: str, nl: str, en: str) -> None:
        """Note that a rule supplied a value."""
        if len(self.filled) < MOST:
            self.filled.append(Filled(term, value[:_LONGEST], Words(nl=nl, en=en)))

    def path(self, element: Element) -> str:
        """Where ``element`` stands: steps with the usual prefixes, without positions."""
        steps: list[str] = []
        here: Element | None = element
        while here is not None:
            namespace, _, local = here.tag.rpartition("}")
            steps.append(f"{self.prefixes.get(namespace[1:], '')}{local}")
            here = here.getparent()
        return "/" + "/".join(reversed(steps))

    def done(self, invoice: Invoice, candidates: Sequence[Found] = ()) -> Read:
        return Read(
            invoice,
            tuple(ReceiverCandidate(identifier=each.identifier, path=each.path) for each in candidates),
            tuple(self.findings),
            tuple(self.unread),
            tuple(self.filled),
        )

    def require(self, root: Element, present: Iterable[tuple[str, str, object]]) -> None:
        """A finding for each (term, path, value) without a value."""
        for term, path, value in present:
            if value is None or value == ():
                self.findings.append(
                    finding(
                        "READ-MISSING", terms=(term,), xpath=f"{self.path(root)}/{path}", line=line_of(root)
                    )
                )


def finding(
    code: str,
    *,
    terms: tuple[str, ...] = (),
    xpath: str = "",
    line: int | None = None,
    seen: str | None = None,
) -> Finding:
    """A fatal finding of a reader, one of ``READ-…``."""
    nl, en = _WORDS[code]
    return Finding(
        rule=code,
        severity="fatal",
        terms=terms,
        xpath=xpath,
        line=line,
        seen=seen[:_LONGEST] if seen is not None else None,
        message=Words(nl=nl, en=en),
    )
