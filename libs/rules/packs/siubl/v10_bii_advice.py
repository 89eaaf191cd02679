"""SI-UBL 1.0: what BII and Peppol of 2013 only advise (warnings of BIIRULE-T10), and two of Simplerinvoicing's own."""

from __future__ import annotations

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Group
from libs.rules.checks import exists, shown
from libs.rules.packs.peppol.numbers import number
from libs.rules.packs.siubl.places import claims_10, warning
from libs.rules.rule import Breach, Check, Rule

_SELLER, _BUYER = "AccountingSupplierParty", "AccountingCustomerParty"
_ADDRESS = ("Party", "PostalAddress")
_COUNTRY = (*_ADDRESS, "Country", "IdentificationCode")
_ACCOUNT = "PayeeFinancialAccount"
_LONGEST = 50
"""Characters of the name of an item."""


def _place(_: Facts, role: Group) -> Breach | None:
    if role.at(*_ADDRESS, "ID") or (role.at(*_ADDRESS, "CityName") and role.at(*_ADDRESS, "PostalZone")):
        return None
    return Breach(role.element, expected="Party/PostalAddress/CityName, PostalZone")


def _prefixed(other: str) -> Check:
    """The first VAT number of a party begins with its country, where the other party sits in another one."""

    def check(facts: Facts, role: Group) -> Breach | None:
        schemes = [
            each for party in role.groups.get("Party", ()) for each in party.groups.get("PartyTaxScheme", ())
        ]
        numbers = [leaf for each in schemes for leaf in each.leaves.get("CompanyID", ())]
        vat = [each for each in schemes if any(leaf.text == "VAT" for leaf in each.at("TaxScheme", "ID"))]
        own, others = role.at(*_COUNTRY), facts.root.at(other, *_COUNTRY)
        if not any("CompanyID" in each.leaves for each in vat) or not own or not others:
            return None
        country = own[0].text or ""
        if country == (others[0].text or "") or (numbers[0].text or "").startswith(country):
            return None
        return Breach(numbers[0], seen=shown(numbers[0].text), expected=shown(country))

    return check


def _day(text: str | None) -> float:
    return number((text or "").replace("-", ""))


def _due(facts: Facts, means: Group) -> Breach | None:
    """Both days are read as numbers: one with a time zone is none, and so never late enough."""
    due = means.leaf("PaymentDueDate")
    if due is None:
        return None
    issued = [] if facts.is_credit_note else facts.root.leaves.get("IssueDate", [])
    if issued and _day(due.text) >= _day(issued[0].text):
        return None
    return Breach(due, seen=shown(due.text), expected=shown(issued[0].text) if issued else None)


def _account(facts: Facts, means: Group) -> Breach | None:
    if not any(leaf.text == "31" for leaf in means.leaves.get("PaymentMeansCode", ())):
        return None
    if facts.root.at("PaymentMeans", _ACCOUNT, "ID"):
        return None
    return Breach(means.element, expected=f"{_ACCOUNT}/ID")


def _bank(_: Facts, means: Group) -> Breach | None:
    """The account is an IBAN: then its bank is named."""
    schemes = [scheme for leaf in means.at(_ACCOUNT, "ID") if (scheme := leaf.get("schemeID")) is not None]
    if not schemes or any(scheme != "IBAN" for scheme in schemes):
        return None
    if means.at(_ACCOUNT, "FinancialInstitutionBranch", "FinancialInstitution", "ID"):
        return None
    return Breach(means.element, expected=f"{_ACCOUNT}/FinancialInstitutionBranch/FinancialInstitution/ID")


def _short(_: Facts, item: Group) -> Breach | None:
    name = item.leaf("Name")
    if name is None or len(name.text or "") <= _LONGEST:
        return None
    return Breach(name, seen=shown(name.text), expected=f"0 – {_LONGEST}")


def _told(group: str, leaf: str, attribute: str) -> Check:
    """A number of an item says of what kind it is."""

    def check(_: Facts, item: Group) -> Breach | None:
        found = item.groups.get(group)
        if not found or any(each.get(attribute) is not None for each in item.at(group, leaf)):
            return None
        return Breach(found[0].element, expected=f"{leaf}/@{attribute}")

    return check


def _both(_: Facts, adjustment: Group) -> Breach | None:
    """A percentage and what it is taken of belong together."""
    names = ("MultiplierFactorNumeric", "BaseAmount")
    there = [name for name in names if name in adjustment.leaves]
    if len(there) != 1:
        return None
    missing = names[1 - names.index(there[0])]
    return Breach(adjustment.leaves[there[0]][0], expected=missing)


def _bii(id_: str, terms: str, check: Check, where: str) -> Rule:
    return warning(f"BIIRULE-T10-R{id_}", terms, check, where, claims_10)


_ITEM, _MEANS, _ADJUSTMENT = "cac:Item", "cac:PaymentMeans", "cac:AllowanceCharge"

RULES: tuple[Rule, ...] = (
    _bii("002", "BT-37 BT-38", _place, f"cac:{_SELLER}"),
    _bii("003", "BT-31", _prefixed(_BUYER), f"cac:{_SELLER}"),
    _bii("004", "BT-52 BT-53", _place, f"cac:{_BUYER}"),
    _bii("005", "BT-48", _prefixed(_SELLER), f"cac:{_BUYER}"),
    _bii("006", "BT-9", _due, _MEANS),
    _bii("007", "BT-84", _account, _MEANS),
    _bii("008", "BT-86", _bank, _MEANS),
    _bii("019", "BT-153", _short, _ITEM),
    _bii("020", "BT-157", _told("StandardItemIdentification", "ID", "schemeID"), _ITEM),
    _bii("021", "BT-158", _told("CommodityClassification", "ItemClassificationCode", "listID"), _ITEM),
    warning("SI-UBL-INV-R435", "BT-94 BT-101", _both, _ADJUSTMENT, claims_10),
    warning("SI-UBL-INV-R444", "BT-97 BT-104", exists("AllowanceChargeReason"), _ADJUSTMENT, claims_10),
)
