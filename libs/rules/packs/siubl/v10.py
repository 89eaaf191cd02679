"""SI-UBL 1.0: BII and Peppol of 2013 (BIIRULE-T10) and Simplerinvoicing's own (SI-UBL-INV, SI-V10), in doubles."""

from __future__ import annotations

import math

from libs.einvoice.facts import Facts
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import currencies, exists, shown
from libs.rules.packs.peppol.numbers import number
from libs.rules.packs.siubl import places
from libs.rules.packs.siubl.bii import complete, period, positive
from libs.rules.packs.siubl.places import LINE, SHORT_10, attribute_in, fatal, invoice_10
from libs.rules.packs.siubl.reckon import double, rounded, summed, unless
from libs.rules.packs.siubl.sums import has_amount, tax_sum_12, without_vat_doubles
from libs.rules.rule import Breach, Check, Rule, always, never

_claims = places.claims_10
_TOTALS = "cac:LegalMonetaryTotal"
_PARTIES = codelists.codes("siubl_party_1_0")


def _own_currency(facts: Facts, leaf: Element) -> Breach | None:
    if facts.is_credit_note:
        return None
    wanted = facts.once(currencies)
    seen = leaf.get("currencyID") or ""
    return (
        None
        if not wanted or seen in wanted
        else Breach(leaf, seen=shown(seen), expected=shown(", ".join(wanted)))
    )


def _codes(facts: Facts) -> list[str]:
    """Of every tax category, as it is written."""
    return [category.raw for category in facts.tax_categories if category.has_id]


def _reverse_vat(facts: Facts, root: Group) -> Breach | None:
    if "AE" not in facts.once(_codes) or root.at(
        "AccountingCustomerParty", "Party", "PartyTaxScheme", "CompanyID"
    ):
        return None
    return Breach(root.element, expected="AccountingCustomerParty/Party/PartyTaxScheme/CompanyID")


def _reverse_alone(facts: Facts, root: Group) -> Breach | None:
    codes = facts.once(_codes)
    if "AE" not in codes or set(codes) == {"AE"}:
        return None
    return Breach(root.element, seen=shown(", ".join(codes)), expected="AE")


def _reverse_base(facts: Facts, root: Group) -> Breach | None:
    if "AE" not in facts.once(_codes):
        return None
    net = set(root.texts_as_written("LegalMonetaryTotal", "TaxExclusiveAmount"))
    totals = facts.groups_everywhere("cac:TaxTotal")
    parts = [part for each in totals for part in each.groups.get("TaxSubtotal", ())]
    own = [part for part in parts if any(leaf.text == "AE" for leaf in part.at("TaxCategory", "ID"))]
    if any((leaf.text or "") in net for part in own for leaf in part.leaves.get("TaxableAmount", ())):
        return None
    return Breach(root.element, expected="TaxableAmount")


def _reverse_zero(facts: Facts, root: Group) -> Breach | None:
    if "AE" not in facts.once(_codes):
        return None
    totals = facts.groups_everywhere("cac:TaxTotal")
    if any(number(leaf.text or "") == 0 for each in totals for leaf in each.leaves.get("TaxAmount", ())):
        return None
    return Breach(root.element, expected="TaxAmount 0.00")


def _seller_vat(_: Facts, root: Group) -> Breach | None:
    vat = places.vat_totals(root)
    if not vat:
        return None
    if any("TaxAmount" in each.leaves for each in vat) and root.at(
        "AccountingSupplierParty", "Party", "PartyTaxScheme", "CompanyID"
    ):
        return None
    return Breach(root.element, expected="AccountingSupplierParty/Party/PartyTaxScheme/CompanyID")


def _vat_everywhere(facts: Facts) -> list[Group]:
    return [
        each
        for each in facts.groups_everywhere("cac:TaxTotal")
        if any(leaf.text == "VAT" for leaf in each.at("TaxSubtotal", "TaxCategory", "TaxScheme", "ID"))
    ]


def _vat_category(facts: Facts, adjustment: Group) -> Breach | None:
    vat = facts.once(_vat_everywhere)
    if not vat:
        return None
    own = any(leaf.text == "VAT" for leaf in adjustment.at("TaxCategory", "TaxScheme", "ID"))
    return (
        None if own and has_amount(vat) else Breach(adjustment.element, expected="TaxCategory/TaxScheme/ID")
    )


def _at_least_zero(name: str) -> Check:
    def check(_: Facts, group: Group) -> Breach | None:
        return unless(double(group, name) >= 0, group, name)

    return check


def _category_of_line(facts: Facts, category: Group) -> Breach | None:
    vat = facts.once(_vat_everywhere)
    if not vat or (has_amount(vat) and "ID" in category.leaves):
        return None
    return Breach(category.element, expected="ID")


