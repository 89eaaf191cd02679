"""NLCIUS (SI-UBL 2.0.3.13): what Dutch law and practice add to EN 16931.

*Condition G*: the CustomizationID names NLCIUS or its extension for g-accounts. *Condition S*: G, and the
seller's country is NL. Codes are compared letter by letter, as the official rules do, save where those strip
blanks themselves. ``BR-NL-32-2`` and ``-3`` stand behind ``-1``, which is about the same elements, and never speak;
so does the second set of them, which was meant as ``BR-NL-34``.
"""

from __future__ import annotations

from collections.abc import Iterator

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group, written
from libs.einvoice.trie import Pattern
from libs.rules.checks import currencies, items, shown, unused
from libs.rules.packs import en16931
from libs.rules.packs.structure import NUMBERS
from libs.rules.rule import Breach, Check, Condition, Finish, Pack, Rule, Severity, always

_START = "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"
_MARKS = ("#compliant#urn:fdc:nen.nl:nlcius:v1.0", "#conformant#urn:fdc:nen.nl:gaccount:v1.0")
_REGISTERS = frozenset({"0106", "0190"})
_TYPES = ("380", "381", "384", "389")
_MEANS = ("30", "48", "49", "57", "58", "59")
_SEPA = ("58", "59")
_ADDRESS = ("StreetName", "CityName", "PostalZone")
_LEGAL_ID = "cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0106']"
_CORRECTED = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"

_SELLER = "cac:AccountingSupplierParty/cac:Party"
_BUYER = "cac:AccountingCustomerParty/cac:Party"
_REPRESENTATIVE = "cac:TaxRepresentativeParty"
_DELIVERY = "cac:Delivery/cac:DeliveryLocation/cac:Address"


def nlcius(facts: Facts) -> bool:
    """Condition G."""
    return any(mark in facts.customization for mark in _MARKS)


def dutch_seller(facts: Facts) -> bool:
    """Condition S."""
    return facts.seller is not None and facts.seller.country == "NL" and nlcius(facts)


def _customized(_: Facts, root: Group) -> Breach | None:
    if "CustomizationID" in root.leaves:
        return None
    return Breach(root.element, expected="cbc:CustomizationID")


def _claims_nlcius(_: Facts, leaf: Element) -> Breach | None:
    claim = normal(leaf.text)
    return None if claim.startswith(_START) else Breach(leaf, seen=shown(claim), expected=_START)


def _registered(ids: list[Element]) -> bool:
    # The official rules join the schemes with blanks and look for a word.
    return not _REGISTERS.isdisjoint(" ".join(leaf.get("schemeID") or "" for leaf in ids).split(" "))


def _ids(ids: list[Element]) -> str | None:
    return shown(", ".join(map(_id, ids))) or None


def _id(leaf: Element) -> str:
    scheme = leaf.get("schemeID")
    return f"{normal(leaf.text)} ({scheme})" if scheme else normal(leaf.text)


def _seller_id(_: Facts, party: Group) -> Breach | None:
    ids = party.at("PartyLegalEntity", "CompanyID")
    if _registered(ids) and any(map(written, ids)):
        return None
    return Breach(ids[0] if ids else party.element, seen=_ids(ids), expected=_LEGAL_ID)


def _dutch_buyer_unknown(facts: Facts) -> bool:
    """A buyer in the Netherlands, and no number of a Dutch register."""
    party = ("AccountingCustomerParty", "Party")
    countries = facts.root.at(*party, "PostalAddress", "Country", "IdentificationCode")
    if not any(leaf.text == "NL" for leaf in countries):
        return False
    return not _registered(facts.root.at(*party, "PartyLegalEntity", "CompanyID"))


def _buyer_id(facts: Facts, entity: Group) -> Breach | None:
    ids = entity.leaves.get("CompanyID", [])
    nameless = bool(ids) and not any(map(written, ids))
    if not nameless and not facts.once(_dutch_buyer_unknown):
        return None
    return Breach(ids[0] if ids else entity.element, seen=_ids(ids), expected=_LEGAL_ID)


def _ordered(facts: Facts) -> bool:
    return bool(facts.root.at("OrderReference", "ID"))


def _corrects(facts: Facts) -> bool:
    return bool(facts.root.at("BillingReference", "InvoiceDocumentReference", "ID"))


def _reference(facts: Facts, root: Group) -> Breach | None:
    if root.has("BuyerReference") or facts.once(_ordered):
        return None
    return Breach(root.element, expected="cbc:BuyerReference")


