"""Peppol BIS Billing 3: the rules of the Netherlands (NL-R), as release 2026.5 asks them. They bind Dutch sellers."""

from __future__ import annotations

from libs.einvoice.facts import Facts
from libs.einvoice.text import blank, normal
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown
from libs.rules.packs.peppol.places import dutch, dutch_both, dutch_representative, missing, text
from libs.rules.rule import Breach, Check, Condition, Rule

_REGISTERS = frozenset({"0106", "0190"})
_MEANS = ("30", "48", "49", "57", "58", "59")
_SELLER = "cac:AccountingSupplierParty/cac:Party"
_BUYER = "cac:AccountingCustomerParty/cac:Party"
_ADDRESS = missing("StreetName", "CityName", "PostalZone")


def _original(facts: Facts, leaf: Element) -> Breach | None:
    if facts.root.at("BillingReference", "InvoiceDocumentReference", "ID"):
        return None
    return Breach(leaf, expected="BillingReference/InvoiceDocumentReference/ID")


def _register(_: Facts, leaf: Element) -> Breach | None:
    scheme = leaf.get("schemeID")
    if scheme is not None and not _REGISTERS.isdisjoint(scheme.split(" ")) and not blank(leaf.text):
        return None
    seen = f"{normal(leaf.text)} ({scheme})" if scheme else normal(leaf.text)
    return Breach(leaf, seen=shown(seen) or None, expected="@schemeID 0106, 0190")


def _paid(facts: Facts, totals: Group) -> Breach | None:
    payable = facts.number(totals, "PayableAmount")
    if payable is not None and (payable >= 0 if facts.is_credit_note else payable <= 0):
        return None
    if facts.groups_everywhere("cac:PaymentMeans"):
        return None
    return Breach(totals.element, expected="PaymentMeans")


def _means(_: Facts, means: Group) -> Breach | None:
    code = text(means, "PaymentMeansCode")
    if code in _MEANS:
        return None
    leaf = means.leaf("PaymentMeansCode")
    return Breach(means.element if leaf is None else leaf, seen=shown(code), expected=", ".join(_MEANS))


def _order(facts: Facts, leaf: Element) -> Breach | None:
    if facts.root.at("OrderReference", "ID"):
        return None
    return Breach(leaf, seen=shown(leaf.text), expected="OrderReference/ID")


def _rule(number: int, terms: str, check: Check, where: str, when: Condition = dutch) -> Rule:
    return Rule(f"NL-R-{number:03}", "fatal", tuple(terms.split()), check, where, when)


RULES: tuple[Rule, ...] = (
    _rule(1, "BT-25", _original, "cbc:CreditNoteTypeCode"),
    _rule(2, "BT-35 BT-37 BT-38", _ADDRESS, f"{_SELLER}/cac:PostalAddress"),
    _rule(3, "BT-30", _register, f"{_SELLER}/cac:PartyLegalEntity/cbc:CompanyID"),
    _rule(4, "BT-50 BT-52 BT-53", _ADDRESS, f"{_BUYER}/cac:PostalAddress", dutch_both),
    _rule(5, "BT-47", _register, f"{_BUYER}/cac:PartyLegalEntity/cbc:CompanyID", dutch_both),
    _rule(6, "BT-64 BT-66 BT-67", _ADDRESS, "cac:TaxRepresentativeParty/cac:PostalAddress", dutch_representative),
    _rule(7, "BG-16", _paid, "cac:LegalMonetaryTotal"),
    _rule(8, "BT-81", _means, "cac:PaymentMeans", dutch_both),
    _rule(9, "BT-132 BT-13", _order, "cac:OrderLineReference/cbc:LineID"),
)  # fmt: skip
