"""EN 16931: how often something may stand in UBL (UBL-SR), and the form of values (UBL-DT), as 1.3.16 asks it."""

from __future__ import annotations

from collections.abc import Callable

from libs.einvoice.facts import Facts
from libs.einvoice.text import after_point
from libs.einvoice.tree import CAC, Element, Group, Item, cents, element_of
from libs.rules.checks import at_most_one, attribute, exists, shown
from libs.rules.packs.en16931.places import BUYER, LINE, PAYEE, REPRESENTATIVE, SELLER, allowance, charge
from libs.rules.rule import Breach, Check, Rule, never

_MEANS = "cac:PaymentMeans"
_REFERENCE = "cac:AdditionalDocumentReference"
_NAME = "PartyName/Name"


def _few(find: Callable[[Facts, Group], list[Element]], most: int = 1) -> Check:
    """At most that many; the first one too many is where to look."""

    def check(facts: Facts, group: Group) -> Breach | None:
        found = find(facts, group)
        return (
            None if len(found) <= most else Breach(found[most], seen=str(len(found)), expected=f"0 – {most}")
        )

    return check


def _company_ids(role: str, *, vat: bool) -> Check:
    """Tax numbers of a party with the scheme VAT, or with another. Blanks around *VAT* count here."""

    def find(_: Facts, root: Group) -> list[Element]:
        found: list[Element] = []
        for scheme in root.within(*role.split("/"), "PartyTaxScheme"):
            said = [(leaf.text or "").upper() == "VAT" for leaf in scheme.at("TaxScheme", "ID")] or [False]
            if vat in said:
                found += scheme.leaves.get("CompanyID", ())
        return found

    return _few(find)


def _of_type_130(_: Facts, root: Group) -> list[Element]:
    return [
        leaf
        for group in root.groups.get("AdditionalDocumentReference", ())
        if any(code.text == "130" for code in group.leaves.get("DocumentTypeCode", ()))
        for leaf in group.leaves.get("ID", ())
    ]


def _bank_ids(facts: Facts, _: Group) -> list[Element]:
    return [
        leaf
        for leaf in facts.leaves_everywhere("cac:PartyIdentification/cbc:ID")
        if (leaf.get("schemeID") or "").upper() == "SEPA"
    ]


def _different(pattern: str) -> Check:
    """All of them say the same."""

    def find(facts: Facts, _: Group) -> list[Element]:
        first: dict[str, Element] = {}
        for leaf in facts.leaves_everywhere(pattern):
            first.setdefault(leaf.text or "", leaf)
        return list(first.values())

    return _few(find)


def _sellers(facts: Facts) -> frozenset[str]:
    return frozenset(facts.root.texts_as_written(*SELLER.split("/"), "PartyLegalEntity", "RegistrationName"))


def _payee(count: Callable[[Group], list[Element]]) -> Check:
    """Few enough, and a payee that is named otherwise than the seller."""

    def check(facts: Facts, payee: Group) -> Breach | None:
        found = count(payee)
        if len(found) > 1:
            return Breach(found[1], seen=str(len(found)), expected="0 – 1")
        names = payee.texts_as_written("PartyName", "Name")
        sellers = facts.once(_sellers)
        # Some name differs from some name.
        if names and sellers and (len(sellers) > 1 or any(name not in sellers for name in names)):
            return None
        return Breach(payee.element, seen=shown(next(iter(names), None)), expected=_NAME)

    return check


def _payee_ids(payee: Group) -> list[Element]:
    return [
        leaf
        for leaf in payee.at("PartyIdentification", "ID")
        if (leaf.get("schemeID") or "").upper() != "SEPA"
    ]


def _document_type(facts: Facts, reference: Group) -> Breach | None:
    """BT-18 has type code 130 (50 is for a credit note's project); a supporting document has neither code nor scheme."""
    codes = reference.leaves.get("DocumentTypeCode", [])
    known = {"130", "50"} if facts.is_credit_note else {"130"}
    if any(code.text in known for code in codes):
        return None
    if not codes and all(leaf.get("schemeID") is None for leaf in reference.leaves.get("ID", ())):
        return None
    return Breach(codes[0] if codes else reference.element, seen=shown(codes[0].text) if codes else None)


