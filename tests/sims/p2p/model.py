"""The resources of Purchase to Pay and their fields.

The fields are those of the project's resource model: the product's own API is public for ``User`` alone. Which
fields are required: *Ja* in Exact's page for suppliers; else the name or number a record is known by (inference).
A field that is not given is emptied by an update (inference, the stricter choice).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tests.sims.p2p.fields import (
    Amount,
    BankCountry,
    Country,
    CurrencyCode,
    Day,
    Duns,
    Email,
    Iban,
    Key,
    LongText,
    Part,
    Percentage,
    Phone,
    Rate,
    Swift,
    Text,
    Translations,
    Website,
)


class Resource(Part):
    external_id: Key


class OwnBankAccount(Part):
    bank_name: Text | None = None
    swift: Swift | None = None
    account_number: Iban


class Company(Resource):
    name: Text
    default_bank_account: Iban | None = None
    bank_accounts: list[OwnBankAccount] = Field(default_factory=list)


class OrganisationAddress(Part):
    reference: Text | None = None
    street: Text | None = None
    postcode: Text | None = None
    city: Text | None = None
    state: Text | None = None
    country: Country | None = None


class Organisation(Resource):
    name: Text
    vat_number: Text | None = None
    kvk_number: Text | None = None
    default_bank_account: Iban | None = None
    phone: Phone | None = None
    fax: Phone | None = None
    address: OrganisationAddress | None = None
    bank_accounts: list[OwnBankAccount] = Field(default_factory=list)


class CostCentre(Resource):
    group_name: Text
    description: Text
    name: Text
    active: bool
    translations: Translations = Field(default_factory=dict)
    companies: list[Key] = Field(default_factory=list)


class CostUnit(Resource):
    number: Text
    description: Text
    translations: Translations = Field(default_factory=dict)
    active: bool = True


class CostType(Resource):
    number: Text
    description: Text
    active: bool
    translations: Translations = Field(default_factory=dict)


class Project(Resource):
    number: Text
    description: Text
    active: bool


class VatRate(Resource):
    description: Text
    percentage: Percentage
    active: bool
    translations: Translations = Field(default_factory=dict)


class PaymentCondition(Resource):
    description: Text
    days: int = Field(ge=0, le=9999)
    translations: Translations = Field(default_factory=dict)


class Currency(Resource):
    code: CurrencyCode
    description: Text
    rate_to_euro: Rate


class AddressType(Part):
    code: Key
    description: Text


class SupplierBankAccount(Part):
    external_id: Key
    bank_country: BankCountry | None = None
    bank_name: Text | None = None
    account_number: Iban
    swift: Swift | None = None


class SupplierAddress(Part):
    external_id: Key
    type: Key
    street: Text
    postcode: Text
    city: Text
    country: Country


class SupplierContact(Part):
    external_id: Key
    salutation: Literal["Mr", "Mrs", "NA"]
    first_name: Text | None = None
    middle_name: Text | None = None
    last_name: Text
    function: Text | None = None
    phone: Phone | None = None
    fax: Phone | None = None
    mobile: Phone | None = None
    email: Email | None = None


class Supplier(Resource):
    name: Text
    active: bool
    website: Website | None = None
    duns: Duns | None = None
    phone: Phone | None = None
    fax: Phone | None = None
    email: Email | None = None
    remarks: LongText | None = None
    default_currency: CurrencyCode | None = None
    kvk_number: Text | None = None
    vat_number: Text | None = None
    payment_condition: Key | None = None
    company_links: list[Key]
    default_bank_account: Iban | None = None
    bank_accounts: list[SupplierBankAccount] = Field(default_factory=list)
    addresses: list[SupplierAddress]
    contacts: list[SupplierContact] = Field(default_factory=list)


class InvoiceLine(Part):
    cost_type: Key
    project: Key | None = None
    cost_centre: Key | None = None
    quantity: Amount | None = None
    amount_excl_vat: Amount
    vat_code: Key
    vat_amount: Amount | None = None
    description: Text | None = None


class Invoice(Resource):
    company_number: Key
    journal: Key
    reporting_date: Day
    invoice_date: Day
    entry_number: Key | None = None
    supplier_number: Key
    invoice_number: Key
    currency: CurrencyCode
    type: Key
    description: Text | None = None
    payment_term: Key | None = None
    due_date: Day | None = None
    bank_giro: Text | None = None
    status: Literal["matching", "matchingBlocked", "final"]
    lines: list[InvoiceLine] = Field(min_length=1)
    attachments: list[Text] = Field(default_factory=list)


class Payment(Resource):
    invoice_external_id: Key
    due_date: Day
    beneficiary_account: Text | None = None
    amount: Amount
    batch_reference: Text | None = None
    completed_on: Day | None = None
    payment_date: Day | None = None


class User(Part):
    """The one resource that is public, field by field; mark its ``externalID``."""

    external_id: Key = Field(alias="externalID")
    first_name: Text | None = None
    middle_initials: Text | None = None
    sur_name: Text
    email: Email | None = None
    telephone: Phone | None = None
    mobile: Phone | None = None
    login_name: Text
    password: Text | None = Field(default=None, exclude=True)
    password_must_change: bool | None = None
    status: Literal["active", "inactive"]
    profile_user_external_id: Key | None = None


class BookingPeriod(Part):
    company: Key
    year: int = Field(ge=1900, le=2999)
    period: int = Field(ge=1, le=99)
    closed: bool


class SystemSetting(Part):
    external_id: Key
    value: Text
