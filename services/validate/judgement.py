"""From bytes to a judgement, and from a judgement to the fact that travels on. Pure.

::

    bytes ──rule engine──▶ Judgement (every finding, texts of bounded length) ──▶ row in verdict
                                └──▶ InvoiceValidated | InvoiceRejected (the first findings, fatal ones first)

An invoice may hold megabytes of text in one element and wrong lines by the thousand. Whatever is taken out of
it is cut to a bounded length here, so an event stays far below the 256 KB a message may have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from libs.contracts.invoice import (
    ACCOUNT_DIFFERS,
    GACCOUNT_UNNAMED,
    InvoiceReceived,
    InvoiceRejected,
    InvoiceValidated,
)
from libs.contracts.parts import Finding, InvoiceSummary, PartyFacts, Words
from libs.einvoice import detect
from libs.einvoice.printed import NOTHING, Printed
from libs.einvoice.refusals import refuse
from libs.errors import Refusal, Unprocessable
from libs.rules import engine

if TYPE_CHECKING:
    from services.validate.foreign import Judged

VerdictName = Literal["valid", "valid_with_warnings", "invalid"]

SHOWN = 20
"""Findings that travel in an event; the rest is read from ``GET /v1/check/{invoice_id}``."""
KEPT = 5_000
"""Findings that are stored and answered. More than any person reads; the counts say how many there were."""

_MESSAGE = 400
_DETAIL = 150
_PATH = 300
_NAME = 200
_SHORT = 100
_LISTED = 20
UNREADABLE = "unreadable"
_BESIDE = frozenset({ACCOUNT_DIFFERS, GACCOUNT_UNNAMED})
_FOREIGN = frozenset({"not-an-invoice", "pdf", "not-xml"})
"""How the engine refuses what may be an invoice in another syntax: its root, a PDF, our JSON."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say about one document. ``findings`` are in the order of the document."""

    rule_pack: str
    profile: str
    fatals: int
    warnings: int
    findings: tuple[Finding, ...]
    summary: InvoiceSummary
    pdf_accounts: tuple[str, ...] = ()
    """The accounts that its PDF names, where one to pay to is not among them."""

    @property
    def verdict(self) -> VerdictName:
        if self.fatals:
            return "invalid"
        return "valid_with_warnings" if self.warnings else "valid"

    @property
    def first(self) -> tuple[Finding, ...]:
        """The findings an event carries: fatal ones first, each kind in the order of the document."""
        return tuple(_fatal_first(self.findings)[:SHOWN])


def judge(
    data: bytes,
    pack: str | None = None,
    release: str | None = None,
    *,
    printed: Printed = NOTHING,
    today: date | None = None,
) -> Judgement:
    """Judge one document by the pack it claims, with the hub's own warnings beside it; or by ``pack`` and nothing else,
    which takes UBL alone. ``release`` names the one to take of a pack that has several; ``printed`` is what the PDF beside
    it says, ``today`` the (legal) day it came.

    Raises ``Unprocessable`` or ``TooLarge`` for what does not pass the byte gate and for what is no invoice in any
    syntax the hub reads, ``KeyError`` for an unknown pack.
    """
    verdict, findings = _verdict(data, pack, release, printed, today)
    fatals = sum(finding.severity == "fatal" for finding in findings)
    # Whatever is left out, it is not what makes the invoice invalid.
    kept = _fatal_first(findings)[:KEPT] if len(findings) > KEPT else findings
    in_order = sorted(kept, key=lambda finding: finding.line or 0)
    return Judgement(
        rule_pack=verdict.rule_pack,
        profile=verdict.profile,
        fatals=fatals,
        warnings=len(findings) - fatals,
        findings=tuple(_bounded(finding) for finding in in_order),
        summary=_bounded_summary(verdict.summary),
        pdf_accounts=printed.accounts[:_LISTED] if any(each.rule in _BESIDE for each in findings) else (),
    )


def _verdict(
    data: bytes, pack: str | None, release: str | None, printed: Printed, today: date | None
) -> tuple[engine.Verdict | Judged, Sequence[Finding]]:
    if pack is not None:
        try:
            named = engine.validate(data, pack, release)
        except Unprocessable as refusal:
            raise _ubl_only(data, refusal) from None
        return named, named.findings
    try:
        verdict = engine.validate(data) if release is None else engine.validate(data, release=release)
    except Unprocessable as refusal:
        if refusal.code not in _FOREIGN:
            raise
        # Loaded when such a document comes: readers of every syntax, and of PDF, are a weight that UBL does not need.
        from services.validate import foreign

        judged = foreign.validate(data, printed, today)
        return judged, judged.findings
    return verdict, (*verdict.findings, *engine.own(verdict, printed, today))


