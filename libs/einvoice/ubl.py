"""From the facts of a UBL invoice to the summary that travels with its events.

The receiver's candidates stand in the order of trust (exact.md §2.2): KvK number as legal entity, as endpoint,
as party identification; OIN; VAT number; other numbers; "Adres 2". Each is read by what it *is*, whatever the
field is called: twenty digits in a KvK field are an OIN, twelve are a branch number (R34).

Exact Globe writes no KvK number and a wrong VAT number (R31, C18). So where "Adres 2" is a whole KvK number and
no field gives one, the document follows Globe's convention: "Adres 2" comes first and the VAT number is no
candidate. (Inference: nobody else has a reason to write a bare KvK number on an address line.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from libs.contracts.parts import Identifier, InvoiceSummary, PartyFacts, ReceiverCandidate
from libs.einvoice.facts import Facts, NotANumberError, Party
from libs.einvoice.tree import Element, Group
from libs.identifiers import be, branch, kvk, oin, read, vat
from libs.identifiers.reader import read_vat

TEXT = "text"
"""Scheme of a candidate that is no identifier: ordinary address text where one was looked for (R36)."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST = 20
_TEXT_LONGEST = 100

_REGISTER, _GOVERNMENT, _TAX, _OTHER = range(4)
_TRUST = {
    kvk.SCHEME: _REGISTER,
    branch.SCHEME: _REGISTER,
    be.ENTERPRISE: _REGISTER,
    oin.SCHEME: _GOVERNMENT,
}


class _Found(NamedTuple):
    identifier: Identifier
    path: str


def summarise(facts: Facts) -> InvoiceSummary:
    """What every later stage needs; nothing an invoice may hold makes this raise."""
    root = facts.root
    code = next(iter(facts.type_codes), None)
    return InvoiceSummary(
        number=root.text("ID") or None,
        issue_date=_date(root.text("IssueDate")),
        type_code=(code.text or "").strip() or None if code is not None else None,
        currency=root.text("DocumentCurrencyCode") or None,
        payable=_payable(facts),
        seller=_party(facts.seller),
        buyer=_party(facts.buyer),
        candidates=tuple(
            ReceiverCandidate(identifier=found.identifier, path=found.path) for found in candidates(facts)
        ),
    )


def candidates(facts: Facts) -> list[_Found]:
    """Whom the invoice may be for, most trusted first; each identifier once, at its first place."""
    buyer = facts.buyer
    if buyer is None:
        return []
    name = "CreditNote" if facts.is_credit_note else "Invoice"
    path = f"/{name}/cac:AccountingCustomerParty/cac:Party"
    named = [
        _Found(identifier, f"{path}/{where}")
        for where, leaf in _numbered(buyer.group)
        if (identifier := _identifier(leaf)) is not None
    ]
    taxed = [
        _Found(identifier, f"{path}/{where}")
        for where, leaf in _each(buyer.group, "PartyTaxScheme", "CompanyID")
        if (identifier := _tax_identifier(leaf)) is not None
    ]
    adres_2, text = _adres_2(buyer, path)
    by_globe = any(found.identifier.scheme == kvk.SCHEME for found in adres_2) and not any(
        found.identifier.scheme == kvk.SCHEME for found in named
    )
    # Stable: within one tier the order of the fields stays.
    trusted = sorted(named, key=lambda found: _trust(found.identifier))
    if by_globe:
        ordered = [*adres_2, *(found for found in trusted if _trust(found.identifier) != _TAX)]
    else:
        ordered = sorted([*trusted, *taxed], key=lambda found: _trust(found.identifier)) + adres_2
    unique: dict[Identifier, _Found] = {}
    for found in ordered:
        unique.setdefault(found.identifier, found)
    return list(unique.values())[:_MOST] or text


def _trust(identifier: Identifier) -> int:
    if identifier.scheme in _TRUST:
        return _TRUST[identifier.scheme]
    return _TAX if vat.is_scheme(identifier.scheme) else _OTHER


def _numbered(party: Group) -> Iterator[tuple[str, Element]]:
    """The party's numbers in the order of trust of their fields."""
    yield from _each(party, "PartyLegalEntity", "CompanyID")
    for leaf in party.leaves.get("EndpointID", ()):
        yield "cbc:EndpointID", leaf
    yield from _each(party, "PartyIdentification", "ID")


def _each(party: Group, group: str, name: str) -> Iterator[tuple[str, Element]]:
    groups = party.groups.get(group, [])
    for place, found in enumerate(groups, 1):
        step = f"cac:{group}[{place}]" if len(groups) > 1 else f"cac:{group}"
        for leaf in found.leaves.get(name, ()):
            yield f"{step}/cbc:{name}", leaf


def _identifier(leaf: Element) -> Identifier | None:
    return read(leaf.text, leaf.get("schemeID"))


def _tax_identifier(leaf: Element) -> Identifier | None:
    return read_vat(leaf.text or "")


def _adres_2(buyer: Party, path: str) -> tuple[list[_Found], list[_Found]]:
    """Globe's second address line: a whole KvK, branch or valid VAT number (R31, R32), and else the text there.

    Never digits out of a street: "2e verdieping 58070036" is text.
    """
    address = buyer.address
    if address is None:
        return [], []
    places = [("cbc:AdditionalStreetName", leaf) for leaf in address.leaves.get("AdditionalStreetName", ())]
    places += [*_each(address, "AddressLine", "Line")]
    numbers: list[_Found] = []
    texts: list[_Found] = []
    for where, leaf in places:
        full = f"{path}/cac:PostalAddress/{where}"
        found = read(leaf.text)
        if found is not None and _usable(found):
            numbers.append(_Found(found, full))
        elif text := " ".join((leaf.text or "").split()):
            texts.append(_Found(Identifier(scheme=TEXT, value=text[:_TEXT_LONGEST]), full))
    return numbers, texts[:1]


def _usable(identifier: Identifier) -> bool:
    if identifier.scheme in (kvk.SCHEME, branch.SCHEME):
        return True
    return vat.is_scheme(identifier.scheme) and vat.valid(identifier.value)


def _party(party: Party | None) -> PartyFacts:
    if party is None:
        return PartyFacts()
    found = [_identifier(leaf) for _, leaf in _numbered(party.group)]
    found += [_tax_identifier(leaf) for _, leaf in _each(party.group, "PartyTaxScheme", "CompanyID")]
    return PartyFacts(
        name=party.name,
        identifiers=tuple(dict.fromkeys(identifier for identifier in found if identifier is not None))[
            :_MOST
        ],
        country=party.country,
    )


def _payable(facts: Facts) -> Decimal | None:
    try:
        return next(facts.numbers(facts.totals, "PayableAmount"), None)
    except NotANumberError:
        return None


def _date(text: str) -> date | None:
    # xs:date may carry a time zone behind the day.
    try:
        return date.fromisoformat(text[:10]) if _DATE.match(text) else None
    except ValueError:
        return None