def _address(_: Facts, address: Group) -> Breach | None:
    missing = [name for name in _ADDRESS if not address.has(name)]
    if not missing:
        return None
    return Breach(address.element, expected=", ".join(f"cbc:{name}" for name in missing))


def _address_if_dutch(facts: Facts, address: Group) -> Breach | None:
    """The three fields, save where a country is named that is not NL. No country at all is not let off."""
    if any(leaf.text != "NL" for leaf in address.at("Country", "IdentificationCode")):
        return None
    return _address(facts, address)


def _type(_: Facts, leaf: Element) -> Breach | None:
    return None if leaf.text in _TYPES else Breach(leaf, seen=shown(leaf.text), expected=", ".join(_TYPES))


def _type_and_root(facts: Facts, leaf: Element) -> Breach | None:
    if (leaf.text == "381") is facts.is_credit_note:
        return None
    return Breach(leaf, seen=shown(leaf.text), expected="381" if facts.is_credit_note else "380, 384, 389")


def _correction(facts: Facts, leaf: Element) -> Breach | None:
    if leaf.text != "384" or facts.once(_corrects):
        return None
    return Breach(leaf, seen="384", expected=_CORRECTED)


def _has_means(facts: Facts) -> bool:
    # Anywhere: UBL has payment means in an allowance or charge too.
    return bool(facts.groups_everywhere("cac:PaymentMeans"))


def _needs_means(facts: Facts, group: Group) -> Breach | None:
    if facts.is_credit_note or facts.once(_has_means):
        return None
    payable = facts.number(group, "PayableAmount")
    return (
        None
        if payable is not None and payable <= 0
        else Breach(facts.root.element, expected="cac:PaymentMeans")
    )


def _code(means: Group) -> str:
    leaf = means.leaf("PaymentMeansCode")
    return "" if leaf is None else normal(leaf.text)


def _means(_: Facts, means: Group) -> Breach | None:
    code = _code(means)
    if code in _MEANS:
        return None
    leaf = means.leaf("PaymentMeansCode")
    return Breach(means.element if leaf is None else leaf, seen=shown(code), expected=", ".join(_MEANS))


def _branch(_: Facts, means: Group) -> Breach | None:
    ids = means.at("PayeeFinancialAccount", "FinancialInstitutionBranch", "ID")
    return Breach(ids[0], seen=shown(ids[0].text)) if ids and _code(means) in _SEPA else None


def _order_line(facts: Facts, leaf: Element) -> Breach | None:
    if facts.once(_ordered):
        return None
    return Breach(leaf, seen=shown(leaf.text), expected="cac:OrderReference/cbc:ID")


def _vat_number(_: Facts, scheme: Group) -> Breach | None:
    if "CompanyID" not in scheme.leaves or any(leaf.text == "VAT" for leaf in scheme.at("TaxScheme", "ID")):
        return None
    found = items(scheme, ("TaxScheme", "ID")) or [scheme]
    return unused(_, found[0])


def _means_name(_: Facts, leaf: Element) -> Breach | None:
    name = leaf.get("name")
    return None if name is None else Breach(leaf, seen=shown(name))


def _own_currency(facts: Facts, leaf: Element) -> Breach | None:
    currency = leaf.get("currencyID")
    if currency is not None and currency in facts.once(currencies):
        return None
    return Breach(leaf, seen=shown(currency))


def _rule(
    id_: str,
    terms: str,
    check: Check,
    where: str,
    when: Condition = dutch_seller,
    severity: Severity = "fatal",
) -> Rule:
    return Rule(id_, severity, tuple(terms.split()), check, where, when)


def _warning(id_: str, terms: str, where: str, check: Check = unused) -> Rule:
    return _rule(id_, terms, check, where, severity="warning")


_TYPE = "cbc:InvoiceTypeCode cbc:CreditNoteTypeCode"

