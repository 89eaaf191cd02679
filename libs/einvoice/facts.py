"""What rules and routing need to know of a UBL invoice, collected in one walk over its tree.

Every value keeps the element it came from, so a finding can name line and path. Names follow EN 16931; the
number of the business term stands beside each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

from lxml import etree

from libs.einvoice import detect, money

CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
_PREFIXES = {
    "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2": "cbc:",
    "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2": "cac:",
}
Element = etree._Element


def path_of(element: Element | None) -> str:
    """The XPath of an element with the usual prefixes, counted where there are several of a name."""
    steps: list[str] = []
    while element is not None:
        name = etree.QName(element)
        parent = element.getparent()
        step = f"{_PREFIXES.get(name.namespace or '', '')}{name.localname}"
        if parent is not None:
            same = list(parent.iterchildren(element.tag))
            if len(same) > 1:
                step += f"[{same.index(element) + 1}]"
        steps.append(step)
        element = parent
    return "/" + "/".join(reversed(steps))


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one element, blanks around it removed; empty when the element is empty."""

    value: str
    element: Element

    def attribute(self, name: str) -> str:
        return (self.element.get(name) or "").strip()


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount; ``value`` is None when what stands there is not a number."""

    value: Decimal | None
    currency: str
    element: Element


@dataclass(frozen=True, slots=True)
class Party:
    """Seller (BG-4), buyer (BG-7) or tax representative (BG-11)."""

    element: Element
    names: tuple[Text, ...]
    registration_names: tuple[Text, ...]
    endpoints: tuple[Text, ...]
    identifications: tuple[Text, ...]
    legal_ids: tuple[Text, ...]
    tax_ids: tuple[Text, ...]
    address: Element | None

    def of_address(self, *path: str) -> Text | None:
        return first(self.address, *path) if self.address is not None else None

    @property
    def country(self) -> str:
        found = self.of_address(f"{CAC}Country", f"{CBC}IdentificationCode")
        return found.value.upper() if found else ""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A document level allowance (BG-20) or charge (BG-21)."""

    charge: bool
    amount: Amount | None
    element: Element


@dataclass(frozen=True, slots=True)
class TaxSubtotal:
    """One VAT breakdown (BG-23)."""

    taxable: Amount | None
    tax: Amount | None
    category: str
    rate: Amount | None
    element: Element


