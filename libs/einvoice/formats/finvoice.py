"""Finvoice, the Finnish e-invoice. Exact Globe's own "FInvoice" may be it (exact.md §1.4: nobody outside knows).

Read as published by Finance Finland, versions 1.3 to 3.0; decimal commas, dates ``ccyymmdd``. Where Globe made it,
"Adres 2" is the second street line of the buyer (inference).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from libs.einvoice import money
from libs.einvoice.formats.cii_parts import read_stamp
from libs.einvoice.formats.cursor import Cursor
from libs.einvoice.formats.reading import Read
from libs.einvoice.formats.table import text_of
from libs.einvoice.model import (
    Amount,
    Buyer,
    Contact,
    DocumentTotals,
    Identifier,
    Invoice,
    Item,
    Line,
    Note,
    PaymentInstructions,
    PostalAddress,
    PrecedingInvoice,
    Price,
    Seller,
    VatBreakdown,
)
from libs.einvoice.receivers import Found, Place, ranked
from libs.einvoice.tree import Element

_PATH = "/Finvoice"
_CREDIT = "INV02"


class _At(Cursor):
    """Finvoice's way of writing numbers and dates."""

    def amount(self, path: str, term: str) -> Amount | None:
        found = self.element.find(path)
        value = self.comma(path, term)
        if found is None or value is None:
            return None
        return Amount(value, found.get("AmountCurrencyIdentifier") or self.reading.currency)

    def comma(self, path: str, term: str) -> Decimal | None:
        text = self.text(path)
        if text is None:
            return None
        value = money.read(text.replace("\u00a0", "").replace(" ", "").replace(",", "."))
        found = self.element.find(path)
        if value is None and found is not None:
            self.reading.wrong("READ-NUMBER", found, term=term, seen=text)
        return value

    def stamp(self, path: str, term: str) -> date | None:
        text = self.text(path)
        value = read_stamp(text) if text is not None else None
        found = self.element.find(path)
        if text is not None and value is None and found is not None:
            self.reading.wrong("READ-DATE", found, term=term, seen=text)
        return value


def read(root: Element) -> Read:
    """A ``Finvoice`` element as a model. Never raises for what is inside."""
    total = root.find("InvoiceDetails/InvoiceTotalVatIncludedAmount")
    currency = (total.get("AmountCurrencyIdentifier") if total is not None else None) or "EUR"
    at = _At(root, _PATH, currency=currency)
    code = at.text("InvoiceDetails/InvoiceTypeCode")
    details = "InvoiceDetails"
    reference = at.text("EpiDetails/EpiPaymentInstructionDetails/EpiRemittanceInfoIdentifier")
    original = at.text(f"{details}/OriginalInvoiceNumber")
    texts = [text for each in root.findall(f"{details}/InvoiceFreeText") if (text := text_of(each))]
    at.skip(f"{details}/InvoiceFreeText", f"{details}/InvoiceTypeText", f"{details}/OriginCode")
    invoice = Invoice(
        number=at.text(f"{details}/InvoiceNumber"),
        issue_date=at.stamp(f"{details}/InvoiceDate", "BT-2"),
        type_code="381" if code == _CREDIT else "380",
        currency_code=currency,
        payment_due_date=at.stamp(f"{details}/PaymentTermsDetails/InvoiceDueDate", "BT-9"),
        buyer_reference=at.text(f"{details}/BuyerReferenceIdentifier"),
        contract_reference=at.text(f"{details}/AgreementIdentifier"),
        purchase_order_reference=at.text(f"{details}/OrderIdentifier"),
        payment_terms=at.text(f"{details}/PaymentTermsDetails/PaymentTermsFreeText"),
        notes=tuple(Note(text=text) for text in texts),
        preceding_invoices=(PrecedingInvoice(reference=original),) if original else (),
        seller=_seller(at),
        buyer=_buyer(at),
        payment_instructions=_payment(at, reference),
        totals=_totals(at),
        vat_breakdown=tuple(_vat(at, each) for each in root.findall(f"{details}/VatSpecificationDetails")),
        lines=tuple(_line(at, each) for each in root.findall("InvoiceRow")),
    )
    at.require(
        (
            ("BT-1", f"{details}/InvoiceNumber", invoice.number),
            ("BT-2", f"{details}/InvoiceDate", invoice.issue_date),
            ("BG-4", "SellerPartyDetails", invoice.seller),
            ("BG-7", "BuyerPartyDetails", invoice.buyer),
            ("BG-22", f"{details}/InvoiceTotalVatIncludedAmount", invoice.totals),
            ("BG-25", "InvoiceRow", invoice.lines),
        )
    )
    at.skip("MessageTransmissionDetails", "EpiDetails", "VirtualBankBarcode")
    at.rest()
    return at.reading.done(invoice, _candidates(root))


def _address(at: _At, role: str) -> PostalAddress | None:
    path = f"{role}PartyDetails/{role}PostalAddressDetails"
    streets = [text_of(each) for each in at.element.findall(f"{path}/{role}StreetName")]
    at.skip(f"{path}/{role}StreetName", f"{path}/CountryName")
    first, second, third = (*streets, None, None, None)[:3]
    address = PostalAddress(
        address_line_1=first,
        address_line_2=second,
        address_line_3=third,
        city=at.text(f"{path}/{role}TownName"),
        post_code=at.text(f"{path}/{role}PostCodeIdentifier"),
        country_code=at.text(f"{path}/CountryCode"),
    )
    return address if address != PostalAddress() else None


