"""The semantic model of an invoice: EN 16931-1, every business term and group under its standard name.

::

    UBL · CII · eExact · Finvoice · JSON ──readers──▶ Invoice ──writers──▶ UBL · CII · eExact · JSON · CSV · PDF

Each field's annotation says which business term (BT) or group (BG) it is; where a group has several roles
(an address is BG-5, BG-8, BG-12 or BG-15), the numbers stand in the order of ``ROLES``. Everything may be
absent: what must be there is a question for the rules, not for the model. Amounts carry their currency.
Values are frozen and compare by content. Dates are legal dates, without a zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, NamedTuple

CREDIT_NOTE_CODES = frozenset({"81", "83", "381", "396", "532"})
"""Values of BT-3 that make a document a credit note (EN 16931, binding to UBL)."""


class Amount(NamedTuple):
    """Money: a number and an ISO 4217 code (None where the document does not say)."""

    value: Decimal
    currency: str | None = None


class Identifier(NamedTuple):
    """An identifier with its scheme (ISO 6523, EAS or as the document writes it)."""

    value: str
    scheme: str | None = None


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Seller (BG-5), buyer (BG-8), tax representative (BG-12), deliver to (BG-15)."""

    ROLES: ClassVar[tuple[str, ...]] = ("BG-5", "BG-8", "BG-12", "BG-15")

    address_line_1: Annotated[str | None, "BT-35 BT-50 BT-64 BT-75"] = None
    address_line_2: Annotated[str | None, "BT-36 BT-51 BT-65 BT-76"] = None
    address_line_3: Annotated[str | None, "BT-162 BT-163 BT-164 BT-165"] = None
    city: Annotated[str | None, "BT-37 BT-52 BT-66 BT-77"] = None
    post_code: Annotated[str | None, "BT-38 BT-53 BT-67 BT-78"] = None
    country_subdivision: Annotated[str | None, "BT-39 BT-54 BT-68 BT-79"] = None
    country_code: Annotated[str | None, "BT-40 BT-55 BT-69 BT-80"] = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Seller (BG-6), buyer (BG-9)."""

    ROLES: ClassVar[tuple[str, ...]] = ("BG-6", "BG-9")

    contact_point: Annotated[str | None, "BT-41 BT-56"] = None
    telephone_number: Annotated[str | None, "BT-42 BT-57"] = None
    email_address: Annotated[str | None, "BT-43 BT-58"] = None


@dataclass(frozen=True, slots=True)
class Period:
    """Invoicing period (BG-14), invoice line period (BG-26)."""

    ROLES: ClassVar[tuple[str, ...]] = ("BG-14", "BG-26")

    start_date: Annotated[date | None, "BT-73 BT-134"] = None
    end_date: Annotated[date | None, "BT-74 BT-135"] = None


@dataclass(frozen=True, slots=True)
class Seller:
    """BG-4."""

    name: Annotated[str | None, "BT-27"] = None
    trading_name: Annotated[str | None, "BT-28"] = None
    identifiers: Annotated[tuple[Identifier, ...], "BT-29"] = ()
    legal_registration_identifier: Annotated[Identifier | None, "BT-30"] = None
    vat_identifier: Annotated[str | None, "BT-31"] = None
    tax_registration_identifier: Annotated[str | None, "BT-32"] = None
    additional_legal_information: Annotated[str | None, "BT-33"] = None
    electronic_address: Annotated[Identifier | None, "BT-34"] = None
    postal_address: Annotated[PostalAddress | None, "BG-5"] = None
    contact: Annotated[Contact | None, "BG-6"] = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """BG-7. The standard allows one identifier (BT-46); documents hold more, and none is dropped."""

    name: Annotated[str | None, "BT-44"] = None
    trading_name: Annotated[str | None, "BT-45"] = None
    identifiers: Annotated[tuple[Identifier, ...], "BT-46"] = ()
    legal_registration_identifier: Annotated[Identifier | None, "BT-47"] = None
    vat_identifier: Annotated[str | None, "BT-48"] = None
    electronic_address: Annotated[Identifier | None, "BT-49"] = None
    postal_address: Annotated[PostalAddress | None, "BG-8"] = None
    contact: Annotated[Contact | None, "BG-9"] = None


@dataclass(frozen=True, slots=True)
class Payee:
    """BG-10."""

    name: Annotated[str | None, "BT-59"] = None
    identifiers: Annotated[tuple[Identifier, ...], "BT-60"] = ()
    legal_registration_identifier: Annotated[Identifier | None, "BT-61"] = None


@dataclass(frozen=True, slots=True)
class TaxRepresentative:
    """Seller tax representative party, BG-11."""

    name: Annotated[str | None, "BT-62"] = None
    vat_identifier: Annotated[str | None, "BT-63"] = None
    postal_address: Annotated[PostalAddress | None, "BG-12"] = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery information, BG-13."""

    deliver_to_party_name: Annotated[str | None, "BT-70"] = None
    location_identifier: Annotated[Identifier | None, "BT-71"] = None
    actual_delivery_date: Annotated[date | None, "BT-72"] = None
    address: Annotated[PostalAddress | None, "BG-15"] = None


