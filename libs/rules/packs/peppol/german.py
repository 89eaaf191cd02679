"""Peppol BIS Billing 3: the rules of Germany (DE-R), as release 2026.5 asks them where both parties are German."""

from __future__ import annotations

import re
from collections.abc import Callable

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Group
from libs.rules.checks import filled, shown
from libs.rules.packs.peppol import numbers
from libs.rules.packs.peppol.places import at, german_both, raw, text
from libs.rules.rule import Breach, Check, Rule, Severity

_SELLER = "/cac:AccountingSupplierParty"
_BUYER = "/cac:AccountingCustomerParty"
_CODES = frozenset(("S", "Z", "E", "AE", "K", "G", "L", "M"))
_TYPE = ("InvoiceTypeCode", "CreditNoteTypeCode")
_TYPES = frozenset(("326", "380", "384", "389", "381", "875", "876", "877"))
_TRANSFER, _CARD, _DEBIT = ("30", "58"), ("48", "54", "55"), ("59",)
_EMAIL = re.compile(r"[^@\s]+@([^@.\s]+\.)+[^@.\s]+")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]+:")
_THREE = re.compile(r"(?:[^0-9]*[0-9]){3}")
_DISCOUNT = r"#SKONTO#TAGE=[0-9]+#PROZENT=[0-9]+\.[0-9]{2}(?:#BASISBETRAG=-?[0-9]+\.[0-9]{2})?#\Z"
_HASHED = re.compile(r"#[^\n\r]+#")
_NEWLINE = re.compile(r"\s*\n")
_LONGEST = 320
"""Characters of an e-mail address."""


def _means(_: Facts, root: Group) -> Breach | None:
    return None if "PaymentMeans" in root.groups else Breach(root.element, expected="PaymentMeans")


def _type_codes(root: Group) -> tuple[str, str]:
    return text(root, "InvoiceTypeCode"), text(root, "CreditNoteTypeCode")


def _tax_numbers(_: Facts, root: Group) -> Breach | None:
    """A VAT or tax number of the seller, or a tax representative, where a VAT category asks for it."""
    used = {leaf.text for leaf in root.at("InvoiceLine", "Item", "ClassifiedTaxCategory", "ID")}
    used |= {leaf.text for leaf in root.at("CreditNoteLine", "Item", "ClassifiedTaxCategory", "ID")}
    for adjustment in root.groups.get("AllowanceCharge", ()):
        if any(leaf.text in ("false", "true") for leaf in adjustment.leaves.get("ChargeIndicator", ())):
            used |= {leaf.text for leaf in adjustment.at("TaxCategory", "ID")}
    if _CODES.isdisjoint(used) or "TaxRepresentativeParty" in root.groups:
        return None
    path = ("AccountingSupplierParty", "Party", "PartyTaxScheme", "CompanyID")
    if any(normal(leaf.text) for leaf in root.at(*path)):
        return None
    return Breach(root.element, expected="PartyTaxScheme/CompanyID")


def type_(read: Callable[[Group], tuple[str, str]]) -> Check:
    """The type of document is one that is used in Germany, as ``read`` reads it."""

    def check(_: Facts, root: Group) -> Breach | None:
        if not _TYPES.isdisjoint(read(root)):
            return None
        leaf = next((found for name in _TYPE if (found := root.leaf(name)) is not None), None)
        return at(root, leaf, ", ".join(sorted(_TYPES)))

    return check


def type_as_written(root: Group) -> tuple[str, str]:
    return raw(root, "InvoiceTypeCode"), raw(root, "CreditNoteTypeCode")


def discount(*, alone: bool) -> Check:
    """Lines of the payment terms that begin with a hash are a discount in a form of its own, and end with their line.

    ``alone``: nothing stands before it on its line.
    """
    form = re.compile(rf"\A{_DISCOUNT}" if alone else _DISCOUNT)
    return lambda _, root: _discounted(root, form)


def _discounted(root: Group, form: re.Pattern[str]) -> Breach | None:
    for terms in root.groups.get("PaymentTerms", ()):
        note = terms.leaf("Note")
        if note is None:
            continue
        written = note.text or ""
        lines = [line for part in written.split("\n") if (line := normal(part)).startswith("#")]
        if not lines:
            continue
        ended = _NEWLINE.match(_HASHED.split(written)[-1]) is not None
        for line in lines:
            if not ended or form.search(line) is None:
                return Breach(note, seen=shown(line), expected="#SKONTO#TAGE=14#PROZENT=2.25#")
    return None


def _same_files(_: Facts, root: Group) -> Breach | None:
    names: set[str] = set()
    for reference in root.groups.get("AdditionalDocumentReference", ()):
        own = [
            name
            for leaf in reference.at("Attachment", "EmbeddedDocumentBinaryObject")
            if (name := leaf.get("filename")) is not None
        ]
        if not names.isdisjoint(own):
            return Breach(reference.element, seen=shown(own[0]))
        names.update(own)
    return None


def _corrected(_: Facts, root: Group) -> Breach | None:
    if "384" not in _type_codes(root) or root.within("BillingReference", "InvoiceDocumentReference"):
        return None
    return Breach(root.element, expected="BillingReference/InvoiceDocumentReference")


def _creditor(_: Facts, root: Group) -> Breach | None:
    if not root.within("PaymentMeans", "PaymentMandate"):
        return None
    ids = [
        *root.at("AccountingSupplierParty", "Party", "PartyIdentification", "ID"),
        *root.at("PayeeParty", "PartyIdentification", "ID"),
    ]
    if any(leaf.get("schemeID") == "SEPA" for leaf in ids):
        return None
    return Breach(root.element, expected="PartyIdentification/ID[@schemeID='SEPA']")


