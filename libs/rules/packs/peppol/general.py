"""Peppol BIS Billing 3: the rules for everybody (PEPPOL-EN16931), as release 2026.5 asks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_DOWN, Decimal

from libs.einvoice.facts import Facts
from libs.einvoice.money import EXACT, ZERO, at_least_zero, cents, plain, total
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group, Item
from libs.rules.checks import shown
from libs.rules.packs.en16931.presence import day
from libs.rules.packs.peppol.places import german_both, text
from libs.rules.rule import Breach, Check, Finish, Rule

CLAIM = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_PROFILES = frozenset((
    PROFILE,
    "urn:peppol:france:billing:regulated",
    "urn:peppol:france:billing:non-regulated",
    "urn:peppol:bis:billing_with_response",
))  # fmt: skip
_SLACK = Decimal("0.02")
_ONE = Decimal(1)
_ADJUSTED = "/cac:AllowanceCharge /Line/cac:AllowanceCharge"
_AMOUNTS = (
    "cbc:Amount cbc:BaseAmount cbc:PriceAmount cac:TaxTotal cac:TaxSubtotal/cbc:TaxAmount cbc:TaxableAmount "
    "cbc:LineExtensionAmount cbc:TaxExclusiveAmount cbc:TaxInclusiveAmount cbc:AllowanceTotalAmount "
    "cbc:ChargeTotalAmount cbc:PrepaidAmount cbc:PayableRoundingAmount cbc:PayableAmount"
)


def approved(process: str) -> bool:
    """Whether the process (BT-23) is one of billing."""
    return process in _PROFILES


def profile(known: Callable[[str], bool]) -> Check:
    """The process is one of those."""

    def check(_: Facts, root: Group) -> Breach | None:
        if known(text(root, "ProfileID")):
            return None
        leaf = root.leaf("ProfileID")
        where = root.element if leaf is None else leaf
        return Breach(where, seen=None if leaf is None else shown(leaf.text), expected=PROFILE)

    return check


def _business_process(_: Facts, root: Group) -> Breach | None:
    return None if root.has("ProfileID") else Breach(root.element, expected=PROFILE)


def _notes(facts: Facts, root: Group) -> Breach | None:
    notes = root.leaves.get("Note", ())
    if len(notes) <= 1 or german_both(facts):
        return None
    return Breach(notes[1], seen=str(len(notes)), expected="0 – 1")


def _reference(_: Facts, root: Group) -> Breach | None:
    if root.has("BuyerReference") or root.at("OrderReference", "ID"):
        return None
    return Breach(root.element, expected="BuyerReference")


def claims(*, form: bool) -> Check:
    """The claim of Peppol BIS Billing 3, with ``form`` in the form of such identifiers."""

    def check(_: Facts, root: Group) -> Breach | None:
        claim = text(root, "CustomizationID")
        if claim.startswith(CLAIM) and not (form and "::" in claim):
            return None
        leaf = root.leaf("CustomizationID")
        return Breach(root.element if leaf is None else leaf, seen=shown(claim) or None, expected=CLAIM)

    return check


def _one_breakdown(_: Facts, root: Group) -> Breach | None:
    found = [each for each in root.groups.get("TaxTotal", ()) if "TaxSubtotal" in each.groups]
    if len(found) == 1:
        return None
    return Breach(found[1].element if found else root.element, seen=str(len(found)), expected="1")


def _totals_without(_: Facts, root: Group) -> Breach | None:
    found = [each for each in root.groups.get("TaxTotal", ()) if "TaxSubtotal" not in each.groups]
    wanted = 1 if root.has("TaxCurrencyCode") else 0
    if len(found) == wanted:
        return None
    where = found[wanted].element if len(found) > wanted else root.element
    return Breach(where, seen=str(len(found)), expected=str(wanted))


def _signs(facts: Facts, root: Group) -> Breach | None:
    if not root.has("TaxCurrencyCode"):
        return None
    own = _vat_in(facts, text(root, "DocumentCurrencyCode"))
    other = _vat_in(facts, text(root, "TaxCurrencyCode"))
    if any(v <= 0 for v, _ in own) and any(v <= 0 for v, _ in other):
        return None
    if any(at_least_zero(*each) for each in own) and any(at_least_zero(*each) for each in other):
        return None
    where = facts.tax_totals[0].element if facts.tax_totals else root.element
    return Breach(where, seen=", ".join(plain(v) for v, _ in (*own[:1], *other[:1])) or None)


def _vat_in(facts: Facts, currency: str) -> list[tuple[Decimal, str | None]]:
    """Totals of VAT in a currency, and how they are written."""
    return [
        (value, leaf.text)
        for each in facts.tax_totals
        if (leaf := each.leaf("TaxAmount")) is not None and leaf.get("currencyID") == currency
        if (value := facts.number(each, "TaxAmount")) is not None
    ]


def _other_currency(facts: Facts, leaf: Element) -> Breach | None:
    """Of a tax currency below the root: elsewhere the schema has none."""
    code = normal(leaf.text)
    return Breach(leaf, seen=shown(code)) if code == text(facts.root, "DocumentCurrencyCode") else None


def _endpoint(_: Facts, party: Group) -> Breach | None:
    return None if party.has("EndpointID") else Breach(party.element, expected="EndpointID")


def _without_base(_: Facts, adjustment: Group) -> Breach | None:
    if adjustment.has("MultiplierFactorNumeric") and not adjustment.has("BaseAmount"):
        return Breach(adjustment.element, expected="BaseAmount")
    return None


def _without_percentage(_: Facts, adjustment: Group) -> Breach | None:
    if adjustment.has("BaseAmount") and not adjustment.has("MultiplierFactorNumeric"):
        return Breach(adjustment.element, expected="MultiplierFactorNumeric")
    return None


def _percentage(facts: Facts, adjustment: Group) -> Breach | None:
    base, factor = facts.number(adjustment, "BaseAmount"), facts.number(adjustment, "MultiplierFactorNumeric")
    if base is None or factor is None:
        return None
    amount = facts.number(adjustment, "Amount") or ZERO
    expected = divided(EXACT.multiply(base, factor), Decimal(100))
    if near(amount, expected):
        return None
    leaf = adjustment.leaf("Amount")
    where = adjustment.element if leaf is None else leaf
    return Breach(where, seen=plain(amount), expected=plain(cents(expected)))


def _indicator(_: Facts, adjustment: Group) -> Breach | None:
    # One with half of base and percentage is told of that and nothing else.
    if adjustment.has("BaseAmount") is not adjustment.has("MultiplierFactorNumeric"):
        return None
    leaf = adjustment.leaf("ChargeIndicator")
    if leaf is not None and normal(leaf.text) in ("true", "false"):
        return None
    where = adjustment.element if leaf is None else leaf
    return Breach(where, seen=None if leaf is None else shown(leaf.text), expected="true, false")


def _mandate(_: Facts, means: Group) -> Breach | None:
    if text(means, "PaymentMeansCode") not in ("49", "59") or means.at("PaymentMandate", "ID"):
        return None
    return Breach(means.element, expected="PaymentMandate/ID")


def _currency(facts: Facts) -> str | None:
    found = facts.root.leaves.get("DocumentCurrencyCode")
    return (found[0].text or "") if found else None


def _own_currency(facts: Facts, item: Item) -> Breach | None:
    leaf: Element | None
    if isinstance(item, Group):
        # The VAT in the currency of the tax return stands in a total without a breakdown.
        leaf = item.leaf("TaxAmount") if "TaxSubtotal" in item.groups else None
        if leaf is None:
            return None
    else:
        leaf = item
    code, wanted = leaf.get("currencyID"), facts.once(_currency)
    return None if code is not None and code == wanted else Breach(leaf, seen=shown(code), expected=wanted)


def _starts(facts: Facts) -> list[Element]:
    return facts.root.at("InvoicePeriod", "StartDate")


def _ends(facts: Facts) -> list[Element]:
    return facts.root.at("InvoicePeriod", "EndDate")


def _not_before(facts: Facts, leaf: Element) -> Breach | None:
    found = facts.once(_starts)
    if not found or day(leaf) >= day(found[0]):
        return None
    return Breach(leaf, seen=shown(leaf.text), expected=f"{shown(found[0].text)} +")


def _not_after(facts: Facts, leaf: Element) -> Breach | None:
    found = facts.once(_ends)
    if not found or day(leaf) <= day(found[0]):
        return None
    return Breach(leaf, seen=shown(leaf.text), expected=f"– {shown(found[0].text)}")


def divided(value: Decimal, by: Decimal) -> Decimal:
    """A quotient as the official engine has it: 18 decimals at least, halves downwards."""
    if by == _ONE:
        return value
    scale = max(18, -_exponent(value), -_exponent(by))
    return EXACT.divide(value, by).quantize(
        Decimal(1).scaleb(-scale), rounding=ROUND_HALF_DOWN, context=EXACT
    )


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def near(seen: Decimal, expected: Decimal) -> bool:
    """Not more than 0.02 apart."""
    return abs(EXACT.subtract(seen, expected)) <= _SLACK


def _adjusted(facts: Facts, line: Group) -> Decimal:
    groups = line.groups.get("AllowanceCharge")
    if not groups:
        return ZERO
    kinds: dict[str, list[Group]] = {"true": [], "false": []}
    for group in groups:
        kinds.get(text(group, "ChargeIndicator"), []).append(group)
    charges, allowances = (cents(total(facts.numbers(kinds[kind], "Amount"))) for kind in ("true", "false"))
    return EXACT.subtract(charges, allowances)


def _net(facts: Facts, line: Group) -> Breach | None:
    """BT-131 = BT-129 × (BT-146 ÷ BT-149) + charges − allowances."""
    net = facts.number(line, "LineExtensionAmount")
    quantity = facts.number(line, "CreditedQuantity" if facts.is_credit_note else "InvoicedQuantity")
    price = line.group("Price")
    each, base = ZERO, _ONE
    if price is not None:
        each, base = facts.number(price, "PriceAmount") or ZERO, facts.number(price, "BaseQuantity") or _ONE
    expected = EXACT.add(
        EXACT.multiply(_ONE if quantity is None else quantity, divided(each, base)), _adjusted(facts, line)
    )
    if near(ZERO if net is None else net, expected):
        return None
    leaf = line.leaf("LineExtensionAmount")
    where = line.element if leaf is None else leaf
    return Breach(where, seen=None if net is None else plain(net), expected=plain(cents(expected)))


def _base_quantity(facts: Facts, line: Group) -> Breach | None:
    for price in line.groups.get("Price", ()):
        base = facts.number(price, "BaseQuantity")
        if base is not None and base <= 0:
            return Breach(price.leaves["BaseQuantity"][0], seen=plain(base))
    return None


def _one_object(_: Facts, line: Group) -> Breach | None:
    found = line.groups.get("DocumentReference", ())
    return Breach(found[1].element, seen=str(len(found)), expected="0 – 1") if len(found) > 1 else None


def _object(_: Facts, line: Group) -> Breach | None:
    found = line.groups.get("DocumentReference")
    if not found or any(leaf.text == "130" for leaf in line.at("DocumentReference", "DocumentTypeCode")):
        return None
    return Breach(found[0].element, expected="DocumentTypeCode 130")


def _allowance_only(_: Facts, adjustment: Group) -> Breach | None:
    leaf = adjustment.leaf("ChargeIndicator")
    if leaf is not None and normal(leaf.text) == "false":
        return None
    where = adjustment.element if leaf is None else leaf
    return Breach(where, seen=None if leaf is None else shown(leaf.text), expected="false")


def _net_price(facts: Facts, price: Group) -> Breach | None:
    for adjustment in price.groups.get("AllowanceCharge", ()):
        gross, off = facts.number(adjustment, "BaseAmount"), facts.number(adjustment, "Amount")
        if gross is None:
            continue
        net = facts.number(price, "PriceAmount")
        expected = None if off is None else EXACT.subtract(gross, off)
        if net is None or net != expected:
            leaf = price.leaf("PriceAmount")
            where = price.element if leaf is None else leaf
            return Breach(
                where,
                seen=None if net is None else plain(net),
                expected=None if expected is None else plain(expected),
            )
    return None


def _unit(facts: Facts, line: Group) -> Breach | None:
    quantities = [*line.leaves.get("InvoicedQuantity", ()), *line.leaves.get("CreditedQuantity", ())]
    if not quantities:
        return None
    name = "CreditedQuantity" if facts.is_credit_note else "InvoicedQuantity"
    units = [unit for leaf in line.leaves.get(name, ()) if (unit := leaf.get("unitCode")) is not None]
    for leaf in line.at("Price", "BaseQuantity"):
        unit = leaf.get("unitCode")
        if unit is not None and unit not in units:
            return Breach(leaf, seen=shown(unit), expected=shown(", ".join(units)) or None)
    return None


def _one_project(facts: Facts, root: Group) -> Breach | None:
    if not facts.is_credit_note:
        return None
    found = [
        each
        for each in root.groups.get("AdditionalDocumentReference", ())
        if any(leaf.text == "50" for leaf in each.leaves.get("DocumentTypeCode", ()))
    ]
    return Breach(found[1].element, seen=str(len(found)), expected="0 – 1") if len(found) > 1 else None


def _empty(facts: Facts) -> Iterator[Breach]:
    return (Breach(element) for _, element in facts.found.empty)


def _rule(id_: str, terms: str, check: Check, where: str = "/") -> Rule:
    return Rule(f"PEPPOL-EN16931-{id_}", "fatal", tuple(terms.split()), check, where)


EMPTY = Finish("PEPPOL-EN16931-R008", "fatal", (), _empty)

RULES: tuple[Rule, ...] = (
    _rule("R001", "BT-23", _business_process),
    _rule("R007", "BT-23", profile(approved)),
    _rule("R002", "BT-22", _notes),
    _rule("R003", "BT-10 BT-13", _reference),
    _rule("R004", "BT-24", claims(form=True)),
    _rule("R053", "BG-23", _one_breakdown),
    _rule("R054", "BT-111", _totals_without),
    _rule("R055", "BT-110 BT-111", _signs),
    _rule("R080", "BT-11", _one_project),
    _rule("R005", "BT-6", _other_currency, "/cbc:TaxCurrencyCode"),
    _rule("R010", "BT-49", _endpoint, "cac:AccountingCustomerParty/cac:Party"),
    _rule("R020", "BT-34", _endpoint, "cac:AccountingSupplierParty/cac:Party"),
    _rule("R041", "BT-93 BT-100 BT-137 BT-142", _without_base, _ADJUSTED),
    _rule("R042", "BT-94 BT-101 BT-138 BT-143", _without_percentage, _ADJUSTED),
    _rule("R040", "BT-92 BT-99 BT-136 BT-141", _percentage, _ADJUSTED),
    _rule("R043", "BG-20 BG-21 BG-27 BG-28", _indicator, _ADJUSTED),
    _rule("R061", "BT-89", _mandate, "cac:PaymentMeans"),
    _rule("R051", "BT-5", _own_currency, _AMOUNTS),
    _rule("R110", "BT-134", _not_before, "/Line/cac:InvoicePeriod/cbc:StartDate"),
    _rule("R111", "BT-135", _not_after, "/Line/cac:InvoicePeriod/cbc:EndDate"),
    _rule("R120", "BT-131", _net, "Line"),
    _rule("R121", "BT-149", _base_quantity, "Line"),
    _rule("R100", "BT-128", _one_object, "Line"),
    _rule("R101", "BT-128", _object, "Line"),
    _rule("R044", "BT-147", _allowance_only, "cac:Price/cac:AllowanceCharge"),
    _rule("R046", "BT-146 BT-148", _net_price, "cac:Price"),
    _rule("R130", "BT-150", _unit, "Line cac:SubInvoiceLine cac:SubCreditNoteLine"),
)