@dataclass(frozen=True, slots=True)
class Note:
    """Invoice note, BG-1."""

    subject_code: Annotated[str | None, "BT-21"] = None
    text: Annotated[str | None, "BT-22"] = None


@dataclass(frozen=True, slots=True)
class PrecedingInvoice:
    """Preceding invoice reference, BG-3: what a credit note or corrective invoice is about."""

    reference: Annotated[str | None, "BT-25"] = None
    issue_date: Annotated[date | None, "BT-26"] = None


@dataclass(frozen=True, slots=True)
class PaymentInstructions:
    """BG-16, with what belongs to one way of paying: credit transfer (BG-17), card (BG-18), direct debit (BG-19).

    The standard has one group with several accounts, UBL and CII repeat the group with one account each: so does
    the model. ``identifier`` and ``amount`` are the Dutch g-account extension (NLCIUS gaccount v1.0): which part
    is paid into which account.
    """

    means_type_code: Annotated[str | None, "BT-81"] = None
    means_text: Annotated[str | None, "BT-82"] = None
    remittance_information: Annotated[str | None, "BT-83"] = None
    account_identifier: Annotated[str | None, "BT-84"] = None
    account_name: Annotated[str | None, "BT-85"] = None
    service_provider_identifier: Annotated[str | None, "BT-86"] = None
    card_account_number: Annotated[str | None, "BT-87"] = None
    card_holder_name: Annotated[str | None, "BT-88"] = None
    mandate_reference_identifier: Annotated[str | None, "BT-89"] = None
    debited_account_identifier: Annotated[str | None, "BT-91"] = None
    identifier: Annotated[str | None, "NL-GACCOUNT-ID"] = None
    amount: Annotated[Amount | None, "NL-GACCOUNT-AMOUNT"] = None


@dataclass(frozen=True, slots=True)
class AllowanceCharge:
    """Document level allowance (BG-20) and charge (BG-21), line allowance (BG-27) and charge (BG-28)."""

    ROLES: ClassVar[tuple[str, ...]] = ("BG-20", "BG-21", "BG-27", "BG-28")

    amount: Annotated[Amount | None, "BT-92 BT-99 BT-136 BT-141"] = None
    base_amount: Annotated[Amount | None, "BT-93 BT-100 BT-137 BT-142"] = None
    percentage: Annotated[Decimal | None, "BT-94 BT-101 BT-138 BT-143"] = None
    vat_category_code: Annotated[str | None, "BT-95 BT-102 - -"] = None
    vat_rate: Annotated[Decimal | None, "BT-96 BT-103 - -"] = None
    reason: Annotated[str | None, "BT-97 BT-104 BT-139 BT-144"] = None
    reason_code: Annotated[str | None, "BT-98 BT-105 BT-140 BT-145"] = None


@dataclass(frozen=True, slots=True)
class DocumentTotals:
    """BG-22."""

    sum_of_line_net_amounts: Annotated[Amount | None, "BT-106"] = None
    sum_of_allowances: Annotated[Amount | None, "BT-107"] = None
    sum_of_charges: Annotated[Amount | None, "BT-108"] = None
    total_without_vat: Annotated[Amount | None, "BT-109"] = None
    total_vat: Annotated[Amount | None, "BT-110"] = None
    total_vat_in_accounting_currency: Annotated[Amount | None, "BT-111"] = None
    total_with_vat: Annotated[Amount | None, "BT-112"] = None
    paid_amount: Annotated[Amount | None, "BT-113"] = None
    rounding_amount: Annotated[Amount | None, "BT-114"] = None
    amount_due: Annotated[Amount | None, "BT-115"] = None


@dataclass(frozen=True, slots=True)
class VatBreakdown:
    """BG-23, one VAT category and rate."""

    taxable_amount: Annotated[Amount | None, "BT-116"] = None
    tax_amount: Annotated[Amount | None, "BT-117"] = None
    category_code: Annotated[str | None, "BT-118"] = None
    rate: Annotated[Decimal | None, "BT-119"] = None
    exemption_reason: Annotated[str | None, "BT-120"] = None
    exemption_reason_code: Annotated[str | None, "BT-121"] = None


class Attached(NamedTuple):
    """Attached document, BT-125: bytes, media type, file name."""

    content: bytes
    mime_code: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class SupportingDocument:
    """Additional supporting documents, BG-24."""

    reference: Annotated[str | None, "BT-122"] = None
    description: Annotated[str | None, "BT-123"] = None
    external_location: Annotated[str | None, "BT-124"] = None
    attached: Annotated[Attached | None, "BT-125"] = None


class Classification(NamedTuple):
    """Item classification, BT-158: code, list (UNTDID 7143) and version of the list."""

    code: str
    scheme: str | None = None
    version: str | None = None


