"""EN 16931: what must be there (BR-01 to BR-65), as UBL 1.3.16 asks it."""

from __future__ import annotations

import re

from libs.einvoice.facts import Facts
from libs.einvoice.money import at_least_zero
from libs.einvoice.text import BLANKS, normal
from libs.einvoice.tree import Element, Group, written
from libs.rules.checks import attribute, exists, filled, items, shown
from libs.rules.packs.en16931.places import (
    BUYER,
    CHARGE_OR_ALLOWANCE,
    LINE,
    LINE_CHARGE_OR_ALLOWANCE,
    PAYEE,
    PERIOD,
    REPRESENTATIVE,
    SELLER,
    SUBTOTAL,
    allowance,
    charge,
    vat_groups,
    vat_items,
)
from libs.rules.rule import Breach, Check, Rule

_QUANTITIES = ("InvoicedQuantity", "CreditedQuantity")


def _vat(*path: str) -> Check:
    """Something at the end of the path, in a group whose tax scheme is VAT."""

    def check(_: Facts, group: Group) -> Breach | None:
        return None if vat_items(group, *path) else Breach(group.element, expected="/".join(path))

    return check


def _line_exists(facts: Facts, root: Group) -> Breach | None:
    if facts.lines:
        return None
    return Breach(root.element, expected="CreditNoteLine" if facts.is_credit_note else "InvoiceLine")


def _unit(_: Facts, line: Group) -> Breach | None:
    for name in _QUANTITIES:
        for leaf in line.leaves.get(name, ()):
            if leaf.get("unitCode") is not None:
                return None
    leaf = next((line.leaves[name][0] for name in _QUANTITIES if name in line.leaves), line.element)
    return Breach(leaf, expected="@unitCode")


def _price(facts: Facts, line: Group) -> Breach | None:
    for price in line.groups.get("Price", ()):
        value = facts.number(price, "PriceAmount")
        leaf = price.leaf("PriceAmount")
        if value is not None and leaf is not None and at_least_zero(value, leaf.text):
            return None
        if leaf is not None:
            return Breach(leaf, seen=shown(leaf.text), expected="0.00 +")
    return Breach(line.element, expected="Price/PriceAmount")


def _gross_price(facts: Facts, line: Group) -> Breach | None:
    worst: Breach | None = None
    for adjustment in line.within("Price", "AllowanceCharge"):
        value = facts.number(adjustment, "BaseAmount")
        if value is None:
            continue
        leaf = adjustment.leaves["BaseAmount"][0]
        if at_least_zero(value, leaf.text):
            return None
        worst = worst or Breach(leaf, seen=shown(leaf.text), expected="0.00 +")
    return worst


def _dates(_: Facts, period: Group) -> Breach | None:
    start, end = period.leaf("StartDate"), period.leaf("EndDate")
    if start is None or end is None or day(end) >= day(start):
        return None
    return Breach(end, seen=shown(end.text), expected=f"{shown(start.text)} +")


def day(leaf: Element) -> tuple[int, ...]:
    """Something that days can be compared by; the schema has seen to the form (``xs:date``).

    A day with a time zone begins where its zone says, one without where UTC does.
    """
    found = _DATE.fullmatch((leaf.text or "").strip(BLANKS))
    if found is None:
        return ()
    # Counted by hand: ``datetime`` ends at the year 9999, and a schema-valid date does not.
    month = int(found[1]) * 12 + int(found[2]) - 3
    year, month = month // 12, month % 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + int(found[3])
    offset = (int(found[5]) * 60 + int(found[6])) * (-1 if found[4] == "-" else 1) if found[4] else 0
    return (days * 24 * 60 - offset,)


_DATE = re.compile(r"(-?[0-9]{4,9})-([0-9]{2})-([0-9]{2})(?:Z|([+-])([0-9]{2}):([0-9]{2}))?")


def _seller_names(facts: Facts) -> frozenset[str]:
    return frozenset(facts.root.texts_as_written("AccountingSupplierParty", "Party", "PartyName", "Name"))


def _seller_ids(facts: Facts) -> frozenset[str]:
    return frozenset(
        facts.root.texts_as_written("AccountingSupplierParty", "Party", "PartyIdentification", "ID")
    )


def _payee(facts: Facts, payee: Group) -> Breach | None:
    """BG-10 is for a payee that is not the seller."""
    names = payee.texts_as_written("PartyName", "Name")
    if (
        names
        and facts.once(_seller_names).isdisjoint(names)
        and facts.once(_seller_ids).isdisjoint(payee.texts_as_written("PartyIdentification", "ID"))
    ):
        return None
    return Breach(payee.element, seen=shown(next(iter(names), None)), expected="PartyName/Name")