def _lines(facts: Facts, totals: Group) -> Breach | None:
    lines = facts.groups_everywhere("Line")
    made = rounded(summed(leaf for line in lines for leaf in line.leaves.get("LineExtensionAmount", ())))
    return unless(double(totals, "LineExtensionAmount") == made, totals, "LineExtensionAmount", made)


def _net(_: Facts, totals: Group) -> Breach | None:
    made = double(totals, "LineExtensionAmount")
    if "ChargeTotalAmount" in totals.leaves:
        made += double(totals, "ChargeTotalAmount")
    if "AllowanceTotalAmount" in totals.leaves:
        made -= double(totals, "AllowanceTotalAmount")
    return unless(double(totals, "TaxExclusiveAmount") == made, totals, "TaxExclusiveAmount", made)


def _gross(facts: Facts, totals: Group) -> Breach | None:
    taxes = () if facts.is_credit_note else facts.root.at("TaxTotal", "TaxAmount")
    made = double(totals, "TaxExclusiveAmount") + rounded(summed(taxes))
    seen = double(totals, "TaxInclusiveAmount")
    holds = seen == made or seen == made + double(totals, "PayableRoundingAmount")
    return unless(holds, totals, "TaxInclusiveAmount", made)


def _adjusted(name: str, indicator: str) -> Check:
    def check(facts: Facts, totals: Group) -> Breach | None:
        if name not in totals.leaves:
            return None
        parts = [] if facts.is_credit_note else places.indicated(facts.root, indicator)
        made = rounded(summed(leaf for each in parts for leaf in each.leaves.get("Amount", ())))
        return unless(double(totals, name) == made, totals, name, made)

    return check


def _due(_: Facts, totals: Group) -> Breach | None:
    gross, paid = double(totals, "TaxInclusiveAmount"), double(totals, "PrepaidAmount")
    payable = totals.leaves.get("PayableAmount")
    same = payable is not None and any(
        payable[0].text == leaf.text for leaf in totals.leaves.get("TaxInclusiveAmount", ())
    )
    if same or double(totals, "PayableAmount") == gross - paid:
        return None
    return unless(False, totals, "PayableAmount", gross - (0 if math.isnan(paid) else paid))


def _one_scheme(_: Facts, total: Group) -> Breach | None:
    schemes = [leaf.text for leaf in total.at("TaxSubtotal", "TaxCategory", "TaxScheme", "ID")]
    vat = schemes.count("VAT")
    return (
        None if vat in (0, len(schemes)) else Breach(total.element, seen=shown(", ".join(map(str, schemes))))
    )


def _of_vat(name: str) -> Check:
    def check(_: Facts, subtotal: Group) -> Breach | None:
        schemes = subtotal.at("TaxCategory", "TaxScheme", "ID")
        if any(leaf.text != "VAT" for leaf in schemes):
            return None
        if schemes and name in subtotal.leaves:
            return None
        return Breach(subtotal.element, expected=name)

    return check


def _price(_: Facts, leaf: Element) -> Breach | None:
    return None if number(leaf.text or "") >= 0 else Breach(leaf, seen=shown(leaf.text), expected="0.00 +")


def _line(_: Facts, line: Group) -> Breach | None:
    price, base = double(line, "Price", "PriceAmount"), line.at("Price", "BaseQuantity")
    if "InvoicedQuantity" not in line.leaves or not line.at("Price", "PriceAmount"):
        return None
    quantity = double(line, "InvoicedQuantity")
    if base:
        divisor = number(base[0].text or "")
        made = rounded((price / divisor if divisor else math.nan) * quantity)
    else:
        made = rounded(price * quantity)
    made = made + _amounts(line, "true") - _amounts(line, "false")
    return unless(double(line, "LineExtensionAmount") == made, line, "LineExtensionAmount", made)


def _amounts(line: Group, indicator: str) -> float:
    return rounded(
        summed(leaf for each in places.indicated(line, indicator) for leaf in each.leaves.get("Amount", ()))
    )


def _reference(name: str) -> Check:
    def check(_: Facts, root: Group) -> Breach | None:
        found = root.groups.get(name)
        return Breach(found[0].element, expected="ID") if found and not root.at(name, "ID") else None

    return check


def _own(id_: str, terms: str, check: Check, where: str = "/") -> Rule:
    return fatal(f"SI-UBL-INV-R{id_}", terms, check, where, invoice_10 if where.startswith("/") else _claims)


def _bii(id_: str, terms: str, check: Check, where: str = "/") -> Rule:
    return fatal(f"BIIRULE-T10-R{id_}", terms, check, where, invoice_10 if where.startswith("/") else _claims)


