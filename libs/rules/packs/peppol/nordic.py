"""Peppol BIS Billing 3: the rules of Norway, Denmark, Sweden and Iceland (NO, DK, SE, IS), as release 2026.5 asks them."""

from __future__ import annotations

import re
from collections.abc import Callable

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown
from libs.rules.packs.peppol import numbers as check_digits
from libs.rules.packs.peppol.codes import is_date
from libs.rules.packs.peppol.places import (
    danish,
    danish_both,
    danish_invoice,
    icelandic,
    icelandic_both,
    norwegian,
    numbers,
    raw,
    registrations,
    swedish,
    swedish_both,
    swedish_vat,
    text,
)
from libs.rules.rule import Breach, Check, Condition, Rule, Severity

_SELLER = "cac:AccountingSupplierParty/cac:Party"
_BUYER = "cac:AccountingCustomerParty/cac:Party"
_REGISTER = "Foretaksregisteret"
_NORWEGIAN_VAT = re.compile(r"[0-9]{9}MVA")
_DANISH_MEANS = ("1", "10", "31", "42", "48", "49", "50", "58", "59", "93", "97")
_UNSPSC = frozenset(("19.05.01", "19.0501", "26.08.01", "26.0801"))
_CVR = "0184"
_ICELANDIC = "0196"
_DUE = "EINDAGI"
_TAXED = "GODKÄND FÖR F-SKATT"


def _register(_: Facts, party: Group) -> Breach | None:
    found = numbers(party, "TAX")
    if found and normal(found[0].text) == _REGISTER:
        return None
    where = found[0] if found else party.element
    return Breach(where, seen=shown(found[0].text) if found else None, expected=_REGISTER)


def _norwegian_vat(_: Facts, party: Group) -> Breach | None:
    for leaf in numbers(party):
        number = leaf.text or ""
        if number.startswith("NO") and not (
            _NORWEGIAN_VAT.fullmatch(number[2:]) and check_digits.mod11(number[2:11])
        ):
            return Breach(leaf, seen=shown(number), expected="NO123456785MVA")
    return None


def _danish_legal(_: Facts, root: Group) -> Breach | None:
    found = root.at("AccountingSupplierParty", "Party", "PartyLegalEntity", "CompanyID")
    if found and normal(found[0].text):
        return None
    return Breach(found[0] if found else root.element, expected="PartyLegalEntity/CompanyID")


def _cvr(*path: str) -> Check:
    def check(_: Facts, group: Group) -> Breach | None:
        for leaf in group.at(*path):
            scheme = leaf.get("schemeID")
            if normal(scheme) != _CVR:
                return Breach(leaf, seen=shown(scheme) or None, expected=_CVR)
        return None

    return check


def _danish_credit(facts: Facts, _: Group) -> Breach | None:
    if not facts.is_credit_note or not danish_both(facts):
        return None
    for totals in facts.totals:
        payable = facts.number(totals, "PayableAmount")
        if payable is not None and payable < 0:
            return Breach(totals.leaves["PayableAmount"][0], seen=str(payable), expected="0.00 +")
    return None


def _schemed(_: Facts, identification: Group) -> Breach | None:
    for leaf in identification.leaves.get("ID", ()):
        if not normal(leaf.get("schemeID")):
            return Breach(leaf, seen=shown(leaf.text) or None, expected="@schemeID")
    return None


def _code(means: Group) -> str:
    return raw(means, "PaymentMeansCode")


def _danish_means(_: Facts, means: Group) -> Breach | None:
    code = _code(means)
    if f" {code} " in f" {' '.join(_DANISH_MEANS)} ":
        return None
    leaf = means.leaf("PaymentMeansCode")
    where = means.element if leaf is None else leaf
    return Breach(where, seen=shown(code), expected=", ".join(_DANISH_MEANS))


def _danish_account(_: Facts, means: Group) -> Breach | None:
    if _code(means) not in ("31", "42"):
        return None
    account = ("PayeeFinancialAccount",)
    if text(means, *account, "ID") and text(means, *account, "FinancialInstitutionBranch", "ID"):
        return None
    return Breach(means.element, expected="PayeeFinancialAccount/FinancialInstitutionBranch/ID")


def _danish_debit(_: Facts, means: Group) -> Breach | None:
    if _code(means) != "49":
        return None
    if text(means, "PaymentMandate", "ID") and text(means, "PaymentMandate", "PayerFinancialAccount", "ID"):
        return None
    return Breach(means.element, expected="PaymentMandate/PayerFinancialAccount/ID")


