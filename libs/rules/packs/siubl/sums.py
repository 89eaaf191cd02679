"""SI-UBL 1.1 and 1.2: totals, and the tax in them. The older version (``_11``) reckons in doubles, the newer exactly."""

from __future__ import annotations

from decimal import Decimal

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Group
from libs.rules.packs.siubl import places
from libs.rules.packs.siubl.reckon import decimal, double, exactly, rounded, summed, to_cents, unless
from libs.rules.rule import Breach, Check


def without_vat_doubles(_: Facts, root: Group) -> Breach | None:
    """In 1.0 and 1.1."""
    vat = places.vat_totals(root)
    if not vat:
        return None
    made = rounded(summed(root.at("TaxTotal", "TaxSubtotal", "TaxableAmount")))
    totals = root.group("LegalMonetaryTotal")
    holds = has_amount(vat) and made == double(totals, "TaxExclusiveAmount")
    return unless(holds, root if totals is None else totals, "TaxExclusiveAmount", made)


def without_vat_12(_: Facts, root: Group) -> Breach | None:
    vat = places.vat_totals(root)
    if not vat:
        return None
    made = to_cents(exactly(summed(root.at("TaxTotal", "TaxSubtotal", "TaxableAmount"))))
    totals = root.group("LegalMonetaryTotal")
    seen = None if totals is None else decimal(totals, "TaxExclusiveAmount")
    holds = has_amount(vat) and made is not None and made == seen
    return unless(holds, root if totals is None else totals, "TaxExclusiveAmount", made)


def has_amount(vat: list[Group]) -> bool:
    return any("TaxAmount" in each.leaves for each in vat)


def lines_11(facts: Facts, totals: Group) -> Breach | None:
    made = rounded(float(facts.net_of_all))
    return unless(double(totals, "LineExtensionAmount") == made, totals, "LineExtensionAmount", made)


def lines_12(facts: Facts, totals: Group) -> Breach | None:
    made = to_cents(facts.net_of_all)
    return unless(decimal(totals, "LineExtensionAmount") == made, totals, "LineExtensionAmount", made)


def net_11(_: Facts, totals: Group) -> Breach | None:
    made = double(totals, "LineExtensionAmount")
    charged, allowed = "ChargeTotalAmount" in totals.leaves, "AllowanceTotalAmount" in totals.leaves
    if charged:
        made += double(totals, "ChargeTotalAmount")
    if allowed:
        made -= double(totals, "AllowanceTotalAmount")
    if charged or allowed:
        made = rounded(made)
    return unless(double(totals, "TaxExclusiveAmount") == made, totals, "TaxExclusiveAmount", made)


def net_12(_: Facts, totals: Group) -> Breach | None:
    made = decimal(totals, "LineExtensionAmount")
    charges, allowances = decimal(totals, "ChargeTotalAmount"), decimal(totals, "AllowanceTotalAmount")
    if made is not None and (charges is not None or allowances is not None):
        made = to_cents(made + (charges or 0) - (allowances or 0))
    seen = decimal(totals, "TaxExclusiveAmount")
    return unless(seen is not None and seen == made, totals, "TaxExclusiveAmount", made)


def gross(facts: Facts, totals: Group) -> tuple[Decimal | None, Decimal | None]:
    """With and without the rounding of the total."""
    taxes = [] if facts.is_credit_note else facts.root.at("TaxTotal", "TaxAmount")
    net, tax = decimal(totals, "TaxExclusiveAmount"), exactly(summed(taxes))
    if net is None or tax is None:
        return None, None
    rounding = decimal(totals, "PayableRoundingAmount")
    return None if rounding is None else to_cents(net + tax + rounding), to_cents(net + tax)


def gross_11(facts: Facts, totals: Group) -> Breach | None:
    if "TaxInclusiveAmount" not in totals.leaves:
        return None
    seen = rounded(double(totals, "TaxInclusiveAmount"))
    taxes = [] if facts.is_credit_note else facts.root.at("TaxTotal", "TaxAmount")
    made = double(totals, "TaxExclusiveAmount") + summed(taxes)
    holds = seen == rounded(made) or seen == rounded(made + double(totals, "PayableRoundingAmount"))
    return unless(holds, totals, "TaxInclusiveAmount", made)


def gross_12(facts: Facts, totals: Group) -> Breach | None:
    seen = decimal(totals, "TaxInclusiveAmount")
    rounding, plain = gross(facts, totals)
    made = rounding if "PayableRoundingAmount" in totals.leaves else plain
    return unless(seen is not None and seen == made, totals, "TaxInclusiveAmount", made)


def adjusted(name: str, indicator: str, *, exact: bool) -> Check:
    def check(facts: Facts, totals: Group) -> Breach | None:
        if name not in totals.leaves:
            return None
        parts = places.indicated(facts.root, indicator) if not facts.is_credit_note else []
        amounts = summed(leaf for each in parts for leaf in each.leaves.get("Amount", ()))
        if exact:
            made = to_cents(exactly(amounts))
            return unless(decimal(totals, name) == made, totals, name, made)
        return unless(double(totals, name) == rounded(amounts), totals, name, rounded(amounts))

    return check


def due_11(_: Facts, totals: Group) -> Breach | None:
    gross = double(totals, "TaxInclusiveAmount")
    if "TaxInclusiveAmount" not in totals.leaves:
        return None
    paid, payable = double(totals, "PrepaidAmount"), double(totals, "PayableAmount")
    rounding = double(totals, "PayableRoundingAmount")
    left = rounded(gross - paid)
    prepaid = "PrepaidAmount" in totals.leaves
    holds = (
        (prepaid and payable == left)
        or (not prepaid and payable == gross)
        or (prepaid and payable - rounding == left)
        or payable - rounding == gross
    )
    return unless(holds, totals, "PayableAmount", left if prepaid else gross)


def due_12(_: Facts, totals: Group) -> Breach | None:
    made, paid = decimal(totals, "TaxInclusiveAmount"), decimal(totals, "PrepaidAmount")
    if made is not None and paid is not None:
        made = to_cents(made - paid)
    seen = decimal(totals, "PayableAmount")
    return unless(seen is not None and seen == made, totals, "PayableAmount", made)


def tax_sum_11(_: Facts, total: Group) -> Breach | None:
    made = rounded(summed(total.at("TaxSubtotal", "TaxAmount")))
    return unless(rounded(double(total, "TaxAmount")) == made, total, "TaxAmount", made)


def tax_sum_12(_: Facts, total: Group) -> Breach | None:
    made = rounded(summed(total.at("TaxSubtotal", "TaxAmount")))
    return unless(double(total, "TaxAmount") == made, total, "TaxAmount", made)


def tax(_: Facts, subtotal: Group) -> Breach | None:
    if "TaxableAmount" not in subtotal.leaves or not subtotal.at("TaxCategory", "Percent"):
        return None
    rate = decimal(subtotal, "TaxCategory", "Percent")
    tax = double(subtotal, "TaxAmount")
    if rate is None:
        return None
    made = double(subtotal, "TaxableAmount") * float(rate / 100)
    return unless(tax - 1 < made < tax + 1, subtotal, "TaxAmount", made)
