"""Peppol BIS Billing 3: code lists (CL), what its processes allow (P), and dates (F), as release 2026.5 asks them."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Container

from libs.einvoice.facts import Facts
from libs.einvoice.text import BLANKS, normal
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import shown
from libs.rules.packs.peppol.general import approved
from libs.rules.packs.peppol.places import german_both, text
from libs.rules.rule import Breach, Check, Rule

_AMOUNTS = (
    "cbc:Amount cbc:BaseAmount cbc:PriceAmount cbc:TaxAmount cbc:TaxableAmount cbc:LineExtensionAmount "
    "cbc:TaxExclusiveAmount cbc:TaxInclusiveAmount cbc:AllowanceTotalAmount cbc:ChargeTotalAmount "
    "cbc:PrepaidAmount cbc:PayableRoundingAmount cbc:PayableAmount"
)
INVOICES = frozenset((
    "71", "80", "82", "84", "102", "218", "219", "326", "331", "380", "382", "383", "384", "386",
    "388", "393", "395", "553", "575", "623", "780", "817", "870", "875", "876", "877",
))  # fmt: skip
CREDIT_NOTES = frozenset(("381", "396", "81", "83", "532"))
_GERMAN = ("326", "384")
# The dobra of São Tomé was changed in 2018; the list of EN 16931 still has the old one.
_CURRENCIES = codelists.codes("currency") - {"STD"} | {"STN"}
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DAY_AND_ZONE = re.compile(
    r"-?([1-9][0-9]{4,}|[0-9]{4})-([0-9]{2})-([0-9]{2})(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
)


def is_date(value: str) -> bool:
    """Whether a text can be cast to ``xs:date``."""
    found = _DAY_AND_ZONE.fullmatch(value.strip(BLANKS))
    if found is None:
        return False
    year, month = int(found[1][-4:]) or 2000, int(found[2])
    return 1 <= month <= 12 and 1 <= int(found[3]) <= monthrange(year, month)[1]


def _date(_: Facts, leaf: Element) -> Breach | None:
    written = leaf.text or ""
    if len(written) == 10 and is_date(written):
        return None
    return Breach(leaf, seen=shown(written), expected="2026-12-31")


def written(name: str, codes: Container[str]) -> Check:
    """The attribute is in the list as it is written."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        code = leaf.get(name)
        return None if code in codes else Breach(leaf, seen=shown(code))

    return check


def _reason(codes: Container[str], indicator: str) -> Check:
    def check(_: Facts, adjustment: Group) -> Breach | None:
        if not any(leaf.text == indicator for leaf in adjustment.leaves.get("ChargeIndicator", ())):
            return None
        for leaf in adjustment.leaves.get("AllowanceChargeReasonCode", ()):
            if normal(leaf.text) not in codes:
                return Breach(leaf, seen=shown(leaf.text))
        return None

    return check


def _listed(codes: Container[str]) -> Check:
    def check(_: Facts, leaf: Element) -> Breach | None:
        return None if normal(leaf.text) in codes else Breach(leaf, seen=shown(leaf.text))

    return check


def process(codes: Container[str], asked: Callable[[str], bool]) -> Check:
    """In the list, where the process (BT-23) is one of those that ask it."""
    listed = _listed(codes)

    def check(facts: Facts, leaf: Element) -> Breach | None:
        return listed(facts, leaf) if asked(text(facts.root, "ProfileID")) else None

    return check


def _german_only(facts: Facts, leaf: Element) -> Breach | None:
    code = normal(leaf.text)
    return Breach(leaf, seen=code, expected="380") if code in _GERMAN and not german_both(facts) else None


def _category(reason: str, code: str) -> Check:
    """An exemption reason that belongs to one VAT category."""

    def check(_: Facts, category: Group) -> Breach | None:
        if not any(
            (leaf.text or "").upper() == reason for leaf in category.leaves.get("TaxExemptionReasonCode", ())
        ):
            return None
        found = text(category, "ID")
        leaf = category.leaf("ID")
        where = category.element if leaf is None else leaf
        return None if found == code else Breach(where, seen=shown(found), expected=code)

    return check


def _exemption(number: int, reason: str, code: str) -> Rule:
    terms = ("BT-118", "BT-121")
    check = _category(f"VATEX-EU-{reason}", code)
    return Rule(f"PEPPOL-EN16931-P0{number}", "fatal", terms, check, "cac:TaxCategory")


def _rule(id_: str, terms: str, check: Check, where: str) -> Rule:
    return Rule(f"PEPPOL-EN16931-{id_}", "fatal", tuple(terms.split()), check, where)


_REASONS = "cac:AllowanceCharge"

RULES: tuple[Rule, ...] = (
    _rule("CL001", "BT-125", written("mimeCode", codelists.codes("attachment_type")),
          "cbc:EmbeddedDocumentBinaryObject/@mimeCode"),
    _rule("CL002", "BT-98 BT-140", _reason(codelists.codes("allowance_reason"), "false"), _REASONS),
    _rule("CL003", "BT-105 BT-145", _reason(codelists.codes("charge_reason"), "true"), _REASONS),
    _rule("CL006", "BT-8", _listed(codelists.codes("tax_point")), "cac:InvoicePeriod/cbc:DescriptionCode"),
    _rule("CL007", "BT-5", written("currencyID", _CURRENCIES), _AMOUNTS),
    _rule("P0100", "BT-3", process(INVOICES, approved), "cbc:InvoiceTypeCode"),
    _rule("P0112", "BT-3", _german_only, "cbc:InvoiceTypeCode"),
    _rule("P0101", "BT-3", process(CREDIT_NOTES, approved), "cbc:CreditNoteTypeCode"),
    _rule("F001", "BT-2 BT-9", _date,
          "cbc:IssueDate cbc:DueDate cbc:TaxPointDate cbc:StartDate cbc:EndDate cbc:ActualDeliveryDate"),
    _rule("CL008", "BT-34 BT-49", written("schemeID", codelists.codes("peppol_endpoint_scheme")),
          "cbc:EndpointID/@schemeID"),
    _exemption(104, "G", "G"),
    _exemption(105, "O", "O"),
    _exemption(106, "IC", "K"),
    _exemption(107, "AE", "AE"),
    _exemption(108, "D", "E"),
    _exemption(109, "F", "E"),
    _exemption(110, "I", "E"),
    _exemption(111, "J", "E"),
)  # fmt: skip