def _giro(means: Group) -> Breach | None:
    account = raw(means, "PayeeFinancialAccount", "ID")
    if raw(means, "PaymentID")[:3] in ("01#", "04#", "15#") and check_digits.digits(account, 7, 8):
        return None
    return _payment(means, "01#, 04#, 15#")


def _giro_length(means: Group) -> Breach | None:
    number = raw(means, "PaymentID")
    return (
        _payment(means, "04#1234567890123456") if number[:3] in ("04#", "15#") and len(number) != 19 else None
    )


def _card(means: Group) -> Breach | None:
    account = raw(means, "PayeeFinancialAccount", "ID")
    if raw(means, "PaymentID")[:3] in ("71#", "73#", "75#") and len(account) == 8:
        return None
    return _payment(means, "71#, 73#, 75#")


def _card_length(means: Group) -> Breach | None:
    number = raw(means, "PaymentID")
    wrong = number[:3] in ("71#", "75#") and len(number) not in (18, 19)
    return _payment(means, "71#1234567890123456") if wrong else None


def _payment(means: Group, expected: str) -> Breach:
    leaf = means.leaf("PaymentID")
    seen = None if leaf is None else shown(leaf.text)
    return Breach(means.element if leaf is None else leaf, seen=seen, expected=expected)


def _paid_by(code: str, check: Callable[[Group], Breach | None]) -> Check:
    return lambda _, means: check(means) if _code(means) == code else None


def _classified(_: Facts, line: Group) -> Breach | None:
    found = line.at("Item", "CommodityClassification", "ItemClassificationCode")
    named = [leaf for leaf in found if leaf.get("listID") == "TST"]
    if not named or any(leaf.get("listVersionID") in _UNSPSC for leaf in found):
        return None
    return Breach(named[0], seen=shown(named[0].get("listVersionID")), expected="26.08.01")


def _danish_tax(_: Facts, adjustment: Group) -> Breach | None:
    if raw(adjustment, "AllowanceChargeReasonCode") != "ZZZ":
        return None
    leaf = adjustment.leaf("AllowanceChargeReason")
    reason = "" if leaf is None else leaf.text or ""
    if len(normal(reason)) == 4 and 0 <= check_digits.number(reason) <= 9999:
        return None
    if "#" in reason and not reason.startswith("#") and not reason.endswith("#"):
        return None
    return Breach(
        adjustment.element if leaf is None else leaf, seen=shown(reason) or None, expected="1234#Afgift"
    )


def _swedish_vats(party: Group) -> list[Element]:
    return [leaf for each in registrations(party) for leaf in each.leaves.get("CompanyID", ())]


def _swedish_length(_: Facts, party: Group) -> Breach | None:
    for leaf in _swedish_vats(party):
        if len(normal(leaf.text)) != 14:
            return Breach(leaf, seen=shown(leaf.text), expected="SE123456789001")
    return None


def _swedish_digits(_: Facts, party: Group) -> Breach | None:
    for leaf in _swedish_vats(party):
        if not check_digits.is_number((leaf.text or "")[2:14]):
            return Breach(leaf, seen=shown(leaf.text), expected="SE123456789001")
    return None


def _organisation(holds: Callable[[str], bool]) -> Check:
    def check(_: Facts, leaf: Element) -> Breach | None:
        return None if holds(leaf.text or "") else Breach(leaf, seen=shown(leaf.text), expected="5560360793")

    return check


def _taxed(_: Facts, party: Group) -> Breach | None:
    if not party.at("PartyLegalEntity", "CompanyID"):
        return None
    for registration in party.groups.get("PartyTaxScheme", ()):
        if any(normal((leaf.text or "").upper()) == "VAT" for leaf in registration.at("TaxScheme", "ID")):
            continue
        for leaf in registration.leaves.get("CompanyID", ()):
            if normal((leaf.text or "").upper()) != _TAXED:
                return Breach(leaf, seen=shown(leaf.text), expected="Godkänd för F-skatt")
    return None


def _swedish_rate(_: Facts, category: Group) -> Breach | None:
    if not any(leaf.text == "S" for leaf in category.leaves.get("ID", ())):
        return None
    leaf = category.leaf("Percent")
    if leaf is not None and check_digits.number(leaf.text or "") in (25.0, 12.0, 6.0):
        return None
    where = category.element if leaf is None else leaf
    return Breach(where, seen=None if leaf is None else shown(leaf.text), expected="6, 12, 25")


