"""What every document must hold to be delivered at all, whatever rules it follows.

These are rules of our own for documents without a rule pack here (SI-UBL 1.x, e-FFF, plain UBL): the rules of
EN 16931 reject habits that were right in the older formats, so they are never run on them. Differences in the
totals are only a warning there. ``NUMBERS`` belongs to every pack, and stands last: it reports what the rules
before it asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from libs.einvoice import totals
from libs.einvoice.facts import Facts, NotANumberError, Party
from libs.einvoice.money import plain
from libs.einvoice.totals import Difference
from libs.einvoice.tree import Group
from libs.rules.rule import Breach, Check, Pack, Rule

_SHOWN = 100


def differences(find: Callable[[Facts], Iterator[Difference | None]]) -> Check:
    """A check out of a comparison; where a number cannot be read, ``NUMBERS`` speaks instead."""

    def check(facts: Facts) -> Iterator[Breach]:
        try:
            for found in find(facts):
                if found is not None:
                    yield Breach(
                        found.element,
                        None if found.seen is None else plain(found.seen),
                        None if found.expected is None else plain(found.expected),
                    )
        except NotANumberError:
            return

    return check


def of_totals(compare: Callable[[Facts, Group], Difference | None]) -> Check:
    """A comparison for each LegalMonetaryTotal."""
    return differences(lambda facts: (compare(facts, group) for group in facts.totals))


def needs(name: str, *, expected: str | None = None) -> Check:
    """A basic element under the root that is there and not blank."""

    def check(facts: Facts) -> Iterator[Breach]:
        if not facts.root.text(name):
            leaf = facts.root.leaf(name)
            yield Breach(facts.root.element if leaf is None else leaf, expected=expected or f"cbc:{name}")

    return check


def _named(pick: Callable[[Facts], Party | None], role: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        party = pick(facts)
        if party is None:
            yield Breach(facts.root.element, expected=f"cac:{role}")
        elif party.name is None:
            yield Breach(party.group.element, expected="cac:PartyName/cbc:Name")

    return check


def needs_line(facts: Facts) -> Iterator[Breach]:
    """At least one line."""
    if not facts.lines:
        name = "CreditNoteLine" if facts.is_credit_note else "InvoiceLine"
        yield Breach(facts.root.element, expected=f"cac:{name}")


def _payable(facts: Facts) -> Iterator[Breach]:
    if not facts.totals:
        yield Breach(facts.root.element, expected="cac:LegalMonetaryTotal/cbc:PayableAmount")
    for group in facts.totals:
        if group.leaf("PayableAmount") is None:
            yield Breach(group.element, expected="cbc:PayableAmount")


def _unreadable(facts: Facts) -> Iterator[Breach]:
    # Asked for here in any case, because the summary shows it.
    for group in facts.totals:
        try:
            facts.number(group, "PayableAmount")
        except NotANumberError:
            continue
    for element in facts.unreadable:
        yield Breach(element, seen=(element.text or "")[:_SHOWN], expected="1234.56")


NUMBERS = Rule("POSTBODE-NUMBER", "fatal", (), _unreadable)

PACK = Pack(
    "ubl-2.1",
    "UBL 2.1 schema and rules of our own",
    (
        Rule("POSTBODE-ID", "fatal", ("BT-1",), needs("ID")),
        Rule("POSTBODE-DATE", "fatal", ("BT-2",), needs("IssueDate")),
        Rule("POSTBODE-SELLER", "fatal", ("BT-27",), _named(lambda f: f.seller, "AccountingSupplierParty")),
        Rule("POSTBODE-BUYER", "fatal", ("BT-44",), _named(lambda f: f.buyer, "AccountingCustomerParty")),
        Rule("POSTBODE-LINE", "fatal", ("BG-25",), needs_line),
        Rule("POSTBODE-PAYABLE", "fatal", ("BT-115",), _payable),
        Rule("POSTBODE-LINES", "warning", ("BT-106", "BT-131"), of_totals(totals.lines)),
        Rule("POSTBODE-VAT", "warning", ("BT-112",), differences(totals.with_vat)),
        Rule("POSTBODE-DUE", "warning", ("BT-115",), of_totals(totals.due)),
        NUMBERS,
    ),
)
