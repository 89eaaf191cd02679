"""EN 16931: mandatory terms and the arithmetic of the totals, as UBL 1.3.16 asks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from libs.einvoice import money
from libs.einvoice.facts import Amount, Facts, Line, Party
from libs.rules.rule import Breach, Rule

Check = Callable[[Facts], Iterator[Breach]]
_ZERO = Decimal(0)


def _needs_text(name: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        found = facts.text(name)
        if found is None or not found.value:
            yield Breach(facts.root if found is None else found.element, expected=f"cbc:{name}")

    return check


def _type_code(facts: Facts) -> Iterator[Breach]:
    if facts.type_code is None or not facts.type_code.value:
        yield Breach(facts.root, expected="cbc:InvoiceTypeCode")


def _party(pick: Callable[[Facts], Party | None], breach: Callable[[Party], bool], expected: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        party = pick(facts)
        if party is None:
            yield Breach(facts.root, expected=expected)
        elif breach(party):
            yield Breach(party.element, expected=expected)

    return check


def _unnamed(party: Party) -> bool:
    return not any(name.value for name in party.registration_names)


def _no_address(party: Party) -> bool:
    return party.address is None


def _no_country(party: Party) -> bool:
    return party.address is not None and not party.country


def _needs_total(name: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        if name not in facts.totals:
            yield Breach(facts.root, expected=f"cac:LegalMonetaryTotal/cbc:{name}")

    return check


def _needs_line(facts: Facts) -> Iterator[Breach]:
    if not facts.lines:
        yield Breach(facts.root, expected="cac:InvoiceLine")


def _each_line(breach: Callable[[Line], bool], expected: str) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        for line in facts.lines:
            if breach(line):
                yield Breach(line.element, expected=expected)

    return check


def _value(amount: Amount | None) -> Decimal:
    return amount.value if amount is not None and amount.value is not None else _ZERO


def _total(facts: Facts, name: str) -> Decimal:
    return _value(facts.totals.get(name))


def _compare(facts: Facts, name: str, expected: Decimal) -> Iterator[Breach]:
    total = facts.totals.get(name)
    if total is not None and total.value is not None and total.value != expected:
        yield Breach(total.element, seen=str(total.value), expected=str(expected))


def _sum_of_lines(facts: Facts) -> Iterator[Breach]:
    expected = money.cents(sum((_value(line.net) for line in facts.lines), _ZERO))
    yield from _compare(facts, "LineExtensionAmount", expected)


def _sum_of_adjustments(name: str, *, charge: bool) -> Check:
    def check(facts: Facts) -> Iterator[Breach]:
        chosen = [a for a in facts.adjustments if a.charge is charge]
        expected = money.cents(sum((_value(a.amount) for a in chosen), _ZERO))
        if name in facts.totals:
            yield from _compare(facts, name, expected)
        elif chosen:
            yield Breach(chosen[0].element, expected=f"cbc:{name} = {expected}")

    return check


def _without_vat(facts: Facts) -> Iterator[Breach]:
    expected = (
        _total(facts, "LineExtensionAmount")
        - _total(facts, "AllowanceTotalAmount")
        + _total(facts, "ChargeTotalAmount")
    )
    yield from _compare(facts, "TaxExclusiveAmount", money.cents(expected))


def _sum_of_vat(facts: Facts) -> Iterator[Breach]:
    for total in facts.tax_totals:
        if total.subtotals and total.amount is not None and total.amount.value is not None:
            expected = money.cents(sum((_value(s.tax) for s in total.subtotals), _ZERO))
            if total.amount.value != expected:
                yield Breach(total.amount.element, seen=str(total.amount.value), expected=str(expected))


def _with_vat(facts: Facts) -> Iterator[Breach]:
    own = [t.amount for t in facts.tax_totals if t.amount is not None and t.amount.currency == facts.currency]
    total = facts.totals.get("TaxInclusiveAmount")
    if total is None:
        return
    if len(own) != 1:
        yield Breach(facts.root, seen=str(len(own)), expected="one cac:TaxTotal in the invoice currency")
        return
    yield from _compare(
        facts, "TaxInclusiveAmount", money.cents(_total(facts, "TaxExclusiveAmount") + _value(own[0]))
    )


def _due(facts: Facts) -> Iterator[Breach]:
    expected = (
        _total(facts, "TaxInclusiveAmount")
        - _total(facts, "PrepaidAmount")
        + _total(facts, "PayableRoundingAmount")
    )
    yield from _compare(facts, "PayableAmount", money.cents(expected))


def _numbers(facts: Facts) -> Iterator[Breach]:
    """What should be a number and is none: named here, so that no sum has to guess."""
    amounts = [*facts.totals.values()]
    amounts += [a for line in facts.lines for a in (line.net, line.quantity, line.price) if a is not None]
    amounts += [a.amount for a in facts.adjustments if a.amount is not None]
    for total in facts.tax_totals:
        amounts += [a for a in (total.amount, *(s.tax for s in total.subtotals)) if a is not None]
    for amount in amounts:
        if amount.value is None:
            yield Breach(amount.element, seen=(amount.element.text or "")[:100], expected="123.45")


PACK: tuple[Rule, ...] = (
    Rule("BR-01", "fatal", ("BT-24",), _needs_text("CustomizationID")),
    Rule("BR-02", "fatal", ("BT-1",), _needs_text("ID")),
    Rule("BR-03", "fatal", ("BT-2",), _needs_text("IssueDate")),
    Rule("BR-04", "fatal", ("BT-3",), _type_code),
    Rule("BR-05", "fatal", ("BT-5",), _needs_text("DocumentCurrencyCode")),
    Rule("BR-06", "fatal", ("BT-27",), _party(lambda f: f.seller, _unnamed, "cbc:RegistrationName")),
    Rule("BR-07", "fatal", ("BT-44",), _party(lambda f: f.buyer, _unnamed, "cbc:RegistrationName")),
    Rule("BR-08", "fatal", ("BG-5",), _party(lambda f: f.seller, _no_address, "cac:PostalAddress")),
    Rule("BR-09", "fatal", ("BT-40",), _party(lambda f: f.seller, _no_country, "cac:Country")),
    Rule("BR-10", "fatal", ("BG-8",), _party(lambda f: f.buyer, _no_address, "cac:PostalAddress")),
    Rule("BR-11", "fatal", ("BT-55",), _party(lambda f: f.buyer, _no_country, "cac:Country")),
    Rule("BR-12", "fatal", ("BT-106",), _needs_total("LineExtensionAmount")),
    Rule("BR-13", "fatal", ("BT-109",), _needs_total("TaxExclusiveAmount")),
    Rule("BR-14", "fatal", ("BT-112",), _needs_total("TaxInclusiveAmount")),
    Rule("BR-15", "fatal", ("BT-115",), _needs_total("PayableAmount")),
    Rule("BR-16", "fatal", ("BG-25",), _needs_line),
    Rule(
        "BR-21",
        "fatal",
        ("BT-126",),
        _each_line(lambda x: not (x.identifier and x.identifier.value), "cbc:ID"),
    ),
    Rule("BR-22", "fatal", ("BT-129",), _each_line(lambda x: x.quantity is None, "cbc:InvoicedQuantity")),
    Rule("BR-24", "fatal", ("BT-131",), _each_line(lambda x: x.net is None, "cbc:LineExtensionAmount")),
    Rule(
        "BR-25",
        "fatal",
        ("BT-153",),
        _each_line(lambda x: not (x.item_name and x.item_name.value), "cbc:Name"),
    ),
    Rule("BR-26", "fatal", ("BT-146",), _each_line(lambda x: x.price is None, "cac:Price")),
    Rule("BR-CO-10", "fatal", ("BT-106", "BT-131"), _sum_of_lines),
    Rule("BR-CO-11", "fatal", ("BT-107", "BT-92"), _sum_of_adjustments("AllowanceTotalAmount", charge=False)),
    Rule("BR-CO-12", "fatal", ("BT-108", "BT-99"), _sum_of_adjustments("ChargeTotalAmount", charge=True)),
    Rule("BR-CO-13", "fatal", ("BT-109",), _without_vat),
    Rule("BR-CO-14", "fatal", ("BT-110", "BT-117"), _sum_of_vat),
    Rule("BR-CO-15", "fatal", ("BT-112",), _with_vat),
    Rule("BR-CO-16", "fatal", ("BT-115",), _due),
    Rule("POSTBODE-NUMBER", "fatal", (), _numbers),
)

PLAIN: tuple[Rule, ...] = tuple(
    rule for rule in PACK if rule.id in ("BR-02", "BR-03", "BR-15", "BR-16", "POSTBODE-NUMBER")
)
"""For documents of no rule pack we carry (SI-UBL 1.x, e-FFF): without these there is no invoice to deliver."""
