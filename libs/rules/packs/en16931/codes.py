"""EN 16931: values that come from code lists (BR-CL), as UBL 1.3.16 asks them."""

from __future__ import annotations

from collections.abc import Container

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import attribute_one_of, one_of, shown
from libs.rules.rule import Breach, Check, Rule

_AMOUNTS = (
    "cbc:Amount cbc:BaseAmount cbc:PriceAmount cbc:TaxAmount cbc:TaxableAmount cbc:LineExtensionAmount "
    "cbc:TaxExclusiveAmount cbc:TaxInclusiveAmount cbc:AllowanceTotalAmount cbc:ChargeTotalAmount "
    "cbc:PrepaidAmount cbc:PayableRoundingAmount cbc:PayableAmount"
)
_SCHEMES = codelists.codes("identifier_scheme")
_REFERENCES = codelists.codes("reference")
_SUBJECTS = codelists.written("note_subject")
_EXEMPTIONS = codelists.codes("exemption_reason")
_ATTACHMENTS = codelists.codes("attachment_type")


def _subject(_: Facts, note: Element) -> Breach | None:
    """BT-21 stands between two hashes at the beginning of a note, where there are three characters."""
    code, closed, _rest = (note.text or "").partition("#")[2].partition("#")
    if not closed or len(code) != 3 or code in f" {_SUBJECTS} ":
        return None
    return Breach(note, seen=shown(code))


def _reference_scheme(_: Facts, reference: Group) -> Breach | None:
    """BT-18 and BT-128: an object is referenced with type code 130."""
    if not any(leaf.text == "130" for leaf in reference.leaves.get("DocumentTypeCode", ())):
        return None
    for leaf in reference.leaves.get("ID", ()):
        scheme = leaf.get("schemeID")
        if scheme is not None and normal(scheme) not in _REFERENCES:
            return Breach(leaf, seen=shown(scheme))
    return None