@dataclass(frozen=True, slots=True)
class TaxTotal:
    amount: Amount | None
    subtotals: tuple[TaxSubtotal, ...]
    element: Element


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice line (BG-25)."""

    element: Element
    identifier: Text | None
    quantity: Amount | None
    net: Amount | None
    item_name: Text | None
    price: Amount | None


@dataclass(frozen=True)
class Facts:
    """The invoice as the rules see it."""

    root: Element
    syntax: Literal["ubl-invoice", "ubl-creditnote"]
    lines: tuple[Line, ...]
    tax_totals: tuple[TaxTotal, ...]
    adjustments: tuple[Adjustment, ...]
    payment_means_codes: tuple[Text, ...]
    totals: dict[str, Amount] = field(default_factory=dict)

    @property
    def is_credit_note(self) -> bool:
        return self.syntax == "ubl-creditnote"

    def text(self, name: str) -> Text | None:
        """A basic element directly under the root, such as ``ID`` (BT-1)."""
        return first(self.root, f"{CBC}{name}")

    @cached_property
    def customization(self) -> str:
        """BT-24 without any blanks."""
        found = self.text("CustomizationID")
        return "".join(found.value.split()) if found else ""

    @cached_property
    def profile(self) -> detect.Profile:
        profile_id = self.text("ProfileID")
        return detect.profile(self.customization, profile_id.value if profile_id else None)

    @cached_property
    def type_code(self) -> Text | None:
        """BT-3."""
        return self.text("CreditNoteTypeCode" if self.is_credit_note else "InvoiceTypeCode")

    @cached_property
    def currency(self) -> str:
        """BT-5."""
        found = self.text("DocumentCurrencyCode")
        return found.value if found else ""

    @cached_property
    def seller(self) -> Party | None:
        return _party(self.root.find(f"{CAC}AccountingSupplierParty/{CAC}Party"))

    @cached_property
    def buyer(self) -> Party | None:
        return _party(self.root.find(f"{CAC}AccountingCustomerParty/{CAC}Party"))

    @cached_property
    def tax_representative(self) -> Party | None:
        return _party(self.root.find(f"{CAC}TaxRepresentativeParty"))

    def find(self, *names: str) -> Text | None:
        """The first element at a path of qualified tags below the root."""
        return first(self.root, *names)


def first(element: Element, *path: str) -> Text | None:
    """The first element at ``path`` with its text; None when there is none."""
    found = element.find("/".join(path))
    return None if found is None else Text((found.text or "").strip(), found)


def _all(element: Element, *path: str) -> tuple[Text, ...]:
    return tuple(Text((e.text or "").strip(), e) for e in element.iterfind("/".join(path)))


def _amount(element: Element, *path: str) -> Amount | None:
    found = element.find("/".join(path))
    return None if found is None else amount_of(found)


def amount_of(element: Element) -> Amount:
    return Amount(money.read(element.text), (element.get("currencyID") or "").strip(), element)


def _party(element: Element | None) -> Party | None:
    if element is None:
        return None
    return Party(
        element=element,
        names=_all(element, f"{CAC}PartyName", f"{CBC}Name"),
        registration_names=_all(element, f"{CAC}PartyLegalEntity", f"{CBC}RegistrationName"),
        endpoints=_all(element, f"{CBC}EndpointID"),
        identifications=_all(element, f"{CAC}PartyIdentification", f"{CBC}ID"),
        legal_ids=_all(element, f"{CAC}PartyLegalEntity", f"{CBC}CompanyID"),
        tax_ids=_all(element, f"{CAC}PartyTaxScheme", f"{CBC}CompanyID"),
        address=element.find(f"{CAC}PostalAddress"),
    )


def _line(element: Element, quantity: str) -> Line:
    return Line(
        element=element,
        identifier=first(element, f"{CBC}ID"),
        quantity=_amount(element, f"{CBC}{quantity}"),
        net=_amount(element, f"{CBC}LineExtensionAmount"),
        item_name=first(element, f"{CAC}Item", f"{CBC}Name"),
        price=_amount(element, f"{CAC}Price", f"{CBC}PriceAmount"),
    )


def _tax_total(element: Element) -> TaxTotal:
    subtotals = tuple(
        TaxSubtotal(
            taxable=_amount(subtotal, f"{CBC}TaxableAmount"),
            tax=_amount(subtotal, f"{CBC}TaxAmount"),
            category=(subtotal.findtext(f"{CAC}TaxCategory/{CBC}ID") or "").strip(),
            rate=_amount(subtotal, f"{CAC}TaxCategory", f"{CBC}Percent"),
            element=subtotal,
        )
        for subtotal in element.iterfind(f"{CAC}TaxSubtotal")
    )
    return TaxTotal(_amount(element, f"{CBC}TaxAmount"), subtotals, element)


def collect(root: Element, syntax: Literal["ubl-invoice", "ubl-creditnote"]) -> Facts:
    """Walk the children of ``root`` once."""
    credit = syntax == "ubl-creditnote"
    line_tag = f"{CAC}CreditNoteLine" if credit else f"{CAC}InvoiceLine"
    quantity = "CreditedQuantity" if credit else "InvoicedQuantity"
    lines: list[Line] = []
    tax_totals: list[TaxTotal] = []
    adjustments: list[Adjustment] = []
    means: list[Text] = []
    totals: dict[str, Amount] = {}
    for child in _elements(root):
        tag = child.tag
        if tag == line_tag:
            lines.append(_line(child, quantity))
        elif tag == f"{CAC}TaxTotal":
            tax_totals.append(_tax_total(child))
        elif tag == f"{CAC}AllowanceCharge":
            indicator = (child.findtext(f"{CBC}ChargeIndicator") or "").strip()
            adjustments.append(Adjustment(indicator in ("true", "1"), _amount(child, f"{CBC}Amount"), child))
        elif tag == f"{CAC}PaymentMeans":
            means.extend(_all(child, f"{CBC}PaymentMeansCode"))
        elif tag == f"{CAC}LegalMonetaryTotal":
            for total in _elements(child):
                totals.setdefault(etree.QName(total).localname, amount_of(total))
    return Facts(
        root=root,
        syntax=syntax,
        lines=tuple(lines),
        tax_totals=tuple(tax_totals),
        adjustments=tuple(adjustments),
        payment_means_codes=tuple(means),
        totals=totals,
    )


def _elements(parent: Element) -> Iterator[Element]:
    return (child for child in parent if isinstance(child.tag, str))