def _debtor(_: Facts, root: Group) -> Breach | None:
    mandates = root.within("PaymentMeans", "PaymentMandate")
    if not mandates or root.at("PaymentMeans", "PaymentMandate", "PayerFinancialAccount", "ID"):
        return None
    return Breach(mandates[0].element, expected="PayerFinancialAccount/ID")


def _address_of_file(_: Facts, reference: Group) -> Breach | None:
    leaf = reference.leaf("URI")
    if leaf is not None and _URL.match(leaf.text or ""):
        return None
    return at(reference, leaf, "https://…")


def _contact(_: Facts, supplier: Group) -> Breach | None:
    return None if supplier.within("Party", "Contact") else Breach(supplier.element, expected="Party/Contact")


def _telephone(_: Facts, contact: Group) -> Breach | None:
    if _THREE.match(text(contact, "Telephone")):
        return None
    return at(contact, contact.leaf("Telephone"))


def email(form: re.Pattern[str]) -> Check:
    """The address of the contact has that form."""

    def check(_: Facts, contact: Group) -> Breach | None:
        address = text(contact, "ElectronicMail")
        if len(address) <= _LONGEST and form.fullmatch(address):
            return None
        return at(contact, contact.leaf("ElectronicMail"), "naam@voorbeeld.nl")

    return check


def _paid_by(codes: tuple[str, ...], check: Callable[[Group], Breach | None]) -> Check:
    def checked(_: Facts, means: Group) -> Breach | None:
        return check(means) if text(means, "PaymentMeansCode") in codes else None

    return checked


def _has(codes: tuple[str, ...], name: str) -> Check:
    return _paid_by(
        codes, lambda means: None if name in means.groups else Breach(means.element, expected=name)
    )


def _has_not(codes: tuple[str, ...], *names: str) -> Check:
    def check(means: Group) -> Breach | None:
        found = next((name for name in names if name in means.groups), None)
        return None if found is None else Breach(means.groups[found][0].element, seen=found)

    return _paid_by(codes, check)


def _iban(codes: tuple[str, ...], *path: str) -> Check:
    def check(means: Group) -> Breach | None:
        found = means.at(*path)
        leaf = found[0] if found else None
        if leaf is not None and numbers.iban(leaf.text or ""):
            return None
        return at(means, leaf)

    return _paid_by(codes, check)


def _rule(id_: str, terms: str, check: Check, where: str = "/", severity: Severity = "fatal") -> Rule:
    return Rule(f"DE-R-{id_}", severity, tuple(terms.split()), check, where, german_both)


def _warning(id_: str, terms: str, check: Check, where: str = "/") -> Rule:
    return _rule(id_, terms, check, where, "warning")


_ADDRESS = "cac:Party/cac:PostalAddress"
_CONTACT = f"{_SELLER}/cac:Party/cac:Contact"
_DELIVERY = "/cac:Delivery/cac:DeliveryLocation/cac:Address"
_MEANS = "/cac:PaymentMeans"

RULES: tuple[Rule, ...] = (
    _rule("001", "BG-16", _means),
    _rule("015", "BT-10", filled("BuyerReference")),
    _rule("016", "BT-31 BT-32", _tax_numbers),
    _warning("017", "BT-3", type_(_type_codes)),
    _rule("018", "BT-20", discount(alone=True)),
    _rule("022", "BG-24", _same_files),
    _warning("026", "BG-3", _corrected),
    _rule("030", "BT-90", _creditor),
    _rule("031", "BT-91", _debtor),
    _warning("T02", "BT-124", _address_of_file,
             "/cac:AdditionalDocumentReference/cac:Attachment/cac:ExternalReference"),
    _rule("002", "BG-6", _contact, _SELLER),
    _rule("003", "BT-37", filled("CityName"), f"{_SELLER}/{_ADDRESS}"),
    _rule("004", "BT-38", filled("PostalZone"), f"{_SELLER}/{_ADDRESS}"),
    _rule("005", "BT-41", filled("Name"), _CONTACT),
    _rule("006", "BT-42", filled("Telephone"), _CONTACT),
    _rule("007", "BT-43", filled("ElectronicMail"), _CONTACT),
    _warning("027", "BT-42", _telephone, _CONTACT),
    _warning("028", "BT-43", email(_EMAIL), _CONTACT),
    _rule("008", "BT-52", filled("CityName"), f"{_BUYER}/{_ADDRESS}"),
    _rule("009", "BT-53", filled("PostalZone"), f"{_BUYER}/{_ADDRESS}"),
    _rule("010", "BT-77", filled("CityName"), _DELIVERY),
    _rule("011", "BT-78", filled("PostalZone"), _DELIVERY),
    _warning("019", "BT-84", _iban(("58",), "PayeeFinancialAccount", "ID"), _MEANS),
    _rule("023-1", "BG-17", _has(_TRANSFER, "PayeeFinancialAccount"), _MEANS),
    _rule("023-2", "BG-17", _has_not(_TRANSFER, "CardAccount", "PaymentMandate"), _MEANS),
    _rule("024-1", "BG-18", _has(_CARD, "CardAccount"), _MEANS),
    _rule("024-2", "BG-18", _has_not(_CARD, "PayeeFinancialAccount", "PaymentMandate"), _MEANS),
    _warning("020", "BT-91", _iban(_DEBIT, "PaymentMandate", "PayerFinancialAccount", "ID"), _MEANS),
    _rule("025-1", "BG-19", _has(_DEBIT, "PaymentMandate"), _MEANS),
    _rule("025-2", "BG-19", _has_not(_DEBIT, "PayeeFinancialAccount", "CardAccount"), _MEANS),
    _rule("014", "BT-119", filled("TaxCategory/Percent"), "/cac:TaxTotal/cac:TaxSubtotal"),
)  # fmt: skip
