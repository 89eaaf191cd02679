"""Invoices that are not UBL, judged as what they say: read into the model, written as UBL, judged by EN 16931. Of a PDF
with UBL inside that is judged as it stands. Pure.

The rules know UBL alone and never the model. So a finding about such a document names the business term; its line is
known only where a reader could not make sense of something.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from libs.contracts.parts import Finding, InvoiceSummary, Words
from libs.einvoice import documents, encoding
from libs.einvoice.documents import Document
from libs.einvoice.formats import adres_2, hybrid, ubl_dialects
from libs.einvoice.printed import NOTHING, Printed
from libs.errors import Unprocessable
from libs.rules import engine

PACK = "en16931"
"""Nobody's rules for CII or eExact are run here. The verdict's name says whose they are and of what they were asked:
``en16931-cii``, ``en16931-eexact``, ``en16931-finvoice``, ``en16931-json``."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rule engine says of UBL, said of something else."""

    rule_pack: str
    profile: str
    findings: tuple[Finding, ...]
    summary: InvoiceSummary


_SEVERAL = Finding(
    rule="POSTBODE-SEVERAL",
    severity="fatal",
    message=Words(
        nl="Dit bestand bevat meer dan een factuur. Controleer ze een voor een; bij het aanleveren splitst de hub het.",
        en="This file holds more than one invoice. Check them one by one; when handed over, the hub takes it apart.",
    ),
)
_NO_ADDRESS = Finding(
    rule="POSTBODE-SELLER",
    severity="fatal",
    terms=("BG-5",),
    message=Words(
        nl="Een eExact-factuur noemt geen verkoper; dat is uw account, en daar ontbreekt het adres. "
        "Vul het adres van uw account aan en stuur het bestand opnieuw.",
        en="An eExact invoice names no seller; that is your account, which has no address. "
        "Add the address to your account and send the file again.",
    ),
)


_MISSING = "READ-MISSING"


def _fits_nothing(finding: Finding) -> bool:
    return finding.severity == "fatal" and finding.xpath == "/postbode_invoice"


def validate(data: bytes, printed: Printed = NOTHING, today: date | None = None) -> Judged:
    """Judge one document of a syntax that is not UBL; ``printed`` is what the PDF beside it says, ``today`` the day it
    came.

    Raises ``Unprocessable`` or ``TooLarge`` for what is no invoice in any syntax the hub reads.
    """
    inside = _ubl_inside(data) if encoding.is_pdf(data) else None
    if inside is not None:
        return inside
    found = documents.read(data)
    verdict = _validate(found[0], printed, today)
    if len(found) > 1:
        return replace(verdict, findings=(_SEVERAL, *verdict.findings))
    return verdict


def _ubl_inside(data: bytes) -> Judged | None:
    """The verdict on the UBL in a PDF, by what that claims: so the hub judges it too, once it has taken it out. None
    where something else is inside. Its lines are not those of the file."""
    try:
        verdict = engine.validate(hybrid.extract(data).xml)
    except Unprocessable as refusal:
        if refusal.code != "not-an-invoice":
            raise
        return None
    findings = (*verdict.findings, *engine.own(verdict))
    return Judged(
        verdict.rule_pack,
        verdict.profile,
        tuple(each.model_copy(update={"line": None}) for each in findings),
        verdict.summary,
    )


def _validate(document: Document, printed: Printed, today: date | None) -> Judged:
    read = document.read
    invoice, _ = adres_2.settle(read.invoice)
    judged = engine.validate(ubl_dialects.ubl_21(invoice).data, PACK)
    findings = [*read.findings]
    seller = read.invoice.seller
    if document.syntax == "eexact" and (seller is None or seller.postal_address is None):
        findings.append(_NO_ADDRESS)
    if document.syntax == "json" and any(_fits_nothing(each) for each in read.findings):
        # Nothing was read, so the rules would miss everything: it is said once that this is no invoice of ours.
        by_rules: list[Finding] = []
    else:
        # Places in what we wrote would lead nowhere in what the sender has.
        said = (*judged.findings, *engine.unlikely(judged, printed, today))
        by_rules = [each.model_copy(update={"line": None, "xpath": ""}) for each in said]
    # What the rules miss, with where to mend it, need not be missed by the reader too.
    missed = {term for each in by_rules if each.severity == "fatal" for term in each.terms}
    findings = [each for each in findings if each.rule != _MISSING or not missed.intersection(each.terms)]
    findings += by_rules
    return Judged(
        rule_pack=f"{PACK}-{document.syntax}",
        profile=judged.profile,
        findings=tuple(findings),
        summary=judged.summary.model_copy(
            update={"candidates": read.candidates or judged.summary.candidates}
        ),
    )
