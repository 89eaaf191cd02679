"""Peppol BIS Billing 3: the rules of Greece and Italy (GR, IT), as release 2026.5 asks them."""

from __future__ import annotations

import re

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown
from libs.rules.packs.peppol import numbers as check_digits
from libs.rules.packs.peppol.places import (
    greek_both,
    greek_seller,
    greek_sender,
    greek_sender_in_greece,
    italian,
    numbers,
    raw,
    registrations,
    text,
)
from libs.rules.rule import Breach, Check, Condition, Rule, Severity

_SELLER = "cac:AccountingSupplierParty/cac:Party"
_BUYER = "cac:AccountingCustomerParty/cac:Party"
_MARK, _URL = "##M.AR.K##", "##INVOICE|URL##"
_DAY = re.compile(r"(?:0?[1-9]|[12][0-9]|3[01])[-\\/ ]?(?:0?[1-9]|1[0-2])[-\\/ ]?(?:19|20)[0-9]{2}")
_KINDS = ("1.1", "1.6", "2.1", "2.4", "5.1", "5.2")
_TAX_CODE = re.compile(r"[A-Z0-9]{11,16}")
_POSITIVE = re.compile(r"[1-9]")
_NUMBER = "123456789|31/12/2026|1|2.1|A|1"


def _parts(leaf: Element) -> list[str]:
    return leaf.text.split("|") if leaf.text else []


def _part(leaf: Element, number: int) -> str:
    parts = _parts(leaf)
    return parts[number - 1] if len(parts) >= number else ""


def _numbered(leaf: Element) -> Breach:
    return Breach(leaf, seen=shown(leaf.text) or None, expected=_NUMBER)


def _six(_: Facts, leaf: Element) -> Breach | None:
    return None if len(_parts(leaf)) == 6 else _numbered(leaf)


def _greek_numbers(facts: Facts) -> frozenset[str]:
    parties = (
        *facts.root.within("AccountingSupplierParty", "Party"),
        *facts.root.within("TaxRepresentativeParty"),
    )
    return frozenset(raw(each, "CompanyID")[2:11] for party in parties for each in registrations(party))


def _tin(facts: Facts, leaf: Element) -> Breach | None:
    part = _part(leaf, 1)
    if len(normal(part)) == 9 and check_digits.greek(part) and part in facts.once(_greek_numbers):
        return None
    return _numbered(leaf)


def _day(facts: Facts, leaf: Element) -> Breach | None:
    part = _part(leaf, 2)
    issued = raw(facts.root, "IssueDate").split("-")
    told = part.split("/")
    same = len(issued) >= 3 and len(told) >= 3 and told[:3] == [issued[2], issued[1], issued[0]]
    return None if same and _DAY.match(part) else _numbered(leaf)


def _third(_: Facts, leaf: Element) -> Breach | None:
    part = _part(leaf, 3)
    return None if check_digits.is_integer(part) and int(part[:50]) >= 0 else _numbered(leaf)


def _kind(_: Facts, leaf: Element) -> Breach | None:
    return None if _part(leaf, 4) in _KINDS else _numbered(leaf)


def _there(number: int) -> Check:
    return lambda _, leaf: None if _part(leaf, number) else _numbered(leaf)


def _name(_: Facts, party: Group) -> Breach | None:
    return None if raw(party, "PartyName", "Name") else Breach(party.element, expected="PartyName/Name")


def _vat(_: Facts, party: Group) -> Breach | None:
    found = numbers(party)
    if len(found) == 1 and _greek_vat(found[0].text or ""):
        return None
    where = found[0] if found else party.element
    return Breach(where, seen=shown(found[0].text) if found else None, expected="EL123456789")


def _greek_vat(number: str) -> bool:
    return number.startswith("EL") and check_digits.greek(number[2:])


def _vats(_: Facts, party: Group) -> Breach | None:
    for leaf in numbers(party):
        if not _greek_vat(leaf.text or ""):
            return Breach(leaf, seen=shown(leaf.text), expected="EL123456789")
    return None


def _described(root: Group, description: str) -> list[Group]:
    return [each for each in root.groups.get("AdditionalDocumentReference", ()) if _says(each, description)]


def _says(reference: Group, description: str) -> bool:
    return any(leaf.text == description for leaf in reference.leaves.get("DocumentDescription", ()))


