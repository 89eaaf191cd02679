"""EN 16931: VAT categories (BR-S, Z, E, AE, G, IC, O, AF, AG, B), as UBL 1.3.16 asks them.

Ten families say nearly the same about a category: it stands in the breakdown, the parties have the right VAT
numbers, rate, taxable amount and tax fit, a reason is there or is not. What differs from family to family is data
here (``Family``), and so is where an official assertion forgets the tax scheme or strips no blanks.

No rule of a family can be broken where its code stands nowhere: such a family is not asked at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from libs.einvoice.facts import Facts, TaxCategory, is_vat
from libs.einvoice.money import ZERO, at_least_zero, plain
from libs.einvoice.tree import Element, Group
from libs.rules.checks import compared, shown
from libs.rules.packs.en16931 import breakdown
from libs.rules.packs.en16931.places import allowance, charge
from libs.rules.rule import Breach, Check, Condition, Rule

_SUBTOTAL = "/cac:TaxTotal/cac:TaxSubtotal"
_ITEM = "Line/cac:Item"
_ADJUSTMENT = "cac:AllowanceCharge"
_NUMBERS = ("BT-31", "BT-32", "BT-63")


@dataclass(frozen=True, slots=True)
class Family:
    """One category: ``name`` is that of its rules, ``code`` that of UNTDID 5305."""

    name: str
    code: str
    rate: str  # "zero", "positive", "not negative" or "none"
    seller_vat_only: bool = False
    buyer: tuple[str, ...] = ()  # which numbers of the buyer will do: "vat", "legal"
    by_rate: bool = False  # taxable amount per rate, with a slack of 1
    reason: bool = True  # an exemption reason must be there; False: must not


FAMILIES = (
    Family("AE", "AE", "zero", buyer=("vat", "legal")),
    Family("AF", "L", "not negative", by_rate=True, reason=False),
    Family("AG", "M", "not negative", by_rate=True, reason=False),
    Family("E", "E", "zero"),
    Family("G", "G", "zero", seller_vat_only=True),
    Family("IC", "K", "zero", seller_vat_only=True, buyer=("vat",)),
    Family("O", "O", "none"),
    Family("S", "S", "positive", by_rate=True, reason=False),
    Family("Z", "Z", "zero", reason=False),
)


def _uses(code: str) -> Condition:
    return lambda facts: code in facts.tax_codes


# ------------------------------------------------------------------ the numbers of the parties


def _registered(facts: Facts, *role: str, vat_only: bool) -> bool:
    return any(
        "CompanyID" in scheme.leaves and (not vat_only or is_vat(scheme))
        for scheme in facts.root.within(*role, "PartyTaxScheme")
    )


def _seller(facts: Facts, *, vat_only: bool) -> bool:
    return _registered(
        facts, "AccountingSupplierParty", "Party", vat_only=vat_only
    ) or _registered(facts, "TaxRepresentativeParty", vat_only=True)  # fmt: skip


def _buyer(facts: Facts, ways: tuple[str, ...]) -> bool:
    party = ("AccountingCustomerParty", "Party")
    if "vat" in ways and _registered(facts, *party, vat_only=True):
        return True
    return "legal" in ways and bool(facts.root.at(*party, "PartyLegalEntity", "CompanyID"))


def _numbered(facts: Facts, family: Family) -> bool:
    if family.code == "O":
        return not (_seller(facts, vat_only=True) or _buyer(facts, ("vat",)))
    return _seller(facts, vat_only=family.seller_vat_only) and (
        not family.buyer or _buyer(facts, family.buyer)
    )


def _needs_numbers(family: Family, where: Callable[[Facts], Iterable[TaxCategory]]) -> Check:
    """Some category at ``where`` asks for the numbers that the family needs."""

    def check(facts: Facts, _: Group) -> Breach | None:
        found = next(iter(where(facts)), None)
        if found is None or _numbered(facts, family):
            return None
        return Breach(_leaf(found.group, "ID"), seen=family.code)

    return check


def _on_lines(family: Family) -> Callable[[Facts], Iterable[TaxCategory]]:
    def find(facts: Facts) -> Iterable[TaxCategory]:
        # The official assertion of S is not let off by another tax scheme, and is not fulfilled by it either.
        return (
            c for c in facts.line_categories if c.code == family.code and (c.is_vat or family.code == "S")
        )

    return find


def _s_on_lines(facts: Facts, _: Group) -> Breach | None:
    found = [c for c in facts.line_categories if c.code == "S"]
    if not found or (any(c.is_vat for c in found) and _seller(facts, vat_only=False)):
        return None
    return Breach(_leaf(found[0].group, "ID"), seen="S")


def _on_adjustments(family: Family, *, charges: bool) -> Callable[[Facts], Iterable[TaxCategory]]:
    literal = family.name == "AF" and charges

    def find(facts: Facts) -> Iterable[TaxCategory]:
        everywhere = facts.adjustments if family.code == "O" else facts.all_adjustments
        for category in _categories(facts, everywhere[charges]):
            if category.is_vat and (category.raw if literal else category.code) == family.code:
                yield category

    return find


def _categories(facts: Facts, groups: Iterable[Group]) -> Iterable[TaxCategory]:
    for group in groups:
        yield from facts.categories(group)


def _leaf(group: Group, name: str) -> Element:
    leaf = group.leaf(name)
    return group.element if leaf is None else leaf


# ------------------------------------------------------------------ the breakdown has it


def _once(family: Family) -> Check:
    """A category in use stands in the breakdown exactly once, and the other way round."""

    def check(facts: Facts, _: Group) -> Breach | None:
        used = [
            c
            for c in (*facts.tax_categories, *facts.line_categories)
            if c.code == family.code and c.is_vat and c.has_id
        ]
        if not used:
            return None
        times = sum(c.code == family.code and c.is_vat and c.has_id for c in facts.breakdown)
        return None if times == 1 else Breach(_leaf(used[-1].group, "ID"), seen=family.code)

    return check


def _both(*, vat: bool, literal: bool, literal_vat: bool) -> Callable[[str], Check]:
    """A category in use stands in the breakdown, and the other way round, however often."""

    def of(code: str) -> Check:
        def check(facts: Facts, _: Group) -> Breach | None:
            adjusted = _categories(facts, (*facts.all_adjustments[0], *facts.all_adjustments[1]))
            used = [
                c for c in (*adjusted, *facts.line_categories) if c.code == code and (c.is_vat or not vat)
            ]
            if used:
                shown_as = [
                    c
                    for c in facts.breakdown
                    if (c.raw if literal else c.code) == code and (c.is_vat or not literal_vat)
                ]
                return None if shown_as else Breach(_leaf(used[0].group, "ID"), seen=code)
            unused = [c for c in facts.breakdown if c.code == code and (c.is_vat or not vat)]
            return Breach(_leaf(unused[0].group, "ID"), seen=code) if unused else None

        return check

    return of


_IN_BREAKDOWN: dict[str, Check] = {
    "S": _both(vat=False, literal=False, literal_vat=False)("S"),
    "AF": _both(vat=True, literal=True, literal_vat=False)("L"),
    "AG": _both(vat=True, literal=True, literal_vat=True)("M"),
}


# ------------------------------------------------------------------ one category

_Ask = Callable[[Facts, Group, Group], Breach | None]
"""Given the facts, the group that has the category, and the category."""


def _of(code: str, ask: _Ask, name: str = "TaxCategory") -> Check:
    """Asked about each category of a group with this code and the scheme VAT."""

    def check(facts: Facts, group: Group) -> Breach | None:
        for below in group.groups.get(name, ()):
            category = facts.category(below)
            if category.code == code and category.is_vat:
                breach = ask(facts, group, below)
                if breach is not None:
                    return breach
        return None

    return check


def _rate(kind: str) -> _Ask:
    def ask(facts: Facts, _: Group, category: Group) -> Breach | None:
        leaf = category.leaf("Percent")
        if kind == "none":
            return None if leaf is None else Breach(leaf, seen=shown(leaf.text))
        rate = facts.number(category, "Percent")
        if rate is not None and leaf is not None and _fits(kind, rate, leaf.text):
            return None
        return Breach(
            category.element if leaf is None else leaf,
            seen=None if leaf is None else shown(leaf.text),
            expected="0" if kind == "zero" else None,
        )

    return ask


def _fits(kind: str, rate: Decimal, written: str | None) -> bool:
    return rate == 0 if kind == "zero" else rate > 0 if kind == "positive" else at_least_zero(rate, written)


def _base(family: Family) -> _Ask:
    """BT-116 is what lines, charges and allowances of this category (and rate) make."""

    def ask(facts: Facts, subtotal: Group, category: Group) -> Breach | None:
        if family.by_rate:
            rate = facts.number(category, "Percent")
            found = None if rate is None else breakdown.base_by_rate(facts, family.code, subtotal, rate)
        else:
            found = breakdown.base(facts, family.code, subtotal)
        return compared(found)

    return ask


def _no_tax(facts: Facts, subtotal: Group, _: Group) -> Breach | None:
    tax = facts.number(subtotal, "TaxAmount")
    if tax == ZERO:
        return None
    return Breach(_leaf(subtotal, "TaxAmount"), seen=None if tax is None else plain(tax), expected="0.00")


def _tax(facts: Facts, subtotal: Group, category: Group) -> Breach | None:
    rate = facts.number(category, "Percent")
    tax, base = facts.number(subtotal, "TaxAmount"), facts.number(subtotal, "TaxableAmount")
    if rate is not None and tax is not None and base is not None and breakdown.near(tax, base, rate):
        return None
    expected = None if rate is None or base is None else plain(breakdown.tax(base, rate))
    return Breach(_leaf(subtotal, "TaxAmount"), seen=None if tax is None else plain(tax), expected=expected)


def _reason(*, wanted: bool) -> _Ask:
    names = ("TaxExemptionReason", "TaxExemptionReasonCode")

    def ask(_: Facts, __: Group, category: Group) -> Breach | None:
        given = next((name for name in names if name in category.leaves), None)
        if (given is not None) is wanted:
            return None
        if given is None:
            return Breach(category.element, expected=names[0])
        leaf = category.leaves[given][0]
        return Breach(leaf, seen=shown(leaf.text))

    return ask


# ------------------------------------------------------------------ two categories of their own


def _delivered(facts: Facts, root: Group) -> Breach | None:
    """BR-IC-11: when, by a day (BT-72) or a period (BG-14)."""
    return _intra(
        facts,
        any(len(leaf.text or "") > 1 for leaf in root.at("Delivery", "ActualDeliveryDate"))
        or any(period.leaves or period.groups for period in root.groups.get("InvoicePeriod", ())),
        "Delivery/ActualDeliveryDate",
    )


def _delivered_to(facts: Facts, root: Group) -> Breach | None:
    """BR-IC-12: to which country (BT-80)."""
    countries = root.at("Delivery", "DeliveryLocation", "Address", "Country", "IdentificationCode")
    return _intra(
        facts,
        any(len(leaf.text or "") > 1 for leaf in countries),
        "Delivery/DeliveryLocation/Address/Country/IdentificationCode",
    )


def _intra(facts: Facts, held: bool, expected: str) -> Breach | None:
    used = [c for c in facts.breakdown if c.code == "K" and c.is_vat]
    return None if held or not used else Breach(facts.root.element, expected=expected)


def _alone(where: Callable[[Facts], Iterable[TaxCategory]]) -> Check:
    """Where the breakdown says *not subject to VAT* (O), no other category may stand."""

    def check(facts: Facts, _: Group) -> Breach | None:
        if not any(c.code == "O" and c.is_vat and c.has_id for c in facts.breakdown):
            return None
        other = next((c for c in where(facts) if c.code != "O" and c.is_vat), None)
        return (
            None if other is None else Breach(_leaf(other.group, "ID"), seen=shown(other.raw), expected="O")
        )

    return check


def _split_payment_abroad(facts: Facts, _: Group) -> Breach | None:
    """BR-B-01: split payment is Italian."""
    if not any(c.raw == "B" for c in (*facts.tax_categories, *facts.line_categories)):
        return None
    for leaf in facts.leaves_everywhere("cbc:IdentificationCode"):
        if leaf.text != "IT":
            return Breach(leaf, seen=shown(leaf.text), expected="IT")
    return None


def split_payment_and_standard(facts: Facts, root: Group, *, breakdown: bool = True) -> Breach | None:
    """BR-B-02: split payment and the standard rate exclude each other, the latter with ``breakdown`` there too."""
    rest = (*_categories(facts, root.groups.get("AllowanceCharge", ())), *facts.line_categories)
    here = (*facts.breakdown, *rest)
    split = next((c for c in here if c.raw == "B"), None)
    if split is None or not any(c.raw == "S" for c in (here if breakdown else rest)):
        return None
    return Breach(_leaf(split.group, "ID"), seen="B")


# ------------------------------------------------------------------ the tables


def _family(family: Family) -> Iterable[Rule]:
    name, code, uses = f"BR-{family.name}", family.code, _uses(family.code)

    def rule(number: int, terms: tuple[str, ...], check: Check, where: str = "/") -> Rule:
        return Rule(f"{name}-{number:02}", "fatal", terms, check, where, uses)

    numbers = (*_NUMBERS, *(("BT-48",) if family.buyer else ()))
    lines = _s_on_lines if code == "S" else _needs_numbers(family, _on_lines(family))
    yield rule(1, ("BG-23", "BT-118"), _IN_BREAKDOWN.get(family.name) or _once(family))
    yield rule(2, numbers, lines)
    yield rule(3, numbers, _needs_numbers(family, _on_adjustments(family, charges=False)))
    yield rule(4, numbers, _needs_numbers(family, _on_adjustments(family, charges=True)))
    yield rule(5, ("BT-152",), _of(code, _rate(family.rate), "ClassifiedTaxCategory"), _ITEM)
    yield rule(6, ("BT-96",), allowance(_of(code, _rate(family.rate))), _ADJUSTMENT)
    yield rule(7, ("BT-103",), charge(_of(code, _rate(family.rate))), _ADJUSTMENT)
    yield rule(8, ("BT-116",), _of(code, _base(family)), _SUBTOTAL)
    yield rule(9, ("BT-117",), _of(code, _tax if family.by_rate else _no_tax), _SUBTOTAL)
    yield rule(10, ("BT-120", "BT-121"), _of(code, _reason(wanted=family.reason)), _SUBTOTAL)


_INTRA, _NOT_SUBJECT = _uses("K"), _uses("O")

RULES: tuple[Rule, ...] = (
    *(rule for family in FAMILIES for rule in _family(family)),
    Rule("BR-IC-11", "fatal", ("BT-72", "BG-14"), _delivered, when=_INTRA),
    Rule("BR-IC-12", "fatal", ("BT-80",), _delivered_to, when=_INTRA),
    Rule("BR-O-11", "fatal", ("BT-118",), _alone(lambda f: f.breakdown), when=_NOT_SUBJECT),
    Rule("BR-O-12", "fatal", ("BT-151",), _alone(lambda f: f.line_categories), when=_NOT_SUBJECT),
    Rule("BR-O-13", "fatal", ("BT-95",), _alone(lambda f: _categories(f, f.all_adjustments[0])), when=_NOT_SUBJECT),
    Rule("BR-O-14", "fatal", ("BT-102",), _alone(lambda f: _categories(f, f.all_adjustments[1])), when=_NOT_SUBJECT),
    Rule("BR-B-01", "fatal", ("BT-151", "BT-40"), _split_payment_abroad, when=_uses("B")),
    Rule("BR-B-02", "fatal", ("BT-118", "BT-151"), split_payment_and_standard, when=_uses("B")),
)  # fmt: skip