class Attribute(NamedTuple):
    """Item attribute, BG-32: name (BT-160) and value (BT-161)."""

    name: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """Item information, BG-31."""

    name: Annotated[str | None, "BT-153"] = None
    description: Annotated[str | None, "BT-154"] = None
    sellers_identifier: Annotated[str | None, "BT-155"] = None
    buyers_identifier: Annotated[str | None, "BT-156"] = None
    standard_identifier: Annotated[Identifier | None, "BT-157"] = None
    classifications: Annotated[tuple[Classification, ...], "BT-158"] = ()
    country_of_origin: Annotated[str | None, "BT-159"] = None
    attributes: Annotated[tuple[Attribute, ...], "BG-32"] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """Price details, BG-29. ``base_quantity`` is what the price is for; None means 1."""

    net_price: Annotated[Amount | None, "BT-146"] = None
    discount: Annotated[Amount | None, "BT-147"] = None
    gross_price: Annotated[Amount | None, "BT-148"] = None
    base_quantity: Annotated[Decimal | None, "BT-149"] = None
    base_quantity_unit_code: Annotated[str | None, "BT-150"] = None


@dataclass(frozen=True, slots=True)
class Line:
    """Invoice line, BG-25, with its VAT information (BG-30)."""

    identifier: Annotated[str | None, "BT-126"] = None
    note: Annotated[str | None, "BT-127"] = None
    object_identifier: Annotated[Identifier | None, "BT-128"] = None
    quantity: Annotated[Decimal | None, "BT-129"] = None
    unit_code: Annotated[str | None, "BT-130"] = None
    net_amount: Annotated[Amount | None, "BT-131"] = None
    order_line_reference: Annotated[str | None, "BT-132"] = None
    buyer_accounting_reference: Annotated[str | None, "BT-133"] = None
    period: Annotated[Period | None, "BG-26"] = None
    allowances: Annotated[tuple[AllowanceCharge, ...], "BG-27"] = ()
    charges: Annotated[tuple[AllowanceCharge, ...], "BG-28"] = ()
    price: Annotated[Price | None, "BG-29"] = None
    vat_category_code: Annotated[str | None, "BT-151"] = None
    vat_rate: Annotated[Decimal | None, "BT-152"] = None
    item: Annotated[Item | None, "BG-31"] = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """Invoice, credit note or corrective invoice; ``type_code`` says which. BT-23 and BT-24 are BG-2."""

    number: Annotated[str | None, "BT-1"] = None
    issue_date: Annotated[date | None, "BT-2"] = None
    type_code: Annotated[str | None, "BT-3"] = None
    currency_code: Annotated[str | None, "BT-5"] = None
    vat_accounting_currency_code: Annotated[str | None, "BT-6"] = None
    vat_point_date: Annotated[date | None, "BT-7"] = None
    vat_point_date_code: Annotated[str | None, "BT-8"] = None
    payment_due_date: Annotated[date | None, "BT-9"] = None
    buyer_reference: Annotated[str | None, "BT-10"] = None
    project_reference: Annotated[str | None, "BT-11"] = None
    contract_reference: Annotated[str | None, "BT-12"] = None
    purchase_order_reference: Annotated[str | None, "BT-13"] = None
    sales_order_reference: Annotated[str | None, "BT-14"] = None
    receiving_advice_reference: Annotated[str | None, "BT-15"] = None
    despatch_advice_reference: Annotated[str | None, "BT-16"] = None
    tender_or_lot_reference: Annotated[str | None, "BT-17"] = None
    invoiced_object_identifier: Annotated[Identifier | None, "BT-18"] = None
    buyer_accounting_reference: Annotated[str | None, "BT-19"] = None
    payment_terms: Annotated[str | None, "BT-20"] = None
    notes: Annotated[tuple[Note, ...], "BG-1"] = ()
    business_process_type: Annotated[str | None, "BT-23"] = None
    specification_identifier: Annotated[str | None, "BT-24"] = None
    preceding_invoices: Annotated[tuple[PrecedingInvoice, ...], "BG-3"] = ()
    seller: Annotated[Seller | None, "BG-4"] = None
    buyer: Annotated[Buyer | None, "BG-7"] = None
    payee: Annotated[Payee | None, "BG-10"] = None
    tax_representative: Annotated[TaxRepresentative | None, "BG-11"] = None
    delivery: Annotated[Delivery | None, "BG-13"] = None
    period: Annotated[Period | None, "BG-14"] = None
    payment_instructions: Annotated[tuple[PaymentInstructions, ...], "BG-16"] = ()
    bank_assigned_creditor_identifier: Annotated[str | None, "BT-90"] = None
    allowances: Annotated[tuple[AllowanceCharge, ...], "BG-20"] = ()
    charges: Annotated[tuple[AllowanceCharge, ...], "BG-21"] = ()
    totals: Annotated[DocumentTotals | None, "BG-22"] = None
    vat_breakdown: Annotated[tuple[VatBreakdown, ...], "BG-23"] = ()
    supporting_documents: Annotated[tuple[SupportingDocument, ...], "BG-24"] = ()
    lines: Annotated[tuple[Line, ...], "BG-25"] = ()

    @property
    def is_credit_note(self) -> bool:
        return self.type_code in CREDIT_NOTE_CODES
