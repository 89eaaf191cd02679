"""SI-UBL 1.1 and 1.2: what both take from CEN BII 2 and from Peppol of that age (BII2-T10, CL-T10, EUGEN-T10, OP-T10).

Where the two versions ask differently, the older one reckons in binary floating point.
"""

from __future__ import annotations

from libs.einvoice.facts import Facts
from libs.einvoice.money import below_zero
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import attribute, exists, one_of, shown
from libs.rules.packs.peppol.numbers import number
from libs.rules.packs.siubl import places, sums
from libs.rules.packs.siubl.places import LINE, SUBTOTAL, attribute_in, attribute_is, fatal, of_vat, warning
from libs.rules.packs.siubl.reckon import (
    cents_below,
    cents_only,
    double,
    summed,
)
from libs.rules.rule import Breach, Condition, Rule, never

_SELLER, _BUYER = "AccountingSupplierParty/Party", "AccountingCustomerParty/Party"
_ID_OF_TAX = ("TaxSubtotal", "TaxCategory", "ID")
_TOTALS = "cac:LegalMonetaryTotal"
_CURRENCIES = codelists.codes("siubl_currency")
_ACCOUNT, _BANK = "PayeeFinancialAccount", ("FinancialInstitutionBranch", "FinancialInstitution", "ID")
COUNTRIES = codelists.codes("siubl_country")
LATER = frozenset(("SX", "CW", "RE"))
CODED = "cac:AllowanceCharge/cbc:AllowanceChargeReasonCode"


def _vat_category(facts: Facts, adjustment: Group) -> Breach | None:
    root = facts.root
    if "TaxTotal" not in root.groups:
        return None
    return None if places.vat_totals(root) and adjustment.at("TaxCategory", "ID") else _missing(adjustment)


def _missing(adjustment: Group) -> Breach:
    return Breach(adjustment.element, expected="TaxCategory/ID")


def _vat_total(_: Facts, root: Group) -> Breach | None:
    lines = root.within("InvoiceLine", "TaxTotal")
    if not lines or any("TaxAmount" in each.leaves for each in places.vat_totals(root)):
        return None
    return Breach(root.element, expected="TaxTotal/TaxAmount")


def _vat_somewhere(facts: Facts, root: Group) -> Breach | None:
    if not root.at("TaxTotal", "TaxAmount") or any(
        leaf.text == "VAT" for scheme in _schemes(facts) for leaf in scheme.leaves.get("ID", ())
    ):
        return None
    return Breach(root.element, expected="TaxScheme/ID VAT")


def _schemes(facts: Facts) -> list[Group]:
    """Every tax scheme, wherever it stands."""
    found: list[Group] = []
    waiting = [facts.root]
    while waiting:
        group = waiting.pop()
        for name, below in group.groups.items():
            if name == "TaxScheme":
                found += below
            waiting += below
    return found


def _seller_vat(_: Facts, root: Group) -> Breach | None:
    if not places.vat_totals(root) or root.at(
        "AccountingSupplierParty", "Party", "PartyTaxScheme", "CompanyID"
    ):
        return None
    return Breach(root.element, expected=f"{_SELLER}/PartyTaxScheme/CompanyID")


def _codes(root: Group) -> list[str]:
    return root.texts_as_written("TaxTotal", *_ID_OF_TAX)


def _buyer_vat(_: Facts, root: Group) -> Breach | None:
    if "AE" not in _codes(root) or root.at("AccountingCustomerParty", "Party", "PartyTaxScheme", "CompanyID"):
        return None
    return Breach(root.element, expected=f"{_BUYER}/PartyTaxScheme/CompanyID")


def _reverse_alone(_: Facts, root: Group) -> Breach | None:
    codes = _codes(root)
    reverse = codes.count("AE")
    return (
        None
        if reverse in (0, len(codes))
        else Breach(root.element, seen=shown(", ".join(codes)), expected="AE")
    )


def _reverse(root: Group) -> list[Group]:
    return [
        each
        for each in root.groups.get("TaxTotal", ())
        if any(leaf.text == "AE" for leaf in each.at(*_ID_OF_TAX))
    ]