def _one_category(_: Facts, line: Group) -> Breach | None:
    found = line.within("Item", "ClassifiedTaxCategory")
    if len(found) == 1:
        return None
    return Breach(found[1].element if found else line.element, seen=str(len(found)), expected="1")


def _scheme(_: Facts, scheme: Group) -> Breach | None:
    if scheme.at("TaxScheme", "ID") and "CompanyID" in scheme.leaves:
        return None
    missing = "TaxScheme/ID" if "CompanyID" in scheme.leaves else "CompanyID"
    return Breach(scheme.element, expected=missing)


def _schemes(_: Facts, party: Group) -> Breach | None:
    found = party.groups.get("PartyTaxScheme", [])
    return None if len(found) <= 2 else Breach(found[2].element, seen=str(len(found)), expected="0 – 2")


def _discounted(facts: Facts) -> frozenset[Element]:
    """Prices with a discount: of nothing in them the decimals are counted."""
    prices = facts.root.element.iter(f"{{{CAC}}}Price")
    return frozenset(price for price in prices if price.find(f"{{{CAC}}}AllowanceCharge") is not None)


def _amount(facts: Facts, item: Item) -> Breach | None:
    """At most two characters behind the point, save in a price and its discount."""
    leaf = element_of(item)
    if leaf.tag.endswith("PriceAmount") or (not len(leaf) and cents(leaf)):
        return None
    text = "".join(map(str, leaf.itertext())) if len(leaf) else leaf.text
    if after_point(text) <= 2:
        return None
    discounted = facts.once(_discounted)
    if any(above in discounted for above in leaf.iterancestors(f"{{{CAC}}}Price")):
        return None
    return Breach(leaf, seen=shown(text), expected="0.00")


def _bearer(name: str) -> Check:
    found = attribute(name)
    return lambda facts, item: found(facts, element_of(item))


def _once(number: int, term: str, path: str, where: str) -> Rule:
    return Rule(f"UBL-SR-{number:02}", "fatal", (term,), at_most_one(path), where)


def _one(number: int, term: str, path: str) -> Rule:
    """Once in a document: the walk has counted them already."""
    where = "".join(
        f"/{name}" if ":" in name or name[0] == "@" else f"/cac:{name}" for name in path.split("/")
    )
    return Rule(f"UBL-SR-{number:02}", "fatal", (term,), never, where, most=1)


