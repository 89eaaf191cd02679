"""NLCIUS (SI-UBL 2.0.3.13), first part: what Dutch law and practice add to EN 16931.

*Condition G*: the CustomizationID names NLCIUS or its extension for g-accounts. *Condition S*: G, and the
seller's country is NL. Codes are compared letter by letter, as the official rules do, save where those strip
blanks themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from libs.einvoice.facts import Facts, NotANumberError
from libs.einvoice.tree import Element, Group
from libs.rules.packs import en16931
from libs.rules.packs.structure import NUMBERS
from libs.rules.rule import Breach, Check, Pack, Rule

_START = "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"
_MARKS = ("#compliant#urn:fdc:nen.nl:nlcius:v1.0", "#conformant#urn:fdc:nen.nl:gaccount:v1.0")
_REGISTERS = frozenset({"0106", "0190"})
_TYPES = ("380", "381", "384", "389")
_MEANS = ("30", "48", "49", "57", "58", "59")
_ADDRESS = ("StreetName", "CityName", "PostalZone")
_LEGAL_ID = "cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0106']"
_SHOWN = 200


def nlcius(facts: Facts) -> bool:
    """Condition G."""
    return any(mark in facts.customization for mark in _MARKS)


def dutch_seller(facts: Facts) -> bool:
    """Condition S."""
    return facts.seller is not None and facts.seller.country == "NL" and nlcius(facts)


def _customized(facts: Facts) -> Iterator[Breach]:
    if facts.root.leaf("CustomizationID") is None:
        yield Breach(facts.root.element, expected="cbc:CustomizationID")


def _claims_nlcius(facts: Facts) -> Iterator[Breach]:
    for leaf in facts.root.leaves.get("CustomizationID", ()):
        claim = " ".join((leaf.text or "").split())
        if not claim.startswith(_START):
            yield Breach(leaf, seen=claim[:_SHOWN], expected=_START)


def _shown(leaf: Element) -> str:
    return (leaf.text or "")[:_SHOWN]


def _registered(ids: list[Element]) -> bool:
    # The official rules join the schemes with blanks and look for a word.
    return not _REGISTERS.isdisjoint(" ".join(leaf.get("schemeID") or "" for leaf in ids).split(" "))


def _ids(ids: list[Element]) -> str | None:
    shown = (f"{leaf.get('schemeID') or '?'}:{(leaf.text or '').strip()}" for leaf in ids)
    return ", ".join(shown)[:_SHOWN] or None


def _seller_id(facts: Facts) -> Iterator[Breach]:
    for party in facts.root.within("AccountingSupplierParty", "Party"):
        ids = party.at("PartyLegalEntity", "CompanyID")
        if not _registered(ids) or not any((leaf.text or "").strip() for leaf in ids):
            yield Breach(ids[0] if ids else party.element, seen=_ids(ids), expected=_LEGAL_ID)


def _reference(facts: Facts) -> Iterator[Breach]:
    if not facts.root.has("BuyerReference") and not facts.root.at("OrderReference", "ID"):
        yield Breach(facts.root.element, expected="cbc:BuyerReference")


def _missing(address: Group) -> Iterator[Breach]:
    missing = [name for name in _ADDRESS if not address.has(name)]
    if missing:
        yield Breach(address.element, expected=", ".join(f"cbc:{name}" for name in missing))


def _seller_address(facts: Facts) -> Iterator[Breach]:
    for address in facts.root.within("AccountingSupplierParty", "Party", "PostalAddress"):
        yield from _missing(address)


def _address_if_dutch(*path: str) -> Check:
    """The three fields, save where a country is named that is not NL. No country at all is not let off."""

    def check(facts: Facts) -> Iterator[Breach]:
        for address in facts.root.within(*path):
            if not any(leaf.text != "NL" for leaf in address.at("Country", "IdentificationCode")):
                yield from _missing(address)

    return check


def _type(facts: Facts) -> Iterator[Breach]:
    for leaf in facts.type_codes:
        if leaf.text not in _TYPES:
            yield Breach(leaf, seen=_shown(leaf), expected=", ".join(_TYPES))


def _type_and_root(facts: Facts) -> Iterator[Breach]:
    for leaf in facts.type_codes:
        if (leaf.text == "381") is not facts.is_credit_note:
            yield Breach(leaf, seen=_shown(leaf), expected="381" if facts.is_credit_note else "380, 384, 389")


def _correction(facts: Facts) -> Iterator[Breach]:
    for leaf in facts.type_codes:
        path = ("BillingReference", "InvoiceDocumentReference", "ID")
        if leaf.text == "384" and not facts.root.at(*path):
            yield Breach(
                leaf, seen="384", expected="cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
            )


def _buyer_id(facts: Facts) -> Iterator[Breach]:
    buyer = ("AccountingCustomerParty", "Party")
    country = (*buyer, "PostalAddress", "Country", "IdentificationCode")
    dutch = any(leaf.text == "NL" for leaf in facts.root.at(*country))
    known = _registered(facts.root.at(*buyer, "PartyLegalEntity", "CompanyID"))
    for entity in facts.root.within(*buyer, "PartyLegalEntity"):
        ids = entity.leaves.get("CompanyID", [])
        blank = bool(ids) and not any((leaf.text or "").strip() for leaf in ids)
        if blank or (dutch and not known):
            yield Breach(ids[0] if ids else entity.element, seen=_ids(ids), expected=_LEGAL_ID)


def _needs_means(facts: Facts) -> Iterator[Breach]:
    if facts.is_credit_note or facts.root.has("PaymentMeans"):
        return
    for group in facts.totals:
        try:
            payable = facts.number(group, "PayableAmount")
        except NotANumberError:
            continue
        if payable is None or payable > 0:
            yield Breach(facts.root.element, expected="cac:PaymentMeans")


def _means(facts: Facts) -> Iterator[Breach]:
    for group in facts.root.within("PaymentMeans"):
        code = " ".join(group.text("PaymentMeansCode").split())
        if code not in _MEANS:
            leaf = group.leaf("PaymentMeansCode")
            yield Breach(
                group.element if leaf is None else leaf, seen=code[:_SHOWN], expected=", ".join(_MEANS)
            )


def _order_line(facts: Facts) -> Iterator[Breach]:
    if facts.root.at("OrderReference", "ID"):
        return
    for line in facts.lines:
        for leaf in line.at("OrderLineReference", "LineID"):
            yield Breach(leaf, seen=_shown(leaf), expected="cac:OrderReference/cbc:ID")


RULES: tuple[Rule, ...] = (
    Rule("BII2-T10-R001", "fatal", ("BT-24",), _customized),
    Rule("SI-V20-INV-R000", "fatal", ("BT-24",), _claims_nlcius),
    Rule("BR-NL-1", "fatal", ("BT-30",), _seller_id, dutch_seller),
    Rule("BR-NL-2", "fatal", ("BT-10", "BT-13"), _reference, dutch_seller),
    Rule("BR-NL-3", "fatal", ("BT-35", "BT-37", "BT-38"), _seller_address, dutch_seller),
    Rule(
        "BR-NL-4",
        "fatal",
        ("BT-50", "BT-52", "BT-53"),
        _address_if_dutch("AccountingCustomerParty", "Party", "PostalAddress"),
        dutch_seller,
    ),
    Rule(
        "BR-NL-5",
        "fatal",
        ("BT-64", "BT-66", "BT-67"),
        _address_if_dutch("TaxRepresentativeParty", "PostalAddress"),
        dutch_seller,
    ),
    Rule("BR-NL-7", "fatal", ("BT-3",), _type, dutch_seller),
    Rule("BR-NL-8", "fatal", ("BT-3",), _type_and_root, dutch_seller),
    Rule("BR-NL-9", "fatal", ("BT-25",), _correction, dutch_seller),
    Rule("BR-NL-10", "fatal", ("BT-47",), _buyer_id, dutch_seller),
    Rule("BR-NL-11", "fatal", ("BG-16",), _needs_means, dutch_seller),
    Rule("BR-NL-12", "fatal", ("BT-81",), _means, dutch_seller),
    Rule("BR-NL-13", "fatal", ("BT-132", "BT-13"), _order_line, nlcius),
)

PACK = Pack(
    "nlcius",
    "SI-UBL 2.0.3.13, fatal rules, on EN16931-UBL 1.3.16, mandatory terms and totals",
    (*en16931.RULES, *RULES, NUMBERS),
)