def _reverse_zero_11(_: Facts, root: Group) -> Breach | None:
    found = [leaf for each in _reverse(root) for leaf in each.leaves.get("TaxAmount", ())]
    if not found or any(number(leaf.text or "") == 0 for leaf in found):
        return None
    return Breach(found[0], seen=shown(found[0].text), expected="0.00")


def _of_reverse(total: Group) -> list[Group] | None:
    parts = total.groups.get("TaxSubtotal", [])
    return parts if any(leaf.text == "AE" for leaf in total.at(*_ID_OF_TAX)) else None


def _reverse_base_12(facts: Facts, total: Group) -> Breach | None:
    parts = _of_reverse(total)
    if parts is None:
        return None
    own = [each for each in parts if any(leaf.text == "AE" for leaf in each.at("TaxCategory", "ID"))]
    made = summed(leaf for each in own for leaf in each.leaves.get("TaxableAmount", ()))
    # Only a total of the invoice has totals beside it.
    beside = facts.root if total in facts.tax_totals else None
    if double(beside, "LegalMonetaryTotal", "TaxExclusiveAmount") == made:
        return None
    return Breach(total.element, seen=f"{made:.2f}")


def _reverse_zero_12(_: Facts, total: Group) -> Breach | None:
    for part in _of_reverse(total) or ():
        for leaf in part.leaves.get("TaxAmount", ()):
            if number(leaf.text or "") != 0 or below_zero(leaf.text):
                return Breach(leaf, seen=shown(leaf.text), expected="0.00")
    return None


def period(_: Facts, within: Group) -> Breach | None:
    start, end = within.leaf("StartDate"), within.leaf("EndDate")
    if start is None or end is None:
        return Breach(within.element, expected="StartDate, EndDate")
    if number((start.text or "").replace("-", "")) <= number((end.text or "").replace("-", "")):
        return None
    return Breach(end, seen=shown(end.text), expected=f"{shown(start.text)} +")


def _code(means: Group) -> str:
    leaf = means.leaf("PaymentMeansCode")
    return "" if leaf is None else leaf.text or ""


def _account(means: Group) -> list[str]:
    return [scheme for leaf in means.at(_ACCOUNT, "ID") if (scheme := leaf.get("schemeID")) is not None]


def _transfer(_: Facts, means: Group) -> Breach | None:
    if _code(means) != "31" or means.at(_ACCOUNT, "ID"):
        return None
    return Breach(means.element, expected=f"{_ACCOUNT}/ID")


def _bank(_: Facts, means: Group) -> Breach | None:
    schemes = _account(means)
    if not schemes or any(scheme != "IBAN" for scheme in schemes) or means.at(_ACCOUNT, *_BANK):
        return None
    return Breach(means.element, expected=f"{_ACCOUNT}/{'/'.join(_BANK)}")


def _bic(_: Facts, means: Group) -> Breach | None:
    if "IBAN" not in _account(means):
        return None
    if any(leaf.get("schemeID") == "BIC" for leaf in means.at(_ACCOUNT, *_BANK)):
        return None
    return Breach(means.element, expected=f"{_ACCOUNT}/{'/'.join(_BANK)}[@schemeID='BIC']")


def _rate(_: Facts, subtotal: Group) -> Breach | None:
    if subtotal.at("TaxCategory", "Percent"):
        return None
    if any(leaf.text == "S" for leaf in subtotal.at("TaxCategory", "ID")):
        return Breach(subtotal.element, expected="TaxCategory/Percent")
    return None


def _rate_12(_: Facts, subtotal: Group) -> Breach | None:
    if subtotal.at("TaxCategory", "Percent"):
        return None
    if any(normal(leaf.text) == "S" for leaf in subtotal.at("TaxCategory", "ID")):
        return Breach(subtotal.element, expected="TaxCategory/Percent")
    return None


def positive(_: Facts, adjustment: Group) -> Breach | None:
    """A percentage is zero or more."""
    leaf = adjustment.leaf("MultiplierFactorNumeric")
    if leaf is None or number(leaf.text or "") >= 0:
        return None
    return Breach(leaf, seen=shown(leaf.text), expected="0 +")


