"""What every document must hold to be delivered at all, whatever rules it follows.

These are rules of our own for documents without a rule pack here (SI-UBL 1.x, e-FFF, plain UBL): the rules of
EN 16931 reject habits that were right in the older formats, so they are never run on them. Differences in the
totals are only a warning there. ``NUMBERS`` belongs to every pack, and comes last: it reports what the rules
before it asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from libs.einvoice import totals
from libs.einvoice.facts import Facts, NotANumberError, Party
from libs.einvoice.tree import Group
from libs.rules.checks import difference, filled, shown, with_vat
from libs.rules.rule import Breach, Check, Finish, Pack, Rule

_TOTALS = "/cac:LegalMonetaryTotal"


def needs_line(facts: Facts, root: Group) -> Breach | None:
    """At least one line."""
    if facts.lines:
        return None
    name = "CreditNoteLine" if facts.is_credit_note else "InvoiceLine"
    return Breach(root.element, expected=f"cac:{name}")


def _named(pick: Callable[[Facts], Party | None], role: str) -> Check:
    def check(facts: Facts, root: Group) -> Breach | None:
        party = pick(facts)
        if party is None:
            return Breach(root.element, expected=f"cac:{role}")
        return (
            None if party.name is not None else Breach(party.group.element, expected="cac:PartyName/cbc:Name")
        )

    return check


def _payable(facts: Facts, root: Group) -> Breach | None:
    if not facts.totals:
        return Breach(root.element, expected="cac:LegalMonetaryTotal/cbc:PayableAmount")
    for group in facts.totals:
        if group.leaf("PayableAmount") is None:
            return Breach(group.element, expected="cbc:PayableAmount")
    return None


def _unreadable(facts: Facts) -> Iterator[Breach]:
    # Asked for here in any case, because the summary shows it.
    for group in facts.totals:
        try:
            facts.number(group, "PayableAmount")
        except NotANumberError:
            continue
    for element in facts.unreadable:
        yield Breach(element, seen=shown(element.text), expected="1234.56")


NUMBERS = Finish("POSTBODE-NUMBER", "fatal", (), _unreadable)

PACK = Pack(
    "ubl-2.1",
    "UBL 2.1 schema and rules of our own",
    (
        Rule("POSTBODE-ID", "fatal", ("BT-1",), filled("ID")),
        Rule("POSTBODE-DATE", "fatal", ("BT-2",), filled("IssueDate")),
        Rule("POSTBODE-SELLER", "fatal", ("BT-27",), _named(lambda f: f.seller, "AccountingSupplierParty")),
        Rule("POSTBODE-BUYER", "fatal", ("BT-44",), _named(lambda f: f.buyer, "AccountingCustomerParty")),
        Rule("POSTBODE-LINE", "fatal", ("BG-25",), needs_line),
        Rule("POSTBODE-PAYABLE", "fatal", ("BT-115",), _payable),
        Rule("POSTBODE-LINES", "warning", ("BT-106", "BT-131"), difference(totals.lines), _TOTALS),
        Rule("POSTBODE-VAT", "warning", ("BT-112",), difference(with_vat)),
        Rule("POSTBODE-DUE", "warning", ("BT-115",), difference(totals.due), _TOTALS),
    ),
    (NUMBERS,),
)

E_FFF = Pack("e-fff", "rules of our own for e-FFF, read with the schema of UBL 2.1", PACK.rules, PACK.finish)
"""The Belgian format of before Peppol. Nobody keeps its rules, so the verdict says by its name that these are ours."""

UBL_20 = Pack(
    "ubl-2.0", "rules of our own for UBL 2.0, read with the schema of UBL 2.1", PACK.rules, PACK.finish
)
"""UBL 2.0 shares its namespaces with 2.1, which only added to it: what is valid in the one is in the other."""