RULES: tuple[Rule, ...] = (
    fatal("SI-INV-R000", "BT-3", places.an_invoice, "/", always),
    fatal("BII2-T10-R001", "BT-24", exists("CustomizationID"), "/", places.invoice),
    fatal("SI-V10-INV-R200", "BT-24", places.tagged(SHORT_10), "cbc:CustomizationID", always),
    _own("436", "BT-48", _reverse_vat),
    _own("437", "BT-118", _reverse_alone),
    _own("438", "BT-116", _reverse_base),
    _own("439", "BT-110", _reverse_zero),
    _own("429", "BT-31", _seller_vat),
    _own("445", "BT-5", _own_currency, "*/@currencyID"),
    _own("428", "BT-95 BT-102", _vat_category, "/cac:AllowanceCharge"),
    _own("434", "BT-94 BT-101", positive, "cac:AllowanceCharge"),
    _own("443", "BT-92 BT-99", _at_least_zero("Amount"), "cac:AllowanceCharge"),
    _own("430", "BT-118 BT-119", complete, "cac:TaxCategory"),
    _own("432", "BT-59", exists("PartyName/Name"), "/cac:PayeeParty"),
    _own("433", "BT-151", _category_of_line, "cac:Item/cac:ClassifiedTaxCategory"),
    _own("440", "BT-115", _at_least_zero("PayableAmount"), _TOTALS),
    _own("441", "BT-73 BT-134", exists("StartDate"), "cac:InvoicePeriod"),
    _own("442", "BT-74 BT-135", exists("EndDate"), "cac:InvoicePeriod"),
    _own(
        "451", "BT-29 BT-46", attribute_in("schemeID", _PARTIES), "cac:PartyIdentification/cbc:ID/@schemeID"
    ),
    _own("452", "BT-34 BT-49", attribute_in("schemeID", _PARTIES), "cbc:EndpointID/@schemeID"),
    _bii("011", "BT-106", _lines, _TOTALS),
    _bii("012", "BT-109", _net, _TOTALS),
    _bii("013", "BT-112", _gross, _TOTALS),
    _bii("014", "BT-112", _at_least_zero("TaxInclusiveAmount"), _TOTALS),
    _bii("015", "BT-107", _adjusted("AllowanceTotalAmount", "false"), _TOTALS),
    _bii("016", "BT-108", _adjusted("ChargeTotalAmount", "true"), _TOTALS),
    _bii("017", "BT-115", _due, _TOTALS),
    _bii("009", "BT-118", _one_scheme, "/cac:TaxTotal"),
    _bii("010", "BT-110", tax_sum_12, "/cac:TaxTotal"),
    _bii("046", "BT-116", _of_vat("TaxableAmount"), "/cac:TaxTotal/cac:TaxSubtotal"),
    _bii("047", "BT-117", _of_vat("TaxAmount"), "/cac:TaxTotal/cac:TaxSubtotal"),
    _bii("049", "BT-118", exists("ID"), "cac:TaxScheme"),
    _bii("048", "BT-118", exists("ID"), "cac:TaxCategory"),
    # It looks for means of payment inside themselves.
    _bii("044", "BT-81", never, "cac:PaymentMeans"),
    _bii("041", "BT-30 BT-47", exists("CompanyID"), "cac:PartyLegalEntity"),
    _bii("022", "BT-146", _price, "Line/cac:Price/cbc:PriceAmount"),
    _bii("001", "BT-73 BT-74", period, "cac:InvoicePeriod"),
    _bii("018", "BT-131", _line, LINE),
    _bii("025", "BT-153", exists("Item/Name"), LINE),
    _bii("032", "BT-126", exists("ID"), LINE),
    _bii("050", "BT-131", exists("LineExtensionAmount"), LINE),
    _bii("023", "BT-2", exists("IssueDate")),
    _bii("024", "BT-1", exists("ID")),
    _bii("026", "BT-27", exists("AccountingSupplierParty/Party/PartyName/Name")),
    _bii("027", "BT-44", exists("AccountingCustomerParty/Party/PartyName/Name")),
    _bii("028", "BT-109 BT-116", without_vat_doubles),
    _bii("029", "BT-24", exists("UBLVersionID")),
    _bii("030", "BT-24", exists("CustomizationID")),
    _bii("031", "BT-23", exists("ProfileID")),
    _bii("033", "BG-25", exists("InvoiceLine")),
    _bii("034", "BT-5", exists("DocumentCurrencyCode")),
    _bii("035", "BT-13", _reference("OrderReference")),
    _bii("036", "BT-12", _reference("ContractDocumentReference")),
    _bii("038", "BT-115", exists("LegalMonetaryTotal/PayableAmount")),
    _bii("039", "BT-112", exists("LegalMonetaryTotal/TaxInclusiveAmount")),
    _bii("042", "BT-109", exists("LegalMonetaryTotal/TaxExclusiveAmount")),
    _bii("043", "BT-106", exists("LegalMonetaryTotal/LineExtensionAmount")),
    _bii("040", "BT-40 BT-55", exists("IdentificationCode"), "cac:Country"),
    _bii("037", "BT-122", exists("ID"), "cac:AdditionalDocumentReference"),
)
