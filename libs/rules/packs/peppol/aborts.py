"""Where the official rules of Peppol give up on a schema-valid invoice: something stands twice that they take for one.

Such an invoice has no official verdict, so nobody may take it for valid: it is told with what stands twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Element, Group
from libs.rules.packs.peppol import numbers as check_digits
from libs.rules.packs.peppol.places import (
    BUYER,
    SELLER,
    danish,
    danish_both,
    danish_invoice,
    german_both,
    greek_sender,
    icelandic,
    norwegian,
    numbers,
    raw,
    registrations,
    swedish_vat,
)
from libs.rules.rule import Breach, Finish


def _twice(found: Iterable[Element]) -> Iterator[Breach]:
    several = [*found]
    if len(several) > 1:
        yield Breach(several[1], seen=str(len(several)), expected="1")


def _all(facts: Facts) -> Iterator[Breach]:
    root = facts.root
    for name in ("StartDate", "EndDate"):
        if facts.lines and any(line.at("InvoicePeriod", name) for line in facts.lines):
            yield from _twice(root.at("InvoicePeriod", name))
    if norwegian(facts):
        for party in root.within(SELLER, "Party"):
            yield from _twice(numbers(party, "TAX"))
            if any((leaf.text or "").startswith("NO") for leaf in numbers(party)):
                yield from _twice(numbers(party))
    if danish(facts):
        yield from _twice(root.at(SELLER, "Party", "PartyLegalEntity", "CompanyID"))
    if danish_both(facts):
        yield from _twice(root.at(BUYER, "Party", "PartyLegalEntity", "CompanyID"))
        for adjustment in facts.groups_everywhere("cac:AllowanceCharge"):
            if raw(adjustment, "AllowanceChargeReasonCode") == "ZZZ":
                yield from _twice(adjustment.at("AllowanceChargeReason"))
    if danish_invoice(facts):
        for means in root.groups.get("PaymentMeans", ()):
            if raw(means, "PaymentMeansCode") in ("50", "93"):
                yield from _twice(means.at("PaymentID"))
    if swedish_vat(facts):
        for party in root.within(SELLER, "Party"):
            yield from _twice(
                leaf for each in registrations(party) for leaf in each.leaves.get("CompanyID", ())
            )
    if greek_sender(facts):
        yield from _greek(facts)
    if icelandic(facts):
        yield from _icelandic(root)
    if german_both(facts) and len(root.groups.get("PaymentTerms", ())) > 1:
        notes = [each.leaves["Note"][0] for each in root.groups["PaymentTerms"] if "Note" in each.leaves]
        if any(line.strip().startswith("#") for note in notes for line in (note.text or "").splitlines()):
            yield from _twice(notes)


def _greek(facts: Facts) -> Iterator[Breach]:
    root = facts.root
    for role in (SELLER, BUYER):
        yield from _twice(root.at(role, "Party", "PartyName", "Name"))
    for leaf in root.leaves.get("ID", ()):
        parts = (leaf.text or "").split("|")
        if len(parts) > 2 and check_digits.is_number(parts[2]) and not check_digits.is_integer(parts[2]):
            yield Breach(leaf, seen=parts[2][:100])


def _icelandic(root: Group) -> Iterator[Breach]:
    for code in ("9", "42"):
        means = [
            each for each in root.groups.get("PaymentMeans", ()) if raw(each, "PaymentMeansCode") == code
        ]
        yield from _twice(leaf for each in means for leaf in each.at("PayeeFinancialAccount", "ID"))
    references = [
        each
        for each in root.groups.get("AdditionalDocumentReference", ())
        if any(leaf.text == "EINDAGI" for leaf in each.leaves.get("DocumentDescription", ()))
    ]
    yield from _twice(leaf for each in references for leaf in each.leaves.get("ID", ()))


ONCE = Finish("POSTBODE-ONCE", "fatal", (), _all)