def seller_known(*, creditor: bool) -> Check:
    """Some number of the seller is there; with ``creditor`` that of a creditor (SEPA) will do."""

    def check(_: Facts, supplier: Group) -> Breach | None:
        for party in supplier.groups.get("Party", ()):
            if vat_items(party, "PartyTaxScheme", "CompanyID") or party.at("PartyLegalEntity", "CompanyID"):
                return None
            if any(
                creditor or leaf.get("schemeID") != "SEPA" for leaf in party.at("PartyIdentification", "ID")
            ):
                return None
        return Breach(supplier.element, expected="Party/PartyLegalEntity/CompanyID")

    return check


def _account(_: Facts, means: Group) -> Breach | None:
    """BT-84 for a credit transfer."""
    if not any(leaf.text in ("30", "58") for leaf in means.leaves.get("PaymentMeansCode", ())):
        return None
    for account in means.groups.get("PayeeFinancialAccount", ()):
        leaf = account.leaf("ID")
        if leaf is None or not written(leaf):
            return Breach(account.element if leaf is None else leaf, expected="ID")
    return None


def _transfer(_: Facts, means: Group) -> Breach | None:
    leaf = means.leaf("PaymentMeansCode")
    code = "" if leaf is None else normal(leaf.text)
    if code not in ("30", "58") or items(means, ("PayeeFinancialAccount", "ID")):
        return None
    return Breach(means.element, seen=code, expected="PayeeFinancialAccount/ID")


def _rate(_: Facts, subtotal: Group) -> Breach | None:
    """BT-119, save where the category is not subject to VAT."""
    for category in vat_groups(subtotal, "TaxCategory"):
        code = category.leaf("ID")
        if "Percent" in category.leaves or (code is not None and normal(code.text) == "O"):
            return None
    return Breach(subtotal.element, expected="TaxCategory/Percent")


def _tax_currencies(facts: Facts) -> frozenset[str | None]:
    return frozenset(
        amount.get("currencyID")
        for tax_total in facts.groups_everywhere("cac:TaxTotal")
        for amount in tax_total.leaves.get("TaxAmount", ())
    )


def _tax_currency(facts: Facts, leaf: Element) -> Breach | None:
    if (leaf.text or "") in facts.once(_tax_currencies):
        return None
    return Breach(leaf, seen=shown(leaf.text), expected="TaxTotal/TaxAmount")


def _property(_: Facts, group: Group) -> Breach | None:
    return next((found for check in _PROPERTY if (found := check(_, group))), None)


_PROPERTY = (exists("Name"), exists("Value"))
_REASON = exists("AllowanceChargeReason", "AllowanceChargeReasonCode")