RULES: tuple[Rule, ...] = (
    _rule("BII2-T10-R001", "BT-24", _customized, "/", always),
    _rule("SI-V20-INV-R000", "BT-24", _claims_nlcius, "cbc:CustomizationID", always),
    _rule("BR-NL-1", "BT-30", _seller_id, _SELLER),
    _rule("BR-NL-2", "BT-10 BT-13", _reference, "/"),
    _rule("BR-NL-3", "BT-35 BT-37 BT-38", _address, f"{_SELLER}/cac:PostalAddress"),
    _rule("BR-NL-4", "BT-50 BT-52 BT-53", _address_if_dutch, f"{_BUYER}/cac:PostalAddress"),
    _rule("BR-NL-5", "BT-64 BT-66 BT-67", _address_if_dutch, f"{_REPRESENTATIVE}/cac:PostalAddress"),
    _rule("BR-NL-7", "BT-3", _type, _TYPE),
    _rule("BR-NL-8", "BT-3", _type_and_root, _TYPE),
    _rule("BR-NL-9", "BT-25", _correction, _TYPE),
    _rule("BR-NL-10", "BT-47", _buyer_id, f"{_BUYER}/cac:PartyLegalEntity"),
    _rule("BR-NL-11", "BG-16", _needs_means, "/cac:LegalMonetaryTotal"),
    _rule("BR-NL-12", "BT-81", _means, "cac:PaymentMeans"),
    _rule("BR-NL-13", "BT-132 BT-13", _order_line, "cac:OrderLineReference/cbc:LineID", nlcius),
    _warning("BR-NL-19", "BT-6", "cbc:TaxCurrencyCode"),
    _warning("BR-NL-20", "BT-7", "cbc:TaxPointDate"),
    _warning("BR-NL-21", "BT-8", "cac:InvoicePeriod/cbc:DescriptionCode"),
    _warning("BR-NL-24", "BT-26", "cac:BillingReference/cac:InvoiceDocumentReference/cbc:IssueDate"),
    _warning("BR-NL-25", "BT-32", f"{_SELLER}/cac:PartyTaxScheme", _vat_number),
    _warning("BR-NL-26", "BT-33", f"{_SELLER}/cac:PartyLegalEntity/cbc:CompanyLegalForm"),
    _warning("BR-NL-27-1", "BT-162", f"{_SELLER}/cac:PostalAddress/cac:AddressLine/cbc:Line"),
    _warning("BR-NL-27-2", "BT-163", f"{_BUYER}/cac:PostalAddress/cac:AddressLine/cbc:Line"),
    _warning("BR-NL-27-3", "BT-164", f"{_REPRESENTATIVE}/cac:PostalAddress/cac:AddressLine/cbc:Line"),
    _warning("BR-NL-27-4", "BT-165", f"{_DELIVERY}/cac:AddressLine/cbc:Line"),
    _warning("BR-NL-28-1", "BT-39", f"{_SELLER}/cac:PostalAddress/cbc:CountrySubentity"),
    _warning("BR-NL-28-2", "BT-54", f"{_BUYER}/cac:PostalAddress/cbc:CountrySubentity"),
    _warning("BR-NL-28-3", "BT-68", f"{_REPRESENTATIVE}/cac:PostalAddress/cbc:CountrySubentity"),
    _warning("BR-NL-28-4", "BT-79", f"{_DELIVERY}/cbc:CountrySubentity"),
    _warning("BR-NL-29", "BT-82", "cac:PaymentMeans/cbc:PaymentMeansCode", _means_name),
    _warning("BR-NL-30", "BT-85", "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:Name"),
    _warning("BR-NL-31", "BT-86", "cac:PaymentMeans", _branch),
    _warning("BR-NL-32-1", "BT-98 BT-105 BT-140 BT-145", "cac:AllowanceCharge/cbc:AllowanceChargeReasonCode"),
    _warning("BR-NL-33", "BT-111", "cac:TaxTotal/cbc:TaxAmount", _own_currency),
    _warning("BR-NL-35", "BT-121", "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:TaxExemptionReasonCode"),
)

_TAKEN = tuple(
    (rule.when, Pattern(pattern))
    for rule in RULES
    if rule.when is not always
    for pattern in rule.where.split()
)
"""The places of the Dutch rules: the official rule about empty elements stands behind them and never sees those."""


def _empty(facts: Facts) -> Iterator[Breach]:
    if not facts.found.empty:
        return
    taken = [pattern for when, pattern in _TAKEN if when(facts)]
    known: dict[tuple[str, ...], bool] = {}
    for node, element in facts.found.empty:
        free = known.get(node.path)
        if free is None:
            free = known[node.path] = not any(pattern.matches(node.path) for pattern in taken)
        if free:
            yield Breach(element)


PACK = Pack(
    "nlcius",
    "SI-UBL 2.0.3.13 on EN16931-UBL 1.3.16",
    (*en16931.RULES, *RULES),
    (Finish("SI-UBL-2", "warning", (), _empty), NUMBERS),
)
