"""From the facts of a UBL invoice to the summary that travels with its events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from libs.contracts.parts import Identifier, InvoiceSummary, PartyFacts, ReceiverCandidate
from libs.einvoice.facts import Facts, NotANumberError, Party
from libs.einvoice.receivers import MOST, TEXT, Found, Place, ranked
from libs.einvoice.tree import Element, Group
from libs.identifiers import read
from libs.identifiers.reader import read_vat

__all__ = ["TEXT", "candidates", "summarise"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


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
        pay_to=_pay_to(facts),
        payment_reference=next(_references(facts), None),
        seller=_party(facts.seller),
        buyer=_party(facts.buyer),
        candidates=tuple(
            ReceiverCandidate(identifier=found.identifier, path=found.path)
            for found in facts.once(candidates)
        ),
    )


def candidates(facts: Facts) -> list[Found]:
    """Whom the invoice may be for, most trusted first."""
    buyer = facts.buyer
    if buyer is None:
        return []
    name = "CreditNote" if facts.is_credit_note else "Invoice"
    path = f"/{name}/cac:AccountingCustomerParty/cac:Party"
    named = [
        Place(leaf.text, leaf.get("schemeID"), f"{path}/{where}") for where, leaf in _numbered(buyer.group)
    ]
    taxed = [
        Place(leaf.text, None, f"{path}/{where}")
        for where, leaf in _each(buyer.group, "PartyTaxScheme", "CompanyID")
    ]
    return ranked(named, taxed, _adres_2(buyer, path))


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


def _adres_2(buyer: Party, path: str) -> list[Place]:
    """The address lines behind the street."""
    address = buyer.address
    if address is None:
        return []
    leaves = [("cbc:AdditionalStreetName", leaf) for leaf in address.leaves.get("AdditionalStreetName", ())]
    leaves += [*_each(address, "AddressLine", "Line")]
    return [Place(leaf.text, None, f"{path}/cac:PostalAddress/{where}") for where, leaf in leaves]


def _party(party: Party | None) -> PartyFacts:
    if party is None:
        return PartyFacts()
    found = [_identifier(leaf) for _, leaf in _numbered(party.group)]
    found += [_tax_identifier(leaf) for _, leaf in _each(party.group, "PartyTaxScheme", "CompanyID")]
    return PartyFacts(
        name=party.name,
        identifiers=tuple(dict.fromkeys(identifier for identifier in found if identifier is not None))[:MOST],
        country=party.country,
        post_code=party.post_code,
    )


def _payable(facts: Facts) -> Decimal | None:
    try:
        return next(facts.numbers(facts.totals, "PayableAmount"), None)
    except NotANumberError:
        return None


def _pay_to(facts: Facts) -> tuple[str, ...]:
    leaves = facts.root.at("PaymentMeans", "PayeeFinancialAccount", "ID")
    return tuple(
        dict.fromkeys(text for leaf in leaves if (text := "".join((leaf.text or "").split()).upper()))
    )[:MOST]


def _references(facts: Facts) -> Iterator[str]:
    leaves = facts.root.at("PaymentMeans", "PaymentID")
    return (text for leaf in leaves if (text := " ".join((leaf.text or "").split())))


def _date(text: str) -> date | None:
    # xs:date may carry a time zone behind the day.
    try:
        return date.fromisoformat(text[:10]) if _DATE.match(text) else None
    except ValueError:
        return None