RULES: tuple[Rule, ...] = (
    _one(1, "BT-12", "ContractDocumentReference/cbc:ID"),
    _one(2, "BT-15", "ReceiptDocumentReference/cbc:ID"),
    _one(3, "BT-16", "DespatchDocumentReference/cbc:ID"),
    Rule("UBL-SR-04", "fatal", ("BT-18",), _few(_of_type_130)),
    _one(5, "BT-20", "PaymentTerms/cbc:Note"),
    _once(6, "BT-25", "InvoiceDocumentReference", "cac:BillingReference"),
    Rule("UBL-SR-07", "fatal", ("BT-25",), exists("InvoiceDocumentReference/ID"), "cac:BillingReference"),
    _one(8, "BG-14", "cac:InvoicePeriod"),
    _one(9, "BT-27", f"{SELLER}/PartyLegalEntity/cbc:RegistrationName"),
    _one(10, "BT-28", f"{SELLER}/PartyName/cbc:Name"),
    _one(11, "BT-30", f"{SELLER}/PartyLegalEntity/cbc:CompanyID"),
    Rule("UBL-SR-12", "fatal", ("BT-31",), _company_ids(SELLER, vat=True)),
    Rule("UBL-SR-13", "fatal", ("BT-32",), _company_ids(SELLER, vat=False)),
    _one(14, "BT-33", f"{SELLER}/PartyLegalEntity/cbc:CompanyLegalForm"),
    _one(15, "BT-44", f"{BUYER}/PartyLegalEntity/cbc:RegistrationName"),
    _one(16, "BT-46", f"{BUYER}/PartyIdentification/cbc:ID"),
    _one(17, "BT-47", f"{BUYER}/PartyLegalEntity/cbc:CompanyID"),
    Rule("UBL-SR-18", "fatal", ("BT-48",), _company_ids(BUYER, vat=True)),
    Rule("UBL-SR-19", "fatal", ("BT-59",), _payee(lambda p: p.at("PartyName", "Name")), PAYEE),
    Rule("UBL-SR-20", "fatal", ("BT-60",), _payee(_payee_ids), PAYEE),
    Rule("UBL-SR-21", "fatal", ("BT-61",), _payee(lambda p: p.at("PartyLegalEntity", "CompanyID")), PAYEE),
    _once(22, "BT-62", _NAME, REPRESENTATIVE),
    _once(23, "BT-63", "PartyTaxScheme/CompanyID", REPRESENTATIVE),
    _one(24, "BG-13", "cac:Delivery"),
    _once(25, "BT-70", f"DeliveryParty/{_NAME}", "cac:Delivery"),
    _once(26, "BT-83", "PaymentID", _MEANS),
    _once(27, "BT-81", "PaymentMeansCode", _MEANS),
    _once(28, "BT-89", "PaymentMandate/ID", _MEANS),
    Rule("UBL-SR-29", "fatal", ("BT-90",), _few(_bank_ids)),
    Rule("UBL-SR-30", "fatal", ("BT-97", "BT-139"), allowance(at_most_one("AllowanceChargeReason")),
         "cac:AllowanceCharge"),
    Rule("UBL-SR-31", "fatal", ("BT-104", "BT-144"), charge(at_most_one("AllowanceChargeReason")),
         "cac:AllowanceCharge"),
    _once(32, "BT-120", "TaxCategory/TaxExemptionReason", "cac:TaxSubtotal"),
    _once(33, "BT-123", "DocumentDescription", _REFERENCE),
    _once(34, "BT-127", "Note", LINE),
    _once(35, "BT-132", "OrderLineReference/LineID", LINE),
    _once(36, "BG-26", "InvoicePeriod", LINE),
    _once(37, "BT-147", "Price/AllowanceCharge/Amount", LINE),
    _one(39, "BT-11", "ProjectReference/cbc:ID"),
    _one(40, "BT-45", f"{BUYER}/PartyName/cbc:Name"),
    Rule("UBL-SR-42", "fatal", ("BT-31", "BT-32"), _schemes, "cac:AccountingSupplierParty/cac:Party"),
    Rule("UBL-SR-43", "fatal", ("BT-18", "BT-122"), _document_type, _REFERENCE),
    Rule("UBL-SR-44", "fatal", ("BT-83",), _different("cbc:PaymentID")),
    _one(45, "BT-9", "PaymentMeans/cbc:PaymentDueDate"),
    _one(46, "BT-82", "PaymentMeans/cbc:PaymentMeansCode/@name"),
    Rule("UBL-SR-47", "fatal", ("BT-81",), _different("cbc:PaymentMeansCode")),
    Rule("UBL-SR-48", "fatal", ("BT-151",), _one_category, LINE),
    _one(49, "BT-8", "InvoicePeriod/cbc:DescriptionCode"),
    _once(50, "BT-154", "Item/Description", LINE),
    _once(51, "BT-162", "AddressLine", "cac:PostalAddress cac:Address"),
    _once(52, "BT-128", "DocumentReference", LINE),
    Rule("UBL-SR-53", "fatal", ("BT-31", "BT-32", "BT-48"), _scheme, "cac:PartyTaxScheme"),
    _one(54, "BG-18", "PaymentMeans/cac:CardAccount"),
    _one(55, "BG-19", "PaymentMeans/cac:PaymentMandate"),
    _one(56, "BT-17", "OriginatorDocumentReference/cbc:ID"),
    Rule("UBL-DT-01", "fatal", (), _amount, "*Amount"),
    Rule("UBL-DT-06", "fatal", ("BT-125",), _bearer("mimeCode"), "*BinaryObject"),
    Rule("UBL-DT-07", "fatal", ("BT-125",), _bearer("filename"), "*BinaryObject"),
)  # fmt: skip