def _swedish_account(giro: str, holds: Callable[[str], bool], expected: str) -> Check:
    def check(_: Facts, means: Group) -> Breach | None:
        account = ("PayeeFinancialAccount",)
        if text(means, "PaymentMeansCode") != "30":
            return None
        if text(means, *account, "FinancialInstitutionBranch", "ID") != giro:
            return None
        for leaf in means.at(*account, "ID"):
            if not holds(normal(leaf.text)):
                return Breach(leaf, seen=shown(leaf.text), expected=expected)
        return None

    return check


def _other_code(*codes: str) -> Check:
    def check(_: Facts, means: Group) -> Breach | None:
        leaf = means.leaf("PaymentMeansCode")
        if leaf is None or leaf.text not in codes:
            return None
        return Breach(leaf, seen=leaf.text, expected="30")

    return check


def _icelandic_type(_: Facts, root: Group) -> Breach | None:
    found = [leaf for name in ("InvoiceTypeCode", "CreditNoteTypeCode") for leaf in root.leaves.get(name, ())]
    if any(normal(leaf.text) in ("380", "381") for leaf in found):
        return None
    leaf = found[0] if found else None
    return Breach(root.element if leaf is None else leaf, expected="380, 381")


def _kennitala(*path: str) -> Check:
    def check(_: Facts, group: Group) -> Breach | None:
        found = group.at(*path, "PartyLegalEntity", "CompanyID")
        if any(leaf.get("schemeID") == _ICELANDIC for leaf in found):
            return None
        where = found[0] if found else group.element
        return Breach(where, expected="PartyLegalEntity/CompanyID[@schemeID='0196']")

    return check


def _icelandic_address(*path: str) -> Check:
    def check(_: Facts, group: Group) -> Breach | None:
        address = (*path, "PostalAddress")
        if group.at(*address, "StreetName") and group.at(*address, "PostalZone"):
            return None
        return Breach(group.element, expected="StreetName, PostalZone")

    return check


def _icelandic_account(code: str) -> Check:
    def check(_: Facts, root: Group) -> Breach | None:
        means = [each for each in root.groups.get("PaymentMeans", ()) if _code(each) == code]
        if not means:
            return None
        accounts = [leaf for each in means for leaf in each.at("PayeeFinancialAccount", "ID")]
        if accounts and len(normal(accounts[0].text)) == 12:
            return None
        where = accounts[0] if accounts else means[0].element
        return Breach(where, seen=shown(accounts[0].text) if accounts else None, expected="123456789012")

    return check


def _due_dates(root: Group) -> list[Group]:
    return [
        each
        for each in root.groups.get("AdditionalDocumentReference", ())
        if any(leaf.text == _DUE for leaf in each.leaves.get("DocumentDescription", ()))
    ]


def _due_form(_: Facts, root: Group) -> Breach | None:
    for reference in _due_dates(root):
        found = raw(reference, "ID")
        if len(found) != 10 or not is_date(found):
            return Breach(reference.element, seen=shown(found) or None, expected="2026-12-31")
    return None


def _due_date(_: Facts, root: Group) -> Breach | None:
    return Breach(root.element, expected="DueDate") if _due_dates(root) and not root.has("DueDate") else None


def _due_order(_: Facts, root: Group) -> Breach | None:
    """The final date for paying without interest is not before the due date: compared as texts, as they stand."""
    references = _due_dates(root)
    if not references:
        return None
    due = root.leaf("DueDate")
    if due is not None and any((due.text or "") <= raw(each, "ID") for each in references):
        return None
    where = references[0].element
    return Breach(
        where, seen=shown(raw(references[0], "ID")), expected=None if due is None else shown(due.text)
    )


def _rule(
    id_: str, terms: str, check: Check, when: Condition, where: str = "/", severity: Severity = "fatal"
) -> Rule:
    return Rule(id_, severity, tuple(terms.split()), check, where, when)


def _warning(id_: str, terms: str, check: Check, when: Condition, where: str = "/") -> Rule:
    return _rule(id_, terms, check, when, where, "warning")


_LEGAL = f"{_SELLER}/cac:PartyLegalEntity/cbc:CompanyID"
_MEANS = "cac:PaymentMeans"
_OWN_MEANS = "/cac:PaymentMeans"


def _two_to_eight(account: str) -> bool:
    return 2 <= len(account) <= 8


def _seven_or_eight(account: str) -> bool:
    return len(account) in (7, 8)