def party_scheme(schemes: Container[str]) -> Check:
    """BT-29, BT-46, BT-60: an ISO 6523 scheme; SEPA for seller and payee (BT-90)."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        scheme = normal(leaf.get("schemeID"))
        if scheme in schemes:
            return None
        if scheme == "SEPA":
            above = leaf.getparent()
            while above is not None:
                if above.tag.endswith(("}AccountingSupplierParty", "}PayeeParty")):
                    return None
                above = above.getparent()
        return Breach(leaf, seen=shown(scheme))

    return check


def _reason(codes: frozenset[str], *, charge: bool) -> Check:
    def check(facts: Facts, adjustment: Group) -> Breach | None:
        if facts.is_charge(adjustment) is charge:
            for leaf in adjustment.leaves.get("AllowanceChargeReasonCode", ()):
                if normal(leaf.text) not in codes:
                    return Breach(leaf, seen=shown(leaf.text))
        return None

    return check


def _exemption(_: Facts, leaf: Element) -> Breach | None:
    return None if normal((leaf.text or "").upper()) in _EXEMPTIONS else Breach(leaf, seen=shown(leaf.text))


def _attachment(_: Facts, leaf: Element) -> Breach | None:
    kind = leaf.get("mimeCode")
    return None if kind in _ATTACHMENTS else Breach(leaf, seen=shown(kind), expected="application/pdf")


def _list(name: str) -> Check:
    return one_of(codelists.codes(name))


def type_of(invoices: Container[str], credit_notes: Container[str]) -> Check:
    """BT-3: invoices and credit notes have lists of their own."""

    def check(_: Facts, leaf: Element) -> Breach | None:
        codes = credit_notes if leaf.tag.endswith("CreditNoteTypeCode") else invoices
        return None if normal(leaf.text) in codes else Breach(leaf, seen=shown(leaf.text))

    return check


_TYPE = type_of(codelists.codes("invoice_type"), codelists.codes("credit_note_type"))

RULES: tuple[Rule, ...] = (
    Rule("BR-CL-01", "fatal", ("BT-3",), _TYPE, "cbc:InvoiceTypeCode cbc:CreditNoteTypeCode"),
    Rule("BR-CL-03", "fatal", ("BT-5",), attribute_one_of("currencyID", codelists.codes("currency")), _AMOUNTS),
    Rule("BR-CL-04", "fatal", ("BT-5",), _list("currency"), "cbc:DocumentCurrencyCode"),
    Rule("BR-CL-05", "fatal", ("BT-6",), _list("currency"), "cbc:TaxCurrencyCode"),
    Rule("BR-CL-06", "fatal", ("BT-8",), _list("tax_point"), "cac:InvoicePeriod/cbc:DescriptionCode"),
    Rule("BR-CL-07", "fatal", ("BT-18", "BT-128"), _reference_scheme,
         "cac:AdditionalDocumentReference cac:DocumentReference"),
    Rule("BR-CL-08", "fatal", ("BT-21",), _subject, "/cbc:Note"),
    Rule("BR-CL-10", "fatal", ("BT-29", "BT-46", "BT-60"), party_scheme(_SCHEMES),
         "cac:PartyIdentification/cbc:ID/@schemeID"),
    Rule("BR-CL-11", "fatal", ("BT-30", "BT-47", "BT-61"), attribute_one_of("schemeID", _SCHEMES),
         "cac:PartyLegalEntity/cbc:CompanyID/@schemeID"),
    Rule("BR-CL-13", "fatal", ("BT-158",), attribute_one_of("listID", codelists.codes("item_class")),
         "cac:CommodityClassification/cbc:ItemClassificationCode/@listID"),
    Rule("BR-CL-14", "fatal", ("BT-40", "BT-55", "BT-69", "BT-80"), _list("country"),
         "cac:Country/cbc:IdentificationCode"),
    Rule("BR-CL-15", "fatal", ("BT-159",), _list("country"), "cac:OriginCountry/cbc:IdentificationCode"),
    Rule("BR-CL-16", "fatal", ("BT-81",), _list("payment_means"), "cac:PaymentMeans/cbc:PaymentMeansCode"),
    Rule("BR-CL-17", "fatal", ("BT-118", "BT-95", "BT-102"), _list("vat_category"), "cac:TaxCategory/cbc:ID"),
    Rule("BR-CL-18", "fatal", ("BT-151",), _list("vat_category"), "cac:ClassifiedTaxCategory/cbc:ID"),
    Rule("BR-CL-19", "fatal", ("BT-98", "BT-140"),
         _reason(codelists.codes("allowance_reason"), charge=False), "cac:AllowanceCharge"),
    Rule("BR-CL-20", "fatal", ("BT-105", "BT-145"),
         _reason(codelists.codes("charge_reason"), charge=True), "cac:AllowanceCharge"),
    Rule("BR-CL-21", "fatal", ("BT-157",), attribute_one_of("schemeID", _SCHEMES),
         "cac:StandardItemIdentification/cbc:ID/@schemeID"),
    Rule("BR-CL-22", "fatal", ("BT-121",), _exemption, "cbc:TaxExemptionReasonCode"),
    Rule("BR-CL-23", "fatal", ("BT-130", "BT-150"), attribute_one_of("unitCode", codelists.codes("unit")),
         "cbc:InvoicedQuantity/@unitCode cbc:BaseQuantity/@unitCode cbc:CreditedQuantity/@unitCode"),
    Rule("BR-CL-24", "fatal", ("BT-125",), _attachment, "cbc:EmbeddedDocumentBinaryObject/@mimeCode"),
    Rule("BR-CL-25", "fatal", ("BT-34", "BT-49"),
         attribute_one_of("schemeID", codelists.codes("endpoint_scheme")), "cbc:EndpointID/@schemeID"),
    Rule("BR-CL-26", "fatal", ("BT-71",), attribute_one_of("schemeID", _SCHEMES),
         "cac:DeliveryLocation/cbc:ID/@schemeID"),
)  # fmt: skip
