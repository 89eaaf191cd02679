"""The places many rules of EN 16931 are about, and the conditions of their contexts."""

from __future__ import annotations

from libs.einvoice.facts import Facts, is_vat
from libs.einvoice.tree import Group, Item
from libs.rules.checks import items
from libs.rules.rule import Breach, Check

SELLER = "AccountingSupplierParty/Party"
BUYER = "AccountingCustomerParty/Party"

LINE = "Line"
PERIOD = "/cac:InvoicePeriod cac:SubInvoiceLine/cac:InvoicePeriod cac:SubCreditNoteLine/cac:InvoicePeriod"
"""Every invoice period that is not a line's own."""
CHARGE_OR_ALLOWANCE = "/cac:AllowanceCharge"
LINE_CHARGE_OR_ALLOWANCE = "Line/cac:AllowanceCharge"
PAYEE = "cac:PayeeParty"
REPRESENTATIVE = "cac:TaxRepresentativeParty"
SUBTOTAL = "cac:TaxTotal/cac:TaxSubtotal"


def vat_groups(group: Group, name: str) -> list[Group]:
    """The groups of that name whose tax scheme is VAT."""
    return [below for below in group.groups.get(name, ()) if is_vat(below)]


def vat_items(group: Group, name: str, *path: str) -> list[Item]:
    """What stands at ``path`` in those groups."""
    found: list[Item] = []
    for below in vat_groups(group, name):
        found += items(below, path)
    return found


def allowance(check: Check) -> Check:
    """Asked of allowances only."""
    return _where(check, says=False)


def charge(check: Check) -> Check:
    """Asked of charges only."""
    return _where(check, says=True)


def _where(check: Check, *, says: bool) -> Check:
    def checked(facts: Facts, group: Group) -> Breach | None:
        return check(facts, group) if facts.is_charge(group) is says else None

    return checked