RULES: tuple[Rule, ...] = (
    _warning("NO-R-002", "BT-32", _register, norwegian, _SELLER),
    _rule("NO-R-001", "BT-31", _norwegian_vat, norwegian, _SELLER),
    _rule("DK-R-002", "BT-30", _danish_legal, danish),
    _rule("DK-R-014", "BT-30", _cvr("AccountingSupplierParty", "Party", "PartyLegalEntity", "CompanyID"), danish),
    _rule("DK-R-016", "BT-115", _danish_credit, danish),
    _rule("DK-R-013", "BT-29 BT-46", _schemed, danish_both,
          "/cac:AccountingSupplierParty/cac:Party/cac:PartyIdentification "
          "/cac:AccountingCustomerParty/cac:Party/cac:PartyIdentification"),
    _rule("DK-R-005", "BT-81", _danish_means, danish_invoice, _OWN_MEANS),
    _rule("DK-R-006", "BT-84", _danish_account, danish_invoice, _OWN_MEANS),
    _rule("DK-R-007", "BT-89 BT-91", _danish_debit, danish_invoice, _OWN_MEANS),
    _rule("DK-R-008", "BT-83", _paid_by("50", _giro), danish_invoice, _OWN_MEANS),
    _rule("DK-R-009", "BT-83", _paid_by("50", _giro_length), danish_invoice, _OWN_MEANS),
    _rule("DK-R-010", "BT-83", _paid_by("93", _card), danish_invoice, _OWN_MEANS),
    _rule("DK-R-011", "BT-83", _paid_by("93", _card_length), danish_invoice, _OWN_MEANS),
    _rule("DK-R-017", "BT-47", _cvr("PartyLegalEntity", "CompanyID"), danish_both,
          "/cac:AccountingCustomerParty/cac:Party"),
    _rule("DK-R-003", "BT-158", _classified, danish_both, "/Line"),
    _rule("DK-R-004", "BT-97 BT-104 BT-139 BT-144", _danish_tax, danish_both, "cac:AllowanceCharge"),
    _rule("SE-R-001", "BT-31", _swedish_length, swedish_vat, _SELLER),
    _rule("SE-R-002", "BT-31", _swedish_digits, swedish_vat, _SELLER),
    _rule("SE-R-003", "BT-30", _organisation(check_digits.is_number), swedish, _LEGAL),
    _rule("SE-R-004", "BT-30", _organisation(lambda text: len(normal(text)) == 10), swedish, _LEGAL),
    _rule("SE-R-013", "BT-30", _organisation(lambda text: check_digits.swedish(normal(text))), swedish, _LEGAL),
    _rule("SE-R-005", "BT-32", _taxed, swedish, _SELLER),
    _rule("SE-R-006", "BT-96 BT-103 BT-119 BT-152", _swedish_rate, swedish_vat,
          "cac:TaxCategory cac:ClassifiedTaxCategory"),
    _warning("SE-R-007", "BT-84", _swedish_account("SE:PLUSGIRO", check_digits.is_number, "1234567"), swedish, _MEANS),
    _warning("SE-R-010", "BT-84", _swedish_account("SE:PLUSGIRO", _two_to_eight, "1234567"), swedish, _MEANS),
    _warning("SE-R-008", "BT-84", _swedish_account("SE:BANKGIRO", check_digits.is_number, "1234567"), swedish, _MEANS),
    _warning("SE-R-009", "BT-84", _swedish_account("SE:BANKGIRO", _seven_or_eight, "1234567"), swedish, _MEANS),
    _warning("SE-R-011", "BT-81", _other_code("50", "56"), swedish, _MEANS),
    _warning("SE-R-012", "BT-81", _other_code("31"), swedish_both, _MEANS),
    _warning("IS-R-001", "BT-3", _icelandic_type, icelandic),
    _rule("IS-R-002", "BT-30", _kennitala("AccountingSupplierParty", "Party"), icelandic),
    _rule("IS-R-003", "BT-35 BT-38", _icelandic_address("AccountingSupplierParty", "Party"), icelandic),
    _rule("IS-R-006", "BT-84", _icelandic_account("9"), icelandic),
    _rule("IS-R-007", "BT-84", _icelandic_account("42"), icelandic),
    _rule("IS-R-008", "BT-122", _due_form, icelandic),
    _rule("IS-R-009", "BT-9", _due_date, icelandic),
    _rule("IS-R-010", "BT-9", _due_order, icelandic),
    _rule("IS-R-004", "BT-47", _kennitala("Party"), icelandic_both, "/cac:AccountingCustomerParty"),
    _rule("IS-R-005", "BT-50 BT-53", _icelandic_address("Party"), icelandic_both, "/cac:AccountingCustomerParty"),
)  # fmt: skip