def complete(_: Facts, category: Group) -> Breach | None:
    """A tax category has code and percentage, save where tax is turned round; one of an allowance may lack them."""
    if _parent(category) == "AllowanceCharge":
        return None
    codes = category.texts_as_written("ID")
    if (codes and "Percent" in category.leaves) or "AE" in codes:
        return None
    return Breach(category.element, expected="ID, Percent")


def _parent(group: Group) -> str:
    above = group.element.getparent()
    return "" if above is None else above.tag.rpartition("}")[2]


def _exchange_12(_: Facts, root: Group) -> Breach | None:
    if "TaxCurrencyCode" not in root.leaves or "TaxExchangeRate" in root.groups:
        return None
    return Breach(root.element, expected="TaxExchangeRate")


def _exchange_11(facts: Facts, root: Group) -> Breach | None:
    return None if _same_currency(root) else _exchange_12(facts, root)


def _same_currency(root: Group) -> bool:
    codes = [(root.leaves[name][0].text or "") if name in root.leaves else "" for name in
             ("TaxCurrencyCode", "DocumentCurrencyCode")]  # fmt: skip
    return codes[0] == codes[1]


def _both_12(facts: Facts, subtotal: Group) -> Breach | None:
    if "TaxCurrencyCode" not in facts.root.leaves:
        return None
    if "TaxAmount" in subtotal.leaves and "TransactionCurrencyTaxAmount" in subtotal.leaves:
        return None
    return Breach(subtotal.element, expected="TransactionCurrencyTaxAmount")


def _both_11(facts: Facts, subtotal: Group) -> Breach | None:
    return None if _same_currency(facts.root) else _both_12(facts, subtotal)


def _has_name(_: Facts, line: Group) -> Breach | None:
    return None if line.at("Item", "Name") else Breach(line.element, expected="Item/Name")


def _standard_scheme(_: Facts, line: Group) -> Breach | None:
    return _scheme_of(line.within("Item"))


def _item_scheme(_: Facts, item: Group) -> Breach | None:
    return _scheme_of([item])


def _scheme_of(parents: list[Group]) -> Breach | None:
    found = [each for parent in parents for each in parent.groups.get("StandardItemIdentification", ())]
    if not found or any(
        leaf.get("schemeID") is not None for each in found for leaf in each.leaves.get("ID", ())
    ):
        return None
    return Breach(found[0].element, expected="ID/@schemeID")


def _list_of(_: Facts, classification: Group) -> Breach | None:
    found = classification.leaves.get("ItemClassificationCode", ())
    if any(leaf.get("listID") is not None for leaf in found):
        return None
    return Breach(found[0] if found else classification.element, expected="@listID")


def unit(_: Facts, line: Group) -> Breach | None:
    found = line.leaves.get("InvoicedQuantity", ())
    if any(leaf.get("unitCode") is not None for leaf in found):
        return None
    return Breach(found[0] if found else line.element, expected="InvoicedQuantity/@unitCode")