def _counted(description: str, *allowed: int) -> Check:
    def check(_: Facts, root: Group) -> Breach | None:
        found = _described(root, description)
        if len(found) in allowed:
            return None
        return Breach(found[1].element if len(found) > 1 else root.element, expected=description)

    return check


def _mark(_: Facts, reference: Group) -> Breach | None:
    for leaf in reference.leaves.get("ID", ()) if _says(reference, _MARK) else ():
        if not _POSITIVE.match(leaf.text or ""):
            return Breach(leaf, seen=shown(leaf.text) or None)
    return None


def _address(_: Facts, reference: Group) -> Breach | None:
    if not _says(reference, _URL) or text(reference, "Attachment", "ExternalReference", "URI"):
        return None
    return Breach(reference.element, expected="Attachment/ExternalReference/URI")


def _endpoint(_: Facts, leaf: Element) -> Breach | None:
    if leaf.get("schemeID") == "9933" and check_digits.greek(leaf.text or ""):
        return None
    return Breach(leaf, seen=shown(leaf.text) or None, expected="@schemeID 9933")


def _tax_code(_: Facts, party: Group) -> Breach | None:
    for registration in party.groups.get("PartyTaxScheme", ()):
        schemes = registration.at("TaxScheme", "ID")
        if any(normal(leaf.text) == "VAT" for leaf in schemes):
            continue
        leaf = registration.leaf("CompanyID")
        if leaf is None or not _TAX_CODE.fullmatch(normal(leaf.text)):
            where = registration.element if leaf is None else leaf
            return Breach(where, seen=None if leaf is None else shown(leaf.text))
    return None


def _rule(
    id_: str, terms: str, check: Check, when: Condition, where: str, severity: Severity = "fatal"
) -> Rule:
    return Rule(id_, severity, tuple(terms.split()), check, where, when)


_REFERENCE = "cac:AdditionalDocumentReference"


def _of_address(name: str) -> Check:
    def check(_: Facts, party: Group) -> Breach | None:
        if party.at("PostalAddress", name):
            return None
        return Breach(party.element, expected=f"PostalAddress/{name}")

    return check


RULES: tuple[Rule, ...] = (
    _rule("IT-R-001", "BT-32", _tax_code, italian, _SELLER),
    _rule("IT-R-002", "BT-35", _of_address("StreetName"), italian, _SELLER),
    _rule("IT-R-003", "BT-37", _of_address("CityName"), italian, _SELLER),
    _rule("IT-R-004", "BT-38", _of_address("PostalZone"), italian, _SELLER),
    _rule("GR-R-001-1", "BT-1", _six, greek_sender, "/cbc:ID"),
    _rule("GR-R-001-2", "BT-1", _tin, greek_sender, "/cbc:ID"),
    _rule("GR-R-001-3", "BT-1", _day, greek_sender, "/cbc:ID"),
    _rule("GR-R-001-4", "BT-1", _third, greek_sender, "/cbc:ID"),
    _rule("GR-R-001-5", "BT-1", _kind, greek_sender, "/cbc:ID"),
    _rule("GR-R-001-6", "BT-1", _there(5), greek_sender, "/cbc:ID"),
    _rule("GR-R-001-7", "BT-1", _there(6), greek_sender, "/cbc:ID"),
    _rule("GR-R-002", "BT-27", _name, greek_sender, _SELLER),
    _rule("GR-S-011", "BT-31", _vat, greek_sender, _SELLER, "warning"),
    _rule("GR-R-003", "BT-31", _vats, greek_sender, _SELLER),
    _rule("GR-R-004-1", "BG-24", _counted(_MARK, 1), greek_sender_in_greece, "/"),
    _rule("GR-S-008-1", "BG-24", _counted(_URL, 1), greek_sender_in_greece, "/", "warning"),
    _rule("GR-R-008-2", "BG-24", _counted(_URL, 0, 1), greek_sender_in_greece, "/"),
    _rule("GR-R-004-2", "BT-122", _mark, greek_sender_in_greece, _REFERENCE),
    _rule("GR-R-008-3", "BT-124", _address, greek_sender, _REFERENCE),
    _rule("GR-R-005", "BT-44", _name, greek_sender, _BUYER),
    _rule("GR-R-009", "BT-34", _endpoint, greek_seller, f"{_SELLER}/cbc:EndpointID"),
    _rule("GR-R-006", "BT-48", _vat, greek_both, _BUYER),
    _rule("GR-R-010", "BT-49", _endpoint, greek_both, f"{_BUYER}/cbc:EndpointID"),
)  # fmt: skip