RULES: tuple[Rule, ...] = (
    Rule("BR-01", "fatal", ("BT-24",), filled("CustomizationID")),
    Rule("BR-02", "fatal", ("BT-1",), filled("ID")),
    Rule("BR-03", "fatal", ("BT-2",), filled("IssueDate")),
    Rule("BR-04", "fatal", ("BT-3",), filled("InvoiceTypeCode", "CreditNoteTypeCode")),
    Rule("BR-05", "fatal", ("BT-5",), filled("DocumentCurrencyCode")),
    Rule("BR-06", "fatal", ("BT-27",), filled(f"{SELLER}/PartyLegalEntity/RegistrationName")),
    Rule("BR-07", "fatal", ("BT-44",), filled(f"{BUYER}/PartyLegalEntity/RegistrationName")),
    Rule("BR-08", "fatal", ("BG-5",), exists(f"{SELLER}/PostalAddress")),
    Rule("BR-09", "fatal", ("BT-40",), filled("Country/IdentificationCode"),
         "cac:AccountingSupplierParty/cac:Party/cac:PostalAddress"),
    Rule("BR-10", "fatal", ("BG-8",), exists(f"{BUYER}/PostalAddress")),
    Rule("BR-11", "fatal", ("BT-55",), filled("Country/IdentificationCode"),
         "cac:AccountingCustomerParty/cac:Party/cac:PostalAddress"),
    Rule("BR-12", "fatal", ("BT-106",), exists("LineExtensionAmount"), "cac:LegalMonetaryTotal"),
    Rule("BR-13", "fatal", ("BT-109",), exists("TaxExclusiveAmount"), "cac:LegalMonetaryTotal"),
    Rule("BR-14", "fatal", ("BT-112",), exists("TaxInclusiveAmount"), "cac:LegalMonetaryTotal"),
    Rule("BR-15", "fatal", ("BT-115",), exists("PayableAmount"), "cac:LegalMonetaryTotal"),
    Rule("BR-16", "fatal", ("BG-25",), _line_exists),
    Rule("BR-17", "fatal", ("BT-59", "BG-10"), _payee, PAYEE),
    Rule("BR-18", "fatal", ("BT-62",), filled("PartyName/Name"), REPRESENTATIVE),
    Rule("BR-19", "fatal", ("BG-12",), exists("PostalAddress"), REPRESENTATIVE),
    Rule("BR-20", "fatal", ("BT-69",), filled("Country/IdentificationCode"),
         "cac:TaxRepresentativeParty/cac:PostalAddress"),
    Rule("BR-21", "fatal", ("BT-126",), filled("ID"), LINE),
    Rule("BR-22", "fatal", ("BT-129",), exists(*_QUANTITIES), LINE),
    Rule("BR-23", "fatal", ("BT-130",), _unit, LINE),
    Rule("BR-24", "fatal", ("BT-131",), exists("LineExtensionAmount"), LINE),
    Rule("BR-25", "fatal", ("BT-153",), filled("Item/Name"), LINE),
    Rule("BR-26", "fatal", ("BT-146",), exists("Price/PriceAmount"), LINE),
    Rule("BR-27", "fatal", ("BT-146",), _price, LINE),
    Rule("BR-28", "fatal", ("BT-148",), _gross_price, LINE),
    Rule("BR-29", "fatal", ("BT-73", "BT-74"), _dates, PERIOD),
    Rule("BR-30", "fatal", ("BT-134", "BT-135"), _dates, f"{LINE}/cac:InvoicePeriod"),
    Rule("BR-31", "fatal", ("BT-92",), allowance(exists("Amount")), CHARGE_OR_ALLOWANCE),
    Rule("BR-32", "fatal", ("BT-95",), allowance(_vat("TaxCategory", "ID")), CHARGE_OR_ALLOWANCE),
    Rule("BR-33", "fatal", ("BT-97", "BT-98"), allowance(_REASON), CHARGE_OR_ALLOWANCE),
    Rule("BR-36", "fatal", ("BT-99",), charge(exists("Amount")), CHARGE_OR_ALLOWANCE),
    Rule("BR-37", "fatal", ("BT-102",), charge(_vat("TaxCategory", "ID")), CHARGE_OR_ALLOWANCE),
    Rule("BR-38", "fatal", ("BT-104", "BT-105"), charge(_REASON), CHARGE_OR_ALLOWANCE),
    Rule("BR-41", "fatal", ("BT-136",), allowance(exists("Amount")), LINE_CHARGE_OR_ALLOWANCE),
    Rule("BR-42", "fatal", ("BT-139", "BT-140"), allowance(_REASON), LINE_CHARGE_OR_ALLOWANCE),
    Rule("BR-43", "fatal", ("BT-141",), charge(exists("Amount")), LINE_CHARGE_OR_ALLOWANCE),
    Rule("BR-44", "fatal", ("BT-144", "BT-145"), charge(_REASON), LINE_CHARGE_OR_ALLOWANCE),
    Rule("BR-45", "fatal", ("BT-116",), exists("TaxableAmount"), SUBTOTAL),
    Rule("BR-46", "fatal", ("BT-117",), exists("TaxAmount"), SUBTOTAL),
    Rule("BR-47", "fatal", ("BT-118",), _vat("TaxCategory", "ID"), SUBTOTAL),
    Rule("BR-48", "fatal", ("BT-119",), _rate, SUBTOTAL),
    Rule("BR-49", "fatal", ("BT-81",), exists("PaymentMeansCode"), "cac:PaymentMeans"),
    Rule("BR-50", "fatal", ("BT-84",), _account, "cac:PaymentMeans"),
    Rule("BR-52", "fatal", ("BT-122",), filled("ID"), "cac:AdditionalDocumentReference"),
    Rule("BR-53", "fatal", ("BT-6", "BT-111"), _tax_currency, "/cbc:TaxCurrencyCode"),
    Rule("BR-54", "fatal", ("BT-160", "BT-161"), _property, "cac:AdditionalItemProperty"),
    Rule("BR-55", "fatal", ("BT-25",), exists("InvoiceDocumentReference/ID"), "cac:BillingReference"),
    Rule("BR-56", "fatal", ("BT-63",), _vat("PartyTaxScheme", "CompanyID"), REPRESENTATIVE),
    Rule("BR-57", "fatal", ("BT-80",), exists("Country/IdentificationCode"),
         "cac:Delivery/cac:DeliveryLocation/cac:Address"),
    Rule("BR-61", "fatal", ("BT-84",), _transfer, "cac:PaymentMeans"),
    Rule("BR-62", "fatal", ("BT-34",), attribute("schemeID"),
         "cac:AccountingSupplierParty/cac:Party/cbc:EndpointID"),
    Rule("BR-63", "fatal", ("BT-49",), attribute("schemeID"),
         "cac:AccountingCustomerParty/cac:Party/cbc:EndpointID"),
    Rule("BR-64", "fatal", ("BT-157",), attribute("schemeID"),
         f"{LINE}/cac:Item/cac:StandardItemIdentification/cbc:ID"),
    Rule("BR-65", "fatal", ("BT-158",), attribute("listID"),
         f"{LINE}/cac:Item/cac:CommodityClassification/cbc:ItemClassificationCode"),
    Rule("BR-CO-26", "fatal", ("BT-29", "BT-30", "BT-31"), seller_known(creditor=False),
         "cac:AccountingSupplierParty"),
)  # fmt: skip