def rules(claims: Condition, invoice: Condition, *, exact: bool) -> tuple[Rule, ...]:
    """The table of a version: ``exact`` for 1.2, which reckons in decimals. Conditions say when its rules are asked."""
    parties = codelists.codes("siubl_party_1_2" if exact else "siubl_party_1_1")
    reasoned = ("AllowanceChargeReason",) if exact else ("AllowanceChargeReason", "AllowanceChargeReasonCode")
    listed = fatal if exact else warning
    # In the list of 1.1 two blanks stand together, and nothing with a blank on either side is found there.
    countries = COUNTRIES if exact else COUNTRIES | LATER | {"BQ", ""}
    taxed, tax_where = (sums.tax, "/cac:TaxTotal/cac:TaxSubtotal") if exact else (of_vat(sums.tax), SUBTOTAL)
    both = _both_12 if exact else of_vat(_both_11)
    table = [
        fatal("BII2-T10-R025", "BT-97 BT-104", exists(*reasoned), "/cac:AllowanceCharge", invoice),
        fatal("BII2-T10-R043", "BT-95 BT-102", _vat_category, "/cac:AllowanceCharge", invoice),
        fatal("BII2-T10-R002", "BT-23", exists("ProfileID"), "/", invoice),
        fatal("BII2-T10-R003", "BT-1", exists("ID"), "/", invoice),
        fatal("BII2-T10-R004", "BT-2", exists("IssueDate"), "/", invoice),
        fatal("BII2-T10-R005", "BT-5", exists("DocumentCurrencyCode"), "/", invoice),
        fatal("BII2-T10-R006", "BT-27", exists(f"{_SELLER}/PartyName/Name", f"{_SELLER}/PartyIdentification/ID"),
              "/", invoice),
        fatal("BII2-T10-R008", "BT-44", exists(f"{_BUYER}/PartyName/Name", f"{_BUYER}/PartyIdentification/ID"),
              "/", invoice),
        fatal("BII2-T10-R010", "BT-106", exists("LegalMonetaryTotal/LineExtensionAmount"), "/", invoice),
        fatal("BII2-T10-R011", "BT-109", exists("LegalMonetaryTotal/TaxExclusiveAmount"), "/", invoice),
        fatal("BII2-T10-R012", "BT-112", exists("LegalMonetaryTotal/TaxInclusiveAmount"), "/", invoice),
        fatal("BII2-T10-R013", "BT-115", exists("LegalMonetaryTotal/PayableAmount"), "/", invoice),
        fatal("BII2-T10-R014", "BG-25", exists("InvoiceLine"), "/", invoice),
        fatal("BII2-T10-R015", "BT-110", _vat_total, "/", invoice),
        fatal("BII2-T10-R026", "BG-23", _vat_somewhere, "/", invoice),
        fatal("BII2-T10-R044", "BT-31", _seller_vat, "/", invoice),
        fatal("BII2-T10-R047", "BT-48", _buyer_vat, "/", invoice),
        fatal("BII2-T10-R048", "BT-118", _reverse_alone, "/", invoice),
        fatal("BII2-T10-R058", "BT-109 BT-116", sums.without_vat_12 if exact else sums.without_vat_doubles, "/", invoice),
        fatal("BII2-T10-R017", "BT-126", exists("ID"), LINE, claims),
        fatal("BII2-T10-R018", "BT-129", exists("InvoicedQuantity"), LINE, claims),
        fatal("BII2-T10-R019", "BT-130", unit, LINE, claims),
        fatal("BII2-T10-R020", "BT-131", exists("LineExtensionAmount"), LINE, claims),
        fatal("BII2-T10-R021", "BT-153",
              exists("Item/Name", "Item/StandardItemIdentification/ID", "Item/SellersItemIdentification/ID"),
              LINE, claims),
        fatal("BII2-T10-R023", "BT-73 BT-134", exists("StartDate"), "cac:InvoicePeriod", claims),
        fatal("BII2-T10-R024", "BT-74 BT-135", exists("EndDate"), "cac:InvoicePeriod", claims),
        fatal("BII2-T10-R031", "BT-73 BT-74", period, "cac:InvoicePeriod", claims),
        fatal("BII2-T10-R039", "BT-84", _transfer, "cac:PaymentMeans", claims),
        fatal("BII2-T10-R040", "BT-86", _bank, "cac:PaymentMeans", claims),
        fatal("BII2-T10-R041", "BT-81", exists("PaymentMeansCode"), "cac:PaymentMeans", claims),
        fatal("BII2-T10-R042", "BT-86", _bic, "cac:PaymentMeans", claims),
        fatal("BII2-T10-R051", "BT-106", sums.lines_12 if exact else sums.lines_11, _TOTALS, claims),
        fatal("BII2-T10-R052", "BT-109", sums.net_12 if exact else sums.net_11, _TOTALS, claims),
        fatal("BII2-T10-R053", "BT-112", sums.gross_12 if exact else sums.gross_11, _TOTALS, claims),
        fatal("BII2-T10-R054", "BT-107", sums.adjusted("AllowanceTotalAmount", "false", exact=exact), _TOTALS, claims),
        fatal("BII2-T10-R055", "BT-108", sums.adjusted("ChargeTotalAmount", "true", exact=exact), _TOTALS, claims),
        fatal("BII2-T10-R056", "BT-115", sums.due_12 if exact else sums.due_11, _TOTALS, claims),
        fatal("BII2-T10-R027", "BT-116", of_vat(exists("TaxableAmount")), SUBTOTAL, claims),
        fatal("BII2-T10-R028", "BT-117", of_vat(exists("TaxAmount")), SUBTOTAL, claims),
        fatal("BII2-T10-R029", "BT-118", of_vat(exists("TaxCategory/ID")), SUBTOTAL, claims),
        fatal("BII2-T10-R030", "BT-119", of_vat(_rate_12 if exact else _rate), SUBTOTAL, claims),
        fatal("CL-T10-R001", "BT-3", one_of(frozenset(("380", "393", "384"))), "cbc:InvoiceTypeCode", claims),
        fatal("CL-T10-R002", "BT-5", one_of(_CURRENCIES), "cbc:DocumentCurrencyCode", claims),
        fatal("CL-T10-R003", "BT-5", attribute_in("currencyID", _CURRENCIES), "cbc:*/@currencyID", claims),
        fatal("CL-T10-R004", "BT-40 BT-55", one_of(countries), "cac:Country/cbc:IdentificationCode", claims),
        listed("CL-T10-R006", "BT-81", one_of(codelists.codes("siubl_payment_means")),
               "cac:PaymentMeans/cbc:PaymentMeansCode", claims),
        listed("CL-T10-R007", "BT-118", one_of(frozenset(("AE", "E", "S", "Z", "AA", "H"))),
               "cac:TaxCategory/cbc:ID", claims),
        fatal("CL-T10-R008", "BT-125", _media, "cbc:*/@mimeCode", claims),
        warning("CL-T10-R010", "BT-98 BT-105", one_of(frozenset(map(str, range(1, 98)))), CODED, claims),
        fatal("EUGEN-T10-R012", "BT-94 BT-101", positive, "/cac:AllowanceCharge", invoice),
        fatal("EUGEN-T10-R029", "BT-98 BT-105", attribute_is("listID", "UNCL4465"),
              "cbc:AllowanceChargeReasonCode", claims),
        fatal("EUGEN-T10-R027", "BT-40 BT-55", attribute_is("listID", "ISO3166-1:Alpha2"),
              "cac:Country/cbc:IdentificationCode", claims),
        fatal("EUGEN-T10-R034", "BT-71", attribute("schemeID"), "cac:DeliveryLocation/cbc:ID", claims),
        fatal("EUGEN-T10-R033", "BT-12", attribute_is("listID", "UNCL1001"), "cbc:DocumentTypeCode", claims),
        fatal("EUGEN-T10-R023", "BT-34 BT-49", attribute("schemeID"), "cbc:EndpointID", claims),
        fatal("EUGEN-T10-R031", "BT-84", attribute("schemeID"), "cac:PayeeFinancialAccount/cbc:ID", claims),
        fatal("EUGEN-T10-R044", "BT-6", _exchange_12 if exact else _exchange_11, "/", invoice),
        fatal("EUGEN-T10-R025", "BT-3", attribute_is("listID", "UNCL1001"), "cbc:InvoiceTypeCode", claims),
        fatal("EUGEN-T10-R024", "BT-29 BT-46", attribute("schemeID"), "cac:PartyIdentification/cbc:ID", claims),
        fatal("EUGEN-T10-R028", "BT-81", attribute_is("listID", "UNCL4461"), "cbc:PaymentMeansCode", claims),
        fatal("EUGEN-T10-R008", "BT-118 BT-119", complete, "cac:TaxCategory", claims),
        fatal("EUGEN-T10-R032", "BT-118", attribute_is("schemeID", "UNCL5305"), "cac:TaxCategory/cbc:ID", claims),
        fatal("EUGEN-T10-R045", "BT-6", _rated, "cac:TaxExchangeRate", claims),
        fatal("EUGEN-T10-R043", "BT-110", sums.tax_sum_12 if exact else sums.tax_sum_11, "/cac:TaxTotal", invoice),
        fatal("EUGEN-T10-R042", "BT-117", taxed, tax_where, invoice if exact else claims),
        fatal("EUGEN-T10-R046", "BT-111", both, tax_where, invoice if exact else claims),
        fatal("OP-T10-R001", "BT-12", one_of(codelists.codes("siubl_document_type")),
              "cac:ContractDocumentReference/cbc:DocumentTypeCode", claims),
        fatal("OP-T10-R002", "BT-34 BT-49", attribute_in("schemeID", parties), "cbc:EndpointID/@schemeID", claims),
        fatal("OP-T10-R003", "BT-29 BT-46", attribute_in("schemeID", parties),
              "cac:PartyIdentification/cbc:ID/@schemeID", claims),
        fatal("OP-T10-R004", "BT-84", attribute_in("schemeID", frozenset(("IBAN", "LOCAL"))),
              "cac:PayeeFinancialAccount/cbc:ID/@schemeID", claims),
        fatal("OP-T10-R006", "BT-130", attribute_in("unitCode", codelists.codes("siubl_unit")),
              "cbc:*/@unitCode", claims),
        fatal("OP-T10-R008", "BT-30 BT-47", attribute_in("schemeID", parties), "cbc:CompanyID/@schemeID", claims),
        fatal("OP-T10-R009", "BT-6", one_of(_CURRENCIES), "cbc:TaxCurrencyCode", claims),
        fatal("OP-T10-R010", "BT-6", one_of(_CURRENCIES), "cbc:SourceCurrencyCode", claims),
        fatal("OP-T10-R011", "BT-6", one_of(_CURRENCIES), "cbc:TargetCurrencyCode", claims),
    ]  # fmt: skip
    if exact:
        return (*table, *_only_12(claims, invoice))
    return (*table, *_only_11(claims, invoice))


