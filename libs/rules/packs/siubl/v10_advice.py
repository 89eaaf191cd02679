"""SI-UBL 1.0: what should not be, or should be once: the warnings of Simplerinvoicing's own rules.

Nearly four hundred say that an element has no place (``unused_10.tsv``: the rule, and a path), and cost an invoice without
those nothing. Every invoice of this version is told that the version is of another time (``R000``).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Group, element_of
from libs.rules.checks import at_most_one, exists, items, unused
from libs.rules.packs.siubl.bii import unit
from libs.rules.packs.siubl.places import attribute_in, claims_10, invoice_10, warning
from libs.rules.rule import Breach, Check, Finish, Rule

_BUYER, _SELLER = "cac:AccountingCustomerParty/cac:Party", "cac:AccountingSupplierParty/cac:Party"
_ADDRESS = ("StreetName", "CityName", "PostalZone", "Country/IdentificationCode")
GLN, _GTIN, _BIC = frozenset(("GLN",)), frozenset(("GTIN",)), frozenset(("BIC",))
_ACCOUNT, _BANK = "PayeeFinancialAccount", ("FinancialInstitutionBranch", "FinancialInstitution", "ID")
_CATEGORY = (
    "Name", "Percent", "BaseUnitMeasure", "PerUnitAmount", "TaxExemptionReasonCode", "TaxExemptionReason", "TierRange",
    "TierRatePercent", "TaxScheme/Name", "TaxScheme/TaxTypeCode", "TaxScheme/CurrencyCode",
    "TaxScheme/JurisdictionRegionAddress",
)  # fmt: skip


def _old(_: Facts, root: Group) -> Breach:
    return Breach(root.element, expected="SI-UBL 2.0")


def once(name: str) -> Check:
    """Exactly one of these."""

    def check(_: Facts, group: Group) -> Breach | None:
        found = items(group, (name,))
        if len(found) == 1:
            return None
        return Breach(element_of(found[1] if found else group), seen=str(len(found)), expected="1")

    return check


def all_of(*paths: str) -> Check:
    """Something stands at each of the paths, empty or not."""
    checks = [exists(path) for path in paths]

    def check(facts: Facts, group: Group) -> Breach | None:
        return next((found for each in checks if (found := each(facts, group)) is not None), None)

    return check


def bank_of_iban(_: Facts, means: Group) -> Breach | None:
    """A transfer (31) into an IBAN names the bank by its BIC."""
    codes = [leaf.text or "" for leaf in means.leaves.get("PaymentMeansCode", ())]
    if any(code != "31" for code in codes):
        return None
    schemes = [leaf.get("schemeID") for leaf in means.at(_ACCOUNT, "ID")]
    if codes and (not any(schemes) or any(scheme not in (None, "IBAN") for scheme in schemes)):
        return None
    if "IBAN" in schemes and any(leaf.get("schemeID") == "BIC" for leaf in means.at(_ACCOUNT, *_BANK)):
        return None
    return Breach(means.element, expected=f"{_ACCOUNT}/{'/'.join(_BANK)}[@schemeID='BIC']")


def _exempted(_: Facts, subtotal: Group) -> Breach | None:
    codes = [leaf.text or "" for leaf in subtotal.at("TaxCategory", "ID")]
    if any(code != "E" for code in codes):
        return None
    reasons = ("TaxExemptionReason", "TaxExemptionReasonCode")
    if "E" in codes and any(subtotal.at("TaxCategory", name) for name in reasons):
        return None
    return Breach(subtotal.element, expected="TaxCategory/TaxExemptionReason")


def crowded(*steps: str) -> Check:
    """All of these at once, in the categories at a place."""

    def check(_: Facts, group: Group) -> Breach | None:
        found = group.within(*steps, "TaxCategory")
        if found and all(any(items(each, tuple(path.split("/"))) for each in found) for path in _CATEGORY):
            return Breach(found[0].element)
        return None

    return check


def _rule(number: str, check: Check, where: str) -> Rule:
    return warning(
        f"SI-UBL-INV-R{number}", "", check, where, invoice_10 if where.startswith("/") else claims_10
    )


def _listed() -> Iterator[Rule]:
    table = (files(__package__) / "unused_10.tsv").read_text(encoding="utf-8")
    for line in table.splitlines():
        id_, _, where = line.partition("\t")
        yield warning(id_, "", unused, where, invoice_10)


def _empty(facts: Facts) -> Iterator[Breach]:
    if invoice_10(facts):
        yield from (Breach(element) for _, element in facts.found.empty)


EMPTY = Finish("SI-UBL-INV-R001", "warning", (), _empty)

RULES: tuple[Rule, ...] = (
    _rule("000", _old, "/"),
    _rule("405", at_most_one("PartyIdentification"), _BUYER),
    _rule("406", once("PartyName"), _BUYER),
    _rule("407", at_most_one("PartyTaxScheme"), _BUYER),
    _rule("408", at_most_one("PartyIdentification"), _SELLER),
    _rule("409", once("PartyName"), _SELLER),
    _rule("410", once("PostalAddress"), _SELLER),
    _rule("411", at_most_one("PartyTaxScheme"), _SELLER),
    _rule("412", at_most_one("TaxTotal"), "/Line"),
    _rule("413", once("Price"), "/Line"),
    _rule("414", at_most_one("Description"), "/Line/cac:Item"),
    _rule("415", once("Name"), "/Line/cac:Item"),
    _rule("416", at_most_one("ClassifiedTaxCategory"), "/Line/cac:Item"),
    _rule("417", at_most_one("AllowanceCharge"), "/Line/cac:Price"),
    _rule("418", once("TaxExclusiveAmount"), "/cac:LegalMonetaryTotal"),
    _rule("419", once("TaxInclusiveAmount"), "/cac:LegalMonetaryTotal"),
    _rule("453", once("LineExtensionAmount"), "/cac:LegalMonetaryTotal"),
    _rule("420", at_most_one("PartyIdentification"), "/cac:PayeeParty"),
    _rule("421", at_most_one("PartyName"), "/cac:PayeeParty"),
    _rule("422", once("ID"), "/cac:PaymentMeans/cac:PayeeFinancialAccount"),
    _rule("423", all_of(*(f"PostalAddress/{name}" for name in _ADDRESS)), _SELLER),
    _rule("424", all_of(*_ADDRESS), f"{_BUYER}/cac:PostalAddress"),
    _rule("425", unit, "/Line"),
    _rule("426", bank_of_iban, "cac:PaymentMeans"),
    _rule("427", all_of(*_ADDRESS[1:]), "cac:Delivery/cac:DeliveryLocation/cac:Address"),
    _rule("431", _exempted, "cac:TaxSubtotal"),
    _rule("446", attribute_in("schemeID", _BIC), "cac:FinancialInstitution/cbc:ID/@schemeID"),
    _rule("447", attribute_in("schemeID", GLN), "cac:PostalAddress/cbc:ID/@schemeID"),
    _rule("448", attribute_in("schemeID", GLN), "cac:Delivery/cac:DeliveryLocation/cbc:ID/@schemeID"),
    _rule("449", attribute_in("schemeID", _GTIN), "cac:Item/cac:StandardItemIdentification/cbc:ID/@schemeID"),
    _rule("281", crowded("AllowanceCharge"), "/"),
    _rule("326", crowded("InvoiceLine", "AllowanceCharge"), "/"),
    _rule("396", crowded("InvoiceLine", "Price", "AllowanceCharge"), "/"),
    *_listed(),
)  # fmt: skip
