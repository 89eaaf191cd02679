"""Parties, addresses and deliveries of UBL 2.x (EN 16931-3-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import (
    Day,
    Group,
    Id,
    Rule,
    Step,
    Table,
    Text,
    Values,
    escape,
    finish,
    identifier_element,
    identifier_of,
    qualified,
    text_of,
    wrap,
)
from libs.einvoice.model import (
    Buyer,
    Contact,
    Delivery,
    Identifier,
    Payee,
    PostalAddress,
    Seller,
    TaxRepresentative,
)
from libs.einvoice.tree import CAC, CBC, Element

NAMESPACES = {"cbc": CBC, "cac": CAC}
SEPA = "SEPA"
"""Scheme under which BT-90 stands among the identifiers of seller or payee."""

_TAX_SCHEME = qualified("cac:TaxScheme", NAMESPACES)
_ID = qualified("cbc:ID", NAMESPACES)
_COMPANY_ID = qualified("cbc:CompanyID", NAMESPACES)


def table(*rules: Rule, aliases: Sequence[Rule] = ()) -> Table:
    return Table(NAMESPACES, rules, aliases)


class BuildingNumber:
    """Older profiles give the house number an element of its own; the model has it behind the street."""

    name = "cbc:BuildingNumber"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        text = text_of(element)
        if text is not None:
            street = values.get("address_line_1")
            values["address_line_1"] = f"{street} {text}" if street else text

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


ADDRESS = table(
    Text("cbc:StreetName", "address_line_1"),
    Text("cbc:AdditionalStreetName", "address_line_2"),
    Text("cbc:CityName", "city"),
    Text("cbc:PostalZone", "post_code"),
    Text("cbc:CountrySubentity", "country_subdivision"),
    Step("cac:AddressLine", table(Text("cbc:Line", "address_line_3", joined=True))),
    Step("cac:Country", table(Text("cbc:IdentificationCode", "country_code"))),
    aliases=(BuildingNumber(),),
)

CONTACT = table(
    Text("cbc:Name", "contact_point"),
    Text("cbc:Telephone", "telephone_number"),
    Text("cbc:ElectronicMail", "email_address"),
)


class PartyIdentifiers:
    """``cac:PartyIdentification``, each with one identifier."""

    name = "cac:PartyIdentification"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        for child in element:
            found = identifier_of(child) if child.tag == _ID else None
            if found is None:
                reading.left(child)
            else:
                values.setdefault("identifiers", []).append(found)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for each in source.identifiers:
            out.append(f"{pad}<{self.name}>\n")
            out.append(identifier_element("cbc:ID", each, pad + "  "))
            out.append(f"{pad}</{self.name}>\n")


class TaxNumbers:
    """``cac:PartyTaxScheme``: the VAT number, and for a seller any other tax registration (BT-32)."""

    name = "cac:PartyTaxScheme"

    def __init__(self, *, other: bool = False) -> None:
        self.other = other

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        number: Element | None = None
        scheme = "VAT"
        for child in element:
            if child.tag == _COMPANY_ID and number is None:
                number = child
            elif child.tag == _TAX_SCHEME:
                said = child.find(_ID)
                scheme = (text_of(said) or "") if said is not None else "VAT"
            else:
                reading.left(child)
        text = text_of(number) if number is not None else None
        if number is None or text is None:
            return
        # Free codes stand where the seller has no VAT scheme; "VAT" itself is written in any case.
        field = "vat_identifier" if scheme.upper() == "VAT" else "tax_registration_identifier"
        if field in values or (field != "vat_identifier" and not self.other):
            reading.left(number)
        else:
            values[field] = text

    def put(self, source: Any, out: list[str], pad: str) -> None:
        self._put(source.vat_identifier, "VAT", out, pad)
        if self.other:
            # Any code but VAT; LOC is the one the official CII to UBL mapping takes.
            self._put(source.tax_registration_identifier, "LOC", out, pad)

    def _put(self, number: str | None, scheme: str, out: list[str], pad: str) -> None:
        if number is not None:
            out.append(
                f"{pad}<cac:PartyTaxScheme>\n"
                f"{pad}  <cbc:CompanyID>{escape(number)}</cbc:CompanyID>\n"
                f"{pad}  <cac:TaxScheme>\n{pad}    <cbc:ID>{scheme}</cbc:ID>\n{pad}  </cac:TaxScheme>\n"
                f"{pad}</cac:PartyTaxScheme>\n"
            )


_PARTY_NAME = Step("cac:PartyName", table(Text("cbc:Name", "trading_name")))


def _legal(*more: Rule) -> Step:
    return Step(
        "cac:PartyLegalEntity",
        table(
            Text("cbc:RegistrationName", "name"),
            Id("cbc:CompanyID", "legal_registration_identifier"),
            *more,
        ),
    )


_SELLER = table(
    Id("cbc:EndpointID", "electronic_address"),
    PartyIdentifiers(),
    _PARTY_NAME,
    Group("cac:PostalAddress", "postal_address", PostalAddress, ADDRESS),
    TaxNumbers(other=True),
    _legal(Text("cbc:CompanyLegalForm", "additional_legal_information")),
    Group("cac:Contact", "contact", Contact, CONTACT),
)
_BUYER = table(
    Id("cbc:EndpointID", "electronic_address"),
    PartyIdentifiers(),
    _PARTY_NAME,
    Group("cac:PostalAddress", "postal_address", PostalAddress, ADDRESS),
    TaxNumbers(),
    _legal(),
    Group("cac:Contact", "contact", Contact, CONTACT),
)
_PAYEE = table(
    PartyIdentifiers(),
    Step("cac:PartyName", table(Text("cbc:Name", "name"))),
    Step("cac:PartyLegalEntity", table(Id("cbc:CompanyID", "legal_registration_identifier"))),
)
_REPRESENTATIVE = table(
    Step("cac:PartyName", table(Text("cbc:Name", "name"))),
    Group("cac:PostalAddress", "postal_address", PostalAddress, ADDRESS),
    TaxNumbers(),
)


class Party:
    """A party of the invoice. What it lacks or has too much of is settled here:

    - its only name stands in ``PartyName`` in older profiles: that is then its name, not a trading name;
    - the bank assigned creditor identifier (BT-90) is one of its identifiers, and a term of the invoice.
    """

    __slots__ = ("cls", "creditor", "field", "name", "table", "term")

    def __init__(
        self, name: str, field: str, cls: type, rules: Table, *, term: str = "", creditor: bool = False
    ) -> None:
        self.name, self.field, self.cls, self.table = name, field, cls, rules
        self.term, self.creditor = term, creditor

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if self.field in values:
            reading.left(element)
            return
        inner: Values = {}
        self.table.take(element, inner, reading)
        if self.term and "name" not in inner and "trading_name" in inner:
            inner["name"] = inner.pop("trading_name")
            reading.took(
                self.term,
                inner["name"],
                "Naam genomen uit PartyName, omdat RegistrationName ontbreekt.",
                "Name taken from PartyName, because RegistrationName is absent.",
            )
        if self.creditor and "identifiers" in inner:
            self._creditor(inner, values, self.field)
        if inner:
            values[self.field] = self.cls(**finish(inner))

    @staticmethod
    def _creditor(inner: Values, values: Values, field: str) -> None:
        for each in inner["identifiers"]:
            if each.scheme == SEPA and "bank_assigned_creditor_identifier" not in values:
                values["bank_assigned_creditor_identifier"] = each.value
                values["_creditor"] = field
                inner["identifiers"].remove(each)
                break
        if not inner["identifiers"]:
            del inner["identifiers"]

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        # At the payee where there is one, else at the seller.
        creditor = source.bank_assigned_creditor_identifier if self.creditor else None
        if creditor is not None and (self.field == "payee") is (source.payee is not None):
            value = value or self.cls()
            value = replace(value, identifiers=(*value.identifiers, Identifier(creditor, SEPA)))
        if value is not None:
            wrap(self.name, (self.table,), value, out, pad)


SELLER = Step(
    "cac:AccountingSupplierParty",
    table(Party("cac:Party", "seller", Seller, _SELLER, term="BT-27", creditor=True)),
)
BUYER = Step("cac:AccountingCustomerParty", table(Party("cac:Party", "buyer", Buyer, _BUYER, term="BT-44")))
PAYEE = Party("cac:PayeeParty", "payee", Payee, _PAYEE, creditor=True)
REPRESENTATIVE = Group("cac:TaxRepresentativeParty", "tax_representative", TaxRepresentative, _REPRESENTATIVE)

DELIVERY = Group(
    "cac:Delivery",
    "delivery",
    Delivery,
    table(
        Day("cbc:ActualDeliveryDate", "actual_delivery_date", Delivery),
        Step(
            "cac:DeliveryLocation",
            table(
                Id("cbc:ID", "location_identifier"), Group("cac:Address", "address", PostalAddress, ADDRESS)
            ),
        ),
        Step(
            "cac:DeliveryParty",
            table(Step("cac:PartyName", table(Text("cbc:Name", "deliver_to_party_name")))),
        ),
    ),
)