def _only_12(claims: Condition, invoice: Condition) -> tuple[Rule, ...]:
    return (
        fatal("BII2-T10-R032", "BT-157", _standard_scheme, LINE, claims),
        fatal("BII2-T10-R049", "BT-116", _reverse_base_12, "cac:TaxTotal", claims),
        fatal("BII2-T10-R050", "BT-117", _reverse_zero_12, "cac:TaxTotal", claims),
        fatal("BII2-T10-R033", "BT-158", attribute("listID"),
              "cac:CommodityClassification/cbc:ItemClassificationCode", claims),
        fatal("EUGEN-T10-R052", "BT-92 BT-99", cents_only("Amount"), "/cac:AllowanceCharge", invoice),
        fatal("EUGEN-T10-R053", "BT-3", exists("InvoiceTypeCode"), "/", invoice),
        fatal("EUGEN-T10-R049", "BT-110", cents_only("TaxAmount"), "/cac:TaxTotal", invoice),
        fatal("EUGEN-T10-R050", "BT-116", cents_only("TaxableAmount"), "/cac:TaxTotal/cac:TaxSubtotal", invoice),
        fatal("EUGEN-T10-R051", "BT-117", cents_only("TaxAmount"), "/cac:TaxTotal/cac:TaxSubtotal", invoice),
        fatal("EUGEN-T10-R048", "BG-22", cents_below, _TOTALS, claims),
        fatal("EUGEN-T10-R055", "BT-153", _has_name, LINE, claims),
    )  # fmt: skip


def _only_11(claims: Condition, invoice: Condition) -> tuple[Rule, ...]:
    return (
        # It looks for the amount in the total itself, where the schema has none.
        fatal("BII2-T10-R049", "BT-116", never, "/", invoice),
        fatal("BII2-T10-R050", "BT-117", _reverse_zero_11, "/", invoice),
        fatal("BII2-T10-R032", "BT-157", _item_scheme, "cac:Item", claims),
        fatal("BII2-T10-R033", "BT-158", _list_of, "cac:Item/cac:CommodityClassification", claims),
    )


def _rated(_: Facts, rate: Group) -> Breach | None:
    if rate.has("CalculationRate") and rate.has("MathematicOperatorCode"):
        return None
    return Breach(rate.element, expected="CalculationRate, MathematicOperatorCode")


_MEDIA = codelists.codes("siubl_attachment_type")


def _media(_: Facts, leaf: Element) -> Breach | None:
    kind = leaf.get("mimeCode")
    return None if kind in _MEDIA else Breach(leaf, seen=shown(kind), expected="application/pdf")