def _contact(at: _At, role: str) -> Contact | None:
    details = f"{role}CommunicationDetails"
    contact = Contact(
        contact_point=at.text(f"{role}ContactPersonName"),
        telephone_number=at.text(f"{details}/{role}PhoneNumberIdentifier"),
        email_address=at.text(f"{details}/{role}EmailaddressIdentifier"),
    )
    return contact if contact != Contact() else None


def _registration(at: _At, role: str) -> Identifier | None:
    number = at.text(f"{role}PartyDetails/{role}PartyIdentifier")
    return Identifier(number) if number is not None else None


def _seller(at: _At) -> Seller | None:
    seller = Seller(
        name=at.text("SellerPartyDetails/SellerOrganisationName"),
        legal_registration_identifier=_registration(at, "Seller"),
        vat_identifier=at.text("SellerPartyDetails/SellerOrganisationTaxCode"),
        postal_address=_address(at, "Seller"),
        contact=_contact(at, "Seller"),
    )
    return seller if seller != Seller() else None


def _buyer(at: _At) -> Buyer | None:
    buyer = Buyer(
        name=at.text("BuyerPartyDetails/BuyerOrganisationName"),
        legal_registration_identifier=_registration(at, "Buyer"),
        vat_identifier=at.text("BuyerPartyDetails/BuyerOrganisationTaxCode"),
        postal_address=_address(at, "Buyer"),
        contact=_contact(at, "Buyer"),
    )
    return buyer if buyer != Buyer() else None


def _payment(at: _At, reference: str | None) -> tuple[PaymentInstructions, ...]:
    found = []
    for each in at.element.findall("SellerInformationDetails/SellerAccountDetails"):
        account = at.of(each, "SellerInformationDetails/SellerAccountDetails")
        found.append(
            PaymentInstructions(
                means_type_code="30",
                account_identifier=account.text("SellerAccountID"),
                service_provider_identifier=account.text("SellerBic"),
                remittance_information=reference,
            )
        )
    return tuple(found)


def _totals(at: _At) -> DocumentTotals | None:
    details = "InvoiceDetails"
    net = at.amount(f"{details}/InvoiceTotalVatExcludedAmount", "BT-109")
    totals = DocumentTotals(
        sum_of_line_net_amounts=at.amount(f"{details}/RowsTotalVatExcludedAmount", "BT-106") or net,
        total_without_vat=net,
        total_vat=at.amount(f"{details}/InvoiceTotalVatAmount", "BT-110"),
        total_with_vat=at.amount(f"{details}/InvoiceTotalVatIncludedAmount", "BT-112"),
        rounding_amount=at.amount(f"{details}/InvoiceTotalRoundoffAmount", "BT-114"),
        amount_due=at.amount(f"{details}/InvoiceTotalVatIncludedAmount", "BT-115"),
    )
    return totals if totals != DocumentTotals() else None


def _vat(at: _At, element: Element) -> VatBreakdown:
    vat = _At(element, f"{_PATH}/InvoiceDetails/VatSpecificationDetails", within=at)
    rate = vat.comma("VatRatePercent", "BT-119")
    return VatBreakdown(
        taxable_amount=vat.amount("VatBaseAmount", "BT-116"),
        tax_amount=vat.amount("VatRateAmount", "BT-117"),
        category_code=vat.text("VatCode") or _category(rate),
        rate=rate,
        exemption_reason=vat.text("VatFreeText"),
    )


def _line(at: _At, element: Element) -> Line:
    row = _At(element, f"{_PATH}/InvoiceRow", within=at)
    name = next(
        (
            each
            for each in ("InvoicedQuantity", "DeliveredQuantity", "OrderedQuantity")
            if element.find(each) is not None
        ),
        "InvoicedQuantity",
    )
    rate = row.comma("RowVatRatePercent", "BT-152")
    price = row.amount("UnitPriceAmount", "BT-146")
    return Line(
        identifier=row.text("RowPositionIdentifier") or row.text("RowIdentifier"),
        note=row.text("RowFreeText"),
        quantity=row.comma(name, "BT-129"),
        unit_code=row.attribute(name, "QuantityUnitCodeUN") or row.attribute(name, "QuantityUnitCode"),
        net_amount=row.amount("RowVatExcludedAmount", "BT-131"),
        price=Price(net_price=price) if price is not None else None,
        vat_category_code=row.text("RowVatCode") or _category(rate),
        vat_rate=rate,
        item=Item(name=row.text("ArticleName"), sellers_identifier=row.text("ArticleIdentifier")),
    )


def _category(rate: Decimal | None) -> str | None:
    return None if rate is None else "S" if rate else "Z"


def _candidates(root: Element) -> list[Found]:
    party = "BuyerPartyDetails"
    path = f"{_PATH}/{party}"
    named = [
        Place(each.text, None, f"{path}/BuyerPartyIdentifier")
        for each in root.findall(f"{party}/BuyerPartyIdentifier")
    ]
    taxed = [
        Place(each.text, None, f"{path}/BuyerOrganisationTaxCode")
        for each in root.findall(f"{party}/BuyerOrganisationTaxCode")
    ]
    street = "BuyerPostalAddressDetails/BuyerStreetName"
    lines = [
        Place(each.text, None, f"{path}/{street}[{n}]")
        for n, each in enumerate(root.findall(f"{party}/{street}"), 1)
        if n > 1
    ]
    # Nobody in the Netherlands or Belgium but Globe makes it.
    return ranked(named, taxed, lines, globe=True)
