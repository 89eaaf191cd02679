"""Parties, addresses, dates and small parts of a UN/CEFACT Cross Industry Invoice (D16B, EN 16931-3-3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import (
    BLANKS,
    Group,
    Id,
    Rule,
    Step,
    Table,
    Text,
    Values,
    escape,
    identifier_element,
    identifier_of,
    once,
    qualified,
    text_of,
)
from libs.einvoice.model import (
    Buyer,
    Contact,
    Identifier,
    Payee,
    Period,
    PostalAddress,
    Seller,
    TaxRepresentative,
)
from libs.einvoice.terms import number as term_number
from libs.einvoice.tree import Element

RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
NAMESPACES = {"rsm": RSM, "ram": RAM, "udt": UDT, "qdt": QDT}

_DAY = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})")
_DAYS = "102"
"""UNTDID 2379: a day without hyphens. Every other format has less than a day, or more."""
_ID = qualified("ram:ID", NAMESPACES)


def table(*rules: Rule, aliases: Sequence[Rule] = ()) -> Table:
    return Table(NAMESPACES, rules, aliases)


def way(path: str, *rules: Rule) -> Step:
    """Elements inside each other, the innermost with these rules: ``ram:A/ram:B``."""
    *outer, last = path.split("/")
    step = Step(last, table(*rules))
    for name in reversed(outer):
        step = Step(name, table(step))
    return step


class Stamp:
    """A day as ``yyyymmdd`` in an element of its own (format 102)."""

    __slots__ = ("_leaf", "_tags", "field", "name", "owner")

    def __init__(self, name: str, field: str, owner: type, *, leaf: str = "udt:DateTimeString") -> None:
        self.name, self.field, self.owner, self._leaf = name, field, owner, leaf
        self._tags = {
            qualified(each, NAMESPACES)
            for each in ("udt:DateTimeString", "udt:DateString", "qdt:DateTimeString")
        }

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        for child in element:
            text = text_of(child)
            if child.tag not in self._tags or text is None:
                reading.left(child)
                continue
            form = (child.get("format") or _DAYS).strip(BLANKS)
            found = read_stamp(text) if form == _DAYS else None
            if found is None:
                seen = text if form == _DAYS else f"{text} ({form})"
                reading.wrong("READ-DATE", child, term=term_number(self.owner, self.field), seen=seen)
            else:
                once(values, self.field, found, child, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            out.append(stamp_element(self.name, value, pad, self._leaf))


def read_stamp(text: str) -> date | None:
    """``20260131``; a day written with hyphens is taken too."""
    found = _DAY.fullmatch(text)
    try:
        return date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        return None


def stamp_element(name: str, value: date, pad: str, leaf: str = "udt:DateTimeString") -> str:
    return f'{pad}<{name}>\n{pad}  <{leaf} format="102">{value:%Y%m%d}</{leaf}>\n{pad}</{name}>\n'


class Ids:
    """``ram:ID`` without and ``ram:GlobalID`` with a scheme: one list of the model, or its one identifier."""

    __slots__ = ("field", "many", "name", "scheme")

    def __init__(self, name: str, field: str, *, many: bool = True) -> None:
        self.name, self.field, self.many = name, field, many
        self.scheme = name == "ram:GlobalID"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        found = identifier_of(element)
        if found is None:
            return
        if self.many:
            values.setdefault(self.field, []).append(found)
        else:
            once(values, self.field, found, element, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        out.extend(
            identifier_element(self.name, each, pad)
            for each in (value if self.many else (value,))
            if each is not None and (each.scheme is not None) is self.scheme
        )


class TaxRegistrations:
    """``ram:SpecifiedTaxRegistration``: scheme VA is the VAT number, FC any other tax number (BT-32)."""

    name = "ram:SpecifiedTaxRegistration"

    def __init__(self, *, other: bool = False) -> None:
        self.other = other

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        for child in element:
            text = text_of(child) if child.tag == _ID else None
            if text is None:
                reading.left(child)
                continue
            vat = (child.get("schemeID") or "VA").strip(BLANKS).upper() == "VA"
            field = "vat_identifier" if vat else "tax_registration_identifier"
            if field in values or not (vat or self.other):
                reading.left(child)
            else:
                values[field] = text

    def put(self, source: Any, out: list[str], pad: str) -> None:
        numbers = [(source.vat_identifier, "VA")]
        if self.other:
            numbers.append((source.tax_registration_identifier, "FC"))
        for value, scheme in numbers:
            if value is not None:
                leaf = identifier_element("ram:ID", Identifier(value, scheme), pad + "  ")
                out.append(f"{pad}<{self.name}>\n{leaf}{pad}</{self.name}>\n")


ADDRESS = table(
    Text("ram:PostcodeCode", "post_code"),
    Text("ram:LineOne", "address_line_1"),
    Text("ram:LineTwo", "address_line_2"),
    Text("ram:LineThree", "address_line_3"),
    Text("ram:CityName", "city"),
    Text("ram:CountryID", "country_code"),
    Text("ram:CountrySubDivisionName", "country_subdivision"),
)
_CONTACT = table(
    Text("ram:PersonName", "contact_point"),
    way("ram:TelephoneUniversalCommunication", Text("ram:CompleteNumber", "telephone_number")),
    way("ram:EmailURIUniversalCommunication", Text("ram:URIID", "email_address")),
    aliases=(Text("ram:DepartmentName", "contact_point"),),
)
_ADDRESS = Group("ram:PostalTradeAddress", "postal_address", PostalAddress, ADDRESS)
_IDS = (Ids("ram:ID", "identifiers"), Ids("ram:GlobalID", "identifiers"))
_NAME = Text("ram:Name", "name")


def _party(*description: Rule, other: bool) -> Table:
    return table(
        *_IDS,
        _NAME,
        *description,
        way(
            "ram:SpecifiedLegalOrganization",
            Id("ram:ID", "legal_registration_identifier"),
            Text("ram:TradingBusinessName", "trading_name"),
        ),
        Group("ram:DefinedTradeContact", "contact", Contact, _CONTACT),
        _ADDRESS,
        way("ram:URIUniversalCommunication", Id("ram:URIID", "electronic_address")),
        TaxRegistrations(other=other),
    )


SELLER = Group(
    "ram:SellerTradeParty",
    "seller",
    Seller,
    _party(Text("ram:Description", "additional_legal_information"), other=True),
)
BUYER = Group("ram:BuyerTradeParty", "buyer", Buyer, _party(other=False))
PAYEE = Group(
    "ram:PayeeTradeParty",
    "payee",
    Payee,
    table(*_IDS, _NAME, way("ram:SpecifiedLegalOrganization", Id("ram:ID", "legal_registration_identifier"))),
)
REPRESENTATIVE = Group(
    "ram:SellerTaxRepresentativeTradeParty",
    "tax_representative",
    TaxRepresentative,
    table(_NAME, _ADDRESS, TaxRegistrations()),
)
PERIOD = table(Stamp("ram:StartDateTime", "start_date", Period), Stamp("ram:EndDateTime", "end_date", Period))


class Fixed:
    """An element that always says the same, read without a look."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        pass

    def put(self, source: Any, out: list[str], pad: str) -> None:
        out.append(f"{pad}<{self.name}>{escape(self.text)}</{self.name}>\n")