def _ubl_only(data: bytes, refusal: Unprocessable) -> Unprocessable:
    """What is an invoice in another syntax is told so: rules that are named read UBL alone."""
    if refusal.code != "not-an-invoice":
        return refusal
    try:
        syntax = detect.readable(data).syntax
    except Unprocessable:
        return refusal
    line = refusal.extra.get("line")
    return refuse("ubl-only", line if isinstance(line, int) else 1, seen=syntax)


def rejected_on_purpose(found: Judgement) -> Judgement:
    """For the receiver of the sandbox to which every invoice is wrong."""
    finding = Finding(
        rule="SANDBOX-REJECTED",
        severity="fatal",
        message=Words(
            nl="Voor deze ontvanger van de sandbox is elke factuur fout.",
            en="For this receiver of the sandbox every invoice is wrong.",
        ),
    )
    return replace(found, fatals=found.fatals + 1, findings=(finding, *found.findings))


def unreadable(refusal: Refusal, pack: str = UNREADABLE) -> Judgement:
    """What does not pass the gate: one fatal finding. A stored document may come to that when limits are tightened."""
    words = refusal.extra.get("words")
    message = (
        Words.model_validate(words)
        if isinstance(words, Mapping)
        else Words(nl=refusal.message, en=refusal.message)
    )
    line = refusal.extra.get("line")
    finding = Finding(
        rule=refusal.code,
        severity="fatal",
        line=line if isinstance(line, int) else None,
        message=message,
    )
    return Judgement(
        rule_pack=pack,
        profile=UNREADABLE,
        fatals=1,
        warnings=0,
        findings=(_bounded(finding),),
        summary=InvoiceSummary(),
    )


def fact(
    judgement: Judgement, received: InvoiceReceived, sequence: int
) -> InvoiceValidated | InvoiceRejected:
    """What the other services are told."""
    if judgement.fatals:
        return InvoiceRejected(
            invoice_id=received.invoice_id,
            account_id=received.account_id,
            sequence=sequence,
            rule_pack=judgement.rule_pack,
            summary=judgement.summary,
            fatals=judgement.fatals,
            findings=judgement.first,
        )
    return InvoiceValidated(
        invoice_id=received.invoice_id,
        account_id=received.account_id,
        sequence=sequence,
        rule_pack=judgement.rule_pack,
        original=received.original,
        pdf=received.pdf,
        summary=judgement.summary,
        warnings=judgement.warnings,
        findings=judgement.first,
        pdf_accounts=judgement.pdf_accounts,
        fields=received.fields,
    )


def _fatal_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.severity != "fatal")


def _bounded(finding: Finding) -> Finding:
    return finding.model_copy(
        update={
            "xpath": _path(finding.xpath),
            "seen": _cut_maybe(finding.seen, _SHORT),
            "expected": _cut_maybe(finding.expected, _DETAIL),
            "message": _cut_words(finding.message),
            "hint": _cut_words(finding.hint) if finding.hint else None,
        }
    )


def _bounded_summary(summary: InvoiceSummary) -> InvoiceSummary:
    # An identifier is kept whole or not at all: half a number would be another company's.
    return summary.model_copy(
        update={
            "number": _cut_maybe(summary.number, _SHORT),
            "type_code": _cut_maybe(summary.type_code, _SHORT),
            "currency": _cut_maybe(summary.currency, _SHORT),
            "pay_to": tuple(account for account in summary.pay_to if len(account) <= _SHORT),
            "payment_reference": _whole(summary.payment_reference),
            "seller": _bounded_party(summary.seller),
            "buyer": _bounded_party(summary.buyer),
            "candidates": tuple(
                candidate.model_copy(update={"path": _cut(candidate.path, _DETAIL)})
                for candidate in summary.candidates
                if len(candidate.identifier.value) <= _SHORT and len(candidate.identifier.scheme) <= _SHORT
            )[:_LISTED],
        }
    )


def _whole(text: str | None) -> str | None:
    return text if text is None or len(text) <= _SHORT else None


def _bounded_party(party: PartyFacts) -> PartyFacts:
    return party.model_copy(
        update={
            "name": _cut_maybe(party.name, _NAME),
            "country": _cut_maybe(party.country, _SHORT),
            "identifiers": tuple(
                i for i in party.identifiers if len(i.value) <= _SHORT and len(i.scheme) <= _SHORT
            )[:_LISTED],
        }
    )


def _cut_words(words: Words) -> Words:
    if len(words.nl) <= _MESSAGE and len(words.en) <= _MESSAGE:
        return words
    return Words(nl=_cut(words.nl, _MESSAGE), en=_cut(words.en, _MESSAGE))


def _path(xpath: str) -> str:
    """A path too long to keep becomes that of the nearest parent which is not: half a step would lead nowhere."""
    while len(xpath) > _PATH:
        xpath = xpath.rpartition("/")[0]
    return xpath


def _cut_maybe(text: str | None, most: int) -> str | None:
    return None if text is None else _cut(text, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
