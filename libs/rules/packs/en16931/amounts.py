"""EN 16931: arithmetic and conditions between fields (BR-CO), decimals (BR-DEC), as UBL 1.3.16 asks them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from libs.einvoice import totals
from libs.einvoice.facts import Facts, is_vat
from libs.einvoice.money import EXACT, plain
from libs.einvoice.totals import Difference
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import cents_at_most, difference, exists, shown, with_vat
from libs.rules.packs.en16931 import breakdown
from libs.rules.packs.en16931.places import (
    CHARGE_OR_ALLOWANCE,
    LINE,
    LINE_CHARGE_OR_ALLOWANCE,
    PERIOD,
    SUBTOTAL,
    allowance,
    charge,
    vat_groups,
    vat_items,
)
from libs.rules.rule import Breach, Check, Rule, never

_TOTALS = "cac:LegalMonetaryTotal"


def _period_code(facts: Facts) -> bool:
    return bool(facts.root.at("InvoicePeriod", "DescriptionCode"))


def _tax_point(facts: Facts, point: Element) -> Breach | None:
    return Breach(point, seen=shown(point.text)) if facts.once(_period_code) else None


def _vat_line(_: Facts, line: Group) -> Breach | None:
    for item in line.groups.get("Item", ()):
        if vat_items(item, "ClassifiedTaxCategory", "ID"):
            return None
    return Breach(line.element, expected="Item/ClassifiedTaxCategory/ID")


def _prefix(_: Facts, scheme: Group) -> Breach | None:
    """BT-31, BT-63 and BT-48 begin with a country code. The official rule looks for the two characters in the
    list as one text, so an empty number holds."""
    if not is_vat(scheme):
        return None
    for leaf in scheme.leaves.get("CompanyID", ()):
        if (leaf.text or "")[:2] not in _PREFIXES:
            return Breach(leaf, seen=shown(leaf.text), expected="NL…, BE…")
    return None


_PREFIXES = f" {codelists.written('vat_prefix')} "


def _whole(value: Decimal) -> Decimal:
    """XPath ``round``."""
    return EXACT.to_integral_value(EXACT.add(value, Decimal("0.5")))


def _tax(facts: Facts, subtotal: Group) -> Breach | None:
    """BT-117 = BT-116 × BT-119."""
    tax = facts.number(subtotal, "TaxAmount")
    rates = [
        rate
        for category in vat_groups(subtotal, "TaxCategory")
        if (rate := facts.number(category, "Percent")) is not None
    ]
    leaf = subtotal.leaf("TaxAmount")
    where: Element = subtotal.element if leaf is None else leaf
    if tax is None:
        return Breach(where, expected="TaxAmount")
    if not rates or _whole(rates[0]) == 0:
        return None if _whole(tax) == 0 else Breach(where, seen=plain(tax), expected="0.00")
    base = facts.number(subtotal, "TaxableAmount")
    if base is not None and breakdown.near(tax, base, rates[0]):
        return None
    expected = None if base is None else plain(breakdown.tax(base, rates[0]))
    return Breach(where, seen=plain(tax), expected=expected)


def _some_period(_: Facts, period: Group) -> Breach | None:
    if any(name in period.leaves for name in ("StartDate", "EndDate", "DescriptionCode")):
        return None
    return Breach(period.element, expected="StartDate, EndDate")


def _adjusted(name: str, *, charges: bool) -> Callable[[Facts, Group], Difference | None]:
    return lambda facts, group: totals.adjustments(facts, group, name, charges=charges)


_REASON = exists("AllowanceChargeReason", "AllowanceChargeReasonCode")
_DOCUMENT, _OF_LINE = CHARGE_OR_ALLOWANCE, LINE_CHARGE_OR_ALLOWANCE


def _decimals(
    number: int, term: str, name: str, where: str, only: Callable[[Check], Check] | None = None
) -> Rule:
    check = cents_at_most(name)
    return Rule(f"BR-DEC-{number:02}", "fatal", (term,), only(check) if only else check, where)


RULES: tuple[Rule, ...] = (
    Rule("BR-CO-03", "fatal", ("BT-7", "BT-8"), _tax_point, "/cbc:TaxPointDate"),
    Rule("BR-CO-04", "fatal", ("BT-151",), _vat_line, LINE),
    Rule("BR-CO-05", "fatal", ("BT-97", "BT-98"), never, _DOCUMENT),
    Rule("BR-CO-06", "fatal", ("BT-104", "BT-105"), never, _DOCUMENT),
    Rule("BR-CO-07", "fatal", ("BT-139", "BT-140"), never, _OF_LINE),
    Rule("BR-CO-08", "fatal", ("BT-144", "BT-145"), never, _OF_LINE),
    Rule("BR-CO-09", "fatal", ("BT-31", "BT-48", "BT-63"), _prefix, "cac:PartyTaxScheme"),
    Rule("BR-CO-10", "fatal", ("BT-106", "BT-131"), difference(totals.lines), _TOTALS),
    Rule("BR-CO-11", "fatal", ("BT-107", "BT-92"),
         difference(_adjusted("AllowanceTotalAmount", charges=False)), _TOTALS),
    Rule("BR-CO-12", "fatal", ("BT-108", "BT-99"),
         difference(_adjusted("ChargeTotalAmount", charges=True)), _TOTALS),
    Rule("BR-CO-13", "fatal", ("BT-109", "BT-106", "BT-107", "BT-108"), difference(totals.without_vat), _TOTALS),
    Rule("BR-CO-14", "fatal", ("BT-110", "BT-117"), difference(totals.vat), "/cac:TaxTotal"),
    Rule("BR-CO-15", "fatal", ("BT-112", "BT-109", "BT-110"), difference(with_vat)),
    Rule("BR-CO-16", "fatal", ("BT-115", "BT-112", "BT-113", "BT-114"), difference(totals.due), _TOTALS),
    Rule("BR-CO-17", "fatal", ("BT-117", "BT-116", "BT-119"), _tax, SUBTOTAL),
    Rule("BR-CO-18", "fatal", ("BG-23",), exists("TaxTotal/TaxSubtotal")),
    Rule("BR-CO-19", "fatal", ("BT-73", "BT-74"), _some_period, PERIOD),
    Rule("BR-CO-20", "fatal", ("BT-134", "BT-135"), exists("StartDate", "EndDate"), "Line/cac:InvoicePeriod"),
    Rule("BR-CO-21", "fatal", ("BT-97", "BT-98"), allowance(_REASON), _DOCUMENT),
    Rule("BR-CO-22", "fatal", ("BT-104", "BT-105"), charge(_REASON), _DOCUMENT),
    Rule("BR-CO-23", "fatal", ("BT-139", "BT-140"), allowance(_REASON), _OF_LINE),
    Rule("BR-CO-24", "fatal", ("BT-144", "BT-145"), charge(_REASON), _OF_LINE),
    _decimals(1, "BT-92", "Amount", _DOCUMENT, allowance),
    _decimals(2, "BT-93", "BaseAmount", _DOCUMENT, allowance),
    _decimals(5, "BT-99", "Amount", _DOCUMENT, charge),
    _decimals(6, "BT-100", "BaseAmount", _DOCUMENT, charge),
    _decimals(9, "BT-106", "LineExtensionAmount", _TOTALS),
    _decimals(10, "BT-107", "AllowanceTotalAmount", _TOTALS),
    _decimals(11, "BT-108", "ChargeTotalAmount", _TOTALS),
    _decimals(12, "BT-109", "TaxExclusiveAmount", _TOTALS),
    # The official assertions 13 and 15 look for the currency inside the amount, where nothing can stand.
    Rule("BR-DEC-13", "fatal", ("BT-110",), never),
    _decimals(14, "BT-112", "TaxInclusiveAmount", _TOTALS),
    Rule("BR-DEC-15", "fatal", ("BT-111",), never),
    _decimals(16, "BT-113", "PrepaidAmount", _TOTALS),
    _decimals(17, "BT-114", "PayableRoundingAmount", _TOTALS),
    _decimals(18, "BT-115", "PayableAmount", _TOTALS),
    _decimals(19, "BT-116", "TaxableAmount", SUBTOTAL),
    _decimals(20, "BT-117", "TaxAmount", SUBTOTAL),
    _decimals(23, "BT-131", "LineExtensionAmount", LINE),
    _decimals(24, "BT-136", "Amount", _OF_LINE, allowance),
    _decimals(25, "BT-137", "BaseAmount", _OF_LINE, allowance),
    _decimals(27, "BT-141", "Amount", _OF_LINE, charge),
    _decimals(28, "BT-142", "BaseAmount", _OF_LINE, charge),
)  # fmt: skip
