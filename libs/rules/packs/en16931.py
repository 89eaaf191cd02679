"""EN 16931, first part: mandatory terms and the arithmetic of the totals, as UBL 1.3.16 asks them.

Each check copies what the official assertion means on a schema-valid document, also where that is odd:
"exists" takes an empty element, an equation with an absent side does not hold, ``BR-27`` holds only where
there is a price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from libs.einvoice import totals
from libs.einvoice.facts import Facts, NotANumberError
from libs.einvoice.tree import Group
from libs.rules.packs.structure import NUMBERS, differences, needs, needs_line, of_totals
from libs.rules.rule import Breach, Check, Pack, Rule

_SELLER, _BUYER = "AccountingSupplierParty", "AccountingCustomerParty"
_QUANTITIES = ("InvoicedQuantity", "CreditedQuantity")


def _type_code(facts: Facts) -> Iterator[Breach]:
    if not any((leaf.text or "").strip() for leaf in facts.type_codes):
        kind = "CreditNote" if facts.is_credit_note else "Invoice"
        where = next(iter(facts.type_codes), facts.root.element)
        yield Breach(where, expected=f"cbc:{kind}TypeCode")


def _party_or_root(facts: Facts, role: str) -> Group:
    found = facts.root.within(role, "Party")
    return found[0] if found else facts.root


def _name(role: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        names = facts.root.at(role, "Party", "PartyLegalEntity", "RegistrationName")
        if not any((leaf.text or "").strip() for leaf in names):
            yield Breach(
                _party_or_root(facts, role).element, expected="cac:PartyLegalEntity/cbc:RegistrationName"
            )

    return check


def _one_name(role: str) -> Check:
    """The official rules abort on a second name before they can say so."""

    def check(facts: Facts) -> Iterator[Breach]:
        for name in facts.root.at(role, "Party", "PartyLegalEntity", "RegistrationName")[1:]:
            yield Breach(name, seen=(name.text or "")[:100])

    return check


def _address(role: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        if not facts.root.within(role, "Party", "PostalAddress"):
            yield Breach(_party_or_root(facts, role).element, expected="cac:PostalAddress")

    return check


def _country(role: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        for address in facts.root.within(role, "Party", "PostalAddress"):
            if not any((leaf.text or "").strip() for leaf in address.at("Country", "IdentificationCode")):
                yield Breach(address.element, expected="cac:Country/cbc:IdentificationCode")

    return check


def _total(name: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        for group in facts.totals:
            if group.leaf(name) is None:
                yield Breach(group.element, expected=f"cbc:{name}")

    return check


def _each_line(holds: Callable[[Group], bool], expected: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        for line in facts.lines:
            if not holds(line):
                yield Breach(line.element, expected=expected)

    return check


def _has_quantity(line: Group) -> bool:
    return any(name in line.leaves for name in _QUANTITIES)


def _has_unit(line: Group) -> bool:
    return any(leaf.get("unitCode") is not None for name in _QUANTITIES for leaf in line.leaves.get(name, ()))


def _has_item_name(line: Group) -> bool:
    item = line.group("Item")
    return item is not None and bool(item.text("Name"))


def _has_price(line: Group) -> bool:
    price = line.group("Price")
    return price is not None and "PriceAmount" in price.leaves


def _price(facts: Facts) -> Iterator[Breach]:
    for line in facts.lines:
        price = line.group("Price")
        try:
            value = None if price is None else facts.number(price, "PriceAmount")
        except NotANumberError:
            continue
        if value is None or value < 0:
            where = None if price is None else price.leaf("PriceAmount")
            yield Breach(line.element if where is None else where, expected="0.00 or more")


RULES: tuple[Rule, ...] = (
    Rule("BR-01", "fatal", ("BT-24",), needs("CustomizationID")),
    Rule("BR-02", "fatal", ("BT-1",), needs("ID")),
    Rule("BR-03", "fatal", ("BT-2",), needs("IssueDate")),
    Rule("BR-04", "fatal", ("BT-3",), _type_code),
    Rule("BR-05", "fatal", ("BT-5",), needs("DocumentCurrencyCode")),
    Rule("BR-06", "fatal", ("BT-27",), _name(_SELLER)),
    Rule("BR-07", "fatal", ("BT-44",), _name(_BUYER)),
    Rule("BR-08", "fatal", ("BG-5",), _address(_SELLER)),
    Rule("BR-09", "fatal", ("BT-40",), _country(_SELLER)),
    Rule("BR-10", "fatal", ("BG-8",), _address(_BUYER)),
    Rule("BR-11", "fatal", ("BT-55",), _country(_BUYER)),
    Rule("BR-12", "fatal", ("BT-106",), _total("LineExtensionAmount")),
    Rule("BR-13", "fatal", ("BT-109",), _total("TaxExclusiveAmount")),
    Rule("BR-14", "fatal", ("BT-112",), _total("TaxInclusiveAmount")),
    Rule("BR-15", "fatal", ("BT-115",), _total("PayableAmount")),
    Rule("BR-16", "fatal", ("BG-25",), needs_line),
    Rule("BR-21", "fatal", ("BT-126",), _each_line(lambda line: bool(line.text("ID")), "cbc:ID")),
    Rule("BR-22", "fatal", ("BT-129",), _each_line(_has_quantity, "cbc:InvoicedQuantity")),
    Rule("BR-23", "fatal", ("BT-130",), _each_line(_has_unit, "cbc:InvoicedQuantity/@unitCode")),
    Rule(
        "BR-24",
        "fatal",
        ("BT-131",),
        _each_line(lambda line: "LineExtensionAmount" in line.leaves, "cbc:LineExtensionAmount"),
    ),
    Rule("BR-25", "fatal", ("BT-153",), _each_line(_has_item_name, "cac:Item/cbc:Name")),
    Rule("BR-26", "fatal", ("BT-146",), _each_line(_has_price, "cac:Price/cbc:PriceAmount")),
    Rule("BR-27", "fatal", ("BT-146",), _price),
    Rule("UBL-SR-09", "fatal", ("BT-27",), _one_name(_SELLER)),
    Rule("UBL-SR-15", "fatal", ("BT-44",), _one_name(_BUYER)),
    Rule("BR-CO-10", "fatal", ("BT-106", "BT-131"), of_totals(totals.lines)),
    Rule(
        "BR-CO-11",
        "fatal",
        ("BT-107", "BT-92"),
        of_totals(lambda f, group: totals.adjustments(f, group, "AllowanceTotalAmount", charges=False)),
    ),
    Rule(
        "BR-CO-12",
        "fatal",
        ("BT-108", "BT-99"),
        of_totals(lambda f, group: totals.adjustments(f, group, "ChargeTotalAmount", charges=True)),
    ),
    Rule("BR-CO-13", "fatal", ("BT-109", "BT-106", "BT-107", "BT-108"), of_totals(totals.without_vat)),
    Rule(
        "BR-CO-14",
        "fatal",
        ("BT-110", "BT-117"),
        differences(lambda facts: (totals.vat(facts, group) for group in facts.tax_totals)),
    ),
    Rule("BR-CO-15", "fatal", ("BT-112", "BT-109", "BT-110"), differences(totals.with_vat)),
    Rule("BR-CO-16", "fatal", ("BT-115", "BT-112", "BT-113", "BT-114"), of_totals(totals.due)),
)

PACK = Pack("en16931", "EN16931-UBL 1.3.16, mandatory terms and totals", (*RULES, NUMBERS))
