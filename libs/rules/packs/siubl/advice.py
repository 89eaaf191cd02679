"""SI-UBL 1.1 and 1.2: what is only advised, as far as it has a name. Some three hundred and sixty warnings of theirs
have none, and say that an element has no place; those are not told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import attribute, exists, shown, unused
from libs.rules.packs.siubl import places
from libs.rules.packs.siubl.places import LINE, attribute_in, warning
from libs.rules.packs.siubl.v10_advice import GLN, all_of, bank_of_iban, crowded
from libs.rules.rule import Breach, Check, Condition, Finish, Rule

_SELLER, _BUYER = "cac:AccountingSupplierParty", "cac:AccountingCustomerParty"
_UNITS = "cbc:*/@unitCode"
_REFERENCE = "cac:AdditionalDocumentReference/cac:Attachment/cac:ExternalReference"
_CLASSES = frozenset(("UNSPSC", "eCLASS", "CPV"))
_TAKEN = frozenset((
    "CustomizationID", "PostalAddress", "Address", "PrimaryAccountNumberID", "TaxExemptionReasonCode",
    "TaxExemptionReason", "DeliveryTerms", "InvoicePeriod", "AdditionalDocumentReference", "AccountingSupplierParty",
    "AccountingCustomerParty", "PayeeParty", "Delivery", "PaymentMeans", "PaymentTerms", "AllowanceCharge", "TaxTotal",
    "InvoiceLine",
))  # fmt: skip
"""Of these another rule speaks first, and so this one never."""
_SECOND = frozenset((
    "Note", "PaymentID", "PartyName", "PartyTaxScheme", "PartyLegalEntity", "ContractDocumentReference", "TaxCategory",
    "ClassifiedTaxCategory",
))  # fmt: skip
"""Of the second of these, and no other, too."""


def _exempt(_: Facts, category: Group) -> Breach | None:
    """A reason of exemption stands with exempt VAT alone."""
    reasons = [
        *category.leaves.get("TaxExemptionReasonCode", ()),
        *category.leaves.get("TaxExemptionReason", ()),
    ]
    if not reasons or any(leaf.text in ("E", "AB") for leaf in category.leaves.get("ID", ())):
        return None
    return Breach(reasons[0])


def _first(leaves: Sequence[Element]) -> str:
    return (leaves[0].text or "") if leaves else ""


def _prefixed(*, exact: bool) -> Check:
    """A VAT number of the seller begins with its country, where the invoice has VAT."""

    def check(facts: Facts, role: Group) -> Breach | None:
        if facts.is_credit_note or not any(
            leaf.text == "VAT"
            for leaf in facts.root.at("TaxTotal", "TaxSubtotal", "TaxCategory", "TaxScheme", "ID")
        ):
            return None
        codes = role.at("Party", "PostalAddress", "Country", "IdentificationCode")
        country = (codes[0].text or "") if codes else ""
        numbers = role.at("Party", "PartyTaxScheme", "CompanyID")
        # 1.1 looks at the first number alone, and nothing begins with nothing; 1.2 wants some number that does.
        asked = [leaf.text or "" for leaf in numbers] if exact else [_first(numbers)]
        if any(each.startswith(country) for each in asked):
            return None
        return Breach(numbers[0] if numbers else role.element, expected=shown(country) or None)

    return check


def _not_in(codes: frozenset[str]) -> Check:
    def check(_: Facts, leaf: Element) -> Breach | None:
        unit = " ".join((leaf.get("unitCode") or "").split())
        # Two codes in one are neither good nor old, and told as old.
        return Breach(leaf, seen=shown(unit)) if unit in codes or " " in unit else None

    return check


def rules(prefix: str, claims: Condition, *, exact: bool) -> tuple[Rule, ...]:
    """Simplerinvoicing's own."""
    address = all_of("StreetName", "CityName", "PostalZone", "Country")
    made = [
        warning(f"{prefix}-INV-R208", "BG-5 BG-8", address, "cac:PostalAddress cac:Address", claims),
        warning(f"{prefix}-INV-R214", "BT-120", _exempt, "cac:TaxCategory cac:ClassifiedTaxCategory", claims),
        warning(f"{prefix}-INV-R217", "BT-71", attribute_in("schemeID", GLN),
                "cac:Delivery/cac:DeliveryLocation/cbc:ID/@schemeID", claims),
        *(
            warning(f"SI-UBL-INV-R0{number}", "BT-124", unused, f"{_REFERENCE}/cbc:{name}", claims)
            for number, name in ((53, "DocumentHash"), (54, "ExpiryDate"), (55, "ExpiryTime"))
        ),
        warning("SI-UBL-INV-R281", "", crowded(), "cac:AllowanceCharge", claims),
        warning("SI-UBL-INV-R326", "", crowded("AllowanceCharge"), LINE, claims),
        warning("SI-UBL-INV-R396", "", crowded("Price", "AllowanceCharge"), LINE, claims),
    ]  # fmt: skip
    if exact:
        made += [
            warning(f"{prefix}-INV-R100", "BG-5", exists("Party/PostalAddress"), _SELLER, claims),
            warning(f"{prefix}-CODE-R001", "BT-158", attribute_in("listID", _CLASSES),
                    "cac:Item/cac:CommodityClassification/cbc:ItemClassificationCode/@listID", claims),
            warning("SI-UBL-INV-R404", "BT-132", unused, f"{LINE}/cac:OrderLineReference/cac:OrderReference", claims),
        ]  # fmt: skip
    return tuple(made)


def of_peppol(claims: Condition, *, exact: bool) -> tuple[Rule, ...]:
    """Those of Peppol of that age."""
    legal = exists("Party/PartyLegalEntity")
    made = [
        warning("EUGEN-T10-R004", "BT-86", bank_of_iban, "cac:PaymentMeans", claims),
        warning("EUGEN-T10-R039", "BT-30", legal, _SELLER, claims),
        warning("EUGEN-T10-R040", "BT-47", legal, _BUYER, claims),
        warning("EUGEN-T10-R041", "BT-31", _prefixed(exact=exact), _SELLER, claims),
    ]
    if exact:
        deprecated, renamed = (codelists.codes(f"siubl_unit_{name}") for name in ("deprecated", "renamed"))
        made += [
            warning(
                "EUGEN-T10-R054",
                "BT-30 BT-47",
                attribute("schemeID"),
                "cac:PartyLegalEntity/cbc:CompanyID",
                claims,
            ),
            warning("OP-T10-R056", "BT-130", _not_in(deprecated), _UNITS, claims),
            warning("OP-T10-R057", "BT-130", _not_in(renamed), _UNITS, claims),
        ]
    return tuple(made)


def _is_second(element: Element) -> bool:
    before = element.itersiblings(element.tag, preceding=True)
    return len([*islice(before, 2)]) == 1


def empty(prefix: str, claims: Condition) -> Finish:
    """Every empty element that no other advice is about."""

    def breaches(facts: Facts) -> Iterator[Breach]:
        for node, element in facts.found.empty if claims(facts) else ():
            name = node.path[-1].rpartition(":")[2]
            if name not in _TAKEN and not (name in _SECOND and _is_second(element)):
                yield Breach(element)

    return Finish(f"{prefix}-INV-R300", "warning", (), breaches)


def _bare(facts: Facts) -> Iterator[Breach]:
    if places.invoice(facts):
        # Not even a blank stands in them.
        yield from (Breach(element) for _, element in facts.found.empty if not element.text)


BARE = Finish("EUGEN-T10-R047", "warning", (), _bare)
