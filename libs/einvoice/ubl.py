"""From the facts of a UBL invoice to the summary that travels with its events.

The receiver's candidates stand in the order of trust (exact.md §2.2): KvK as legal entity, endpoint, party
identification; OIN; VAT number; "Adres 2". Each is read by what it *is*, whatever the field is called:
twenty digits in a KvK field are an OIN, twelve are a branch number (R34).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from libs.contracts.parts import Identifier, InvoiceSummary, PartyFacts, ReceiverCandidate
from libs.einvoice.facts import CAC, CBC, Facts, Party, Text, path_of
from libs.identifiers import branch, canonical_scheme, kvk, oin, read, vat
from libs.identifiers.reader import read_vat

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_ORDER = {kvk.SCHEME: 0, branch.SCHEME: 0, oin.SCHEME: 1, "0208": 1, vat.NL: 2, vat.BE: 2}


def summarise(facts: Facts) -> InvoiceSummary:
    """What every later stage needs; nothing here raises for what an invoice may hold."""
    number, issued = facts.text("ID"), facts.text("IssueDate")
    payable = facts.totals.get("PayableAmount")
    return InvoiceSummary(
        number=number.value if number and number.value else None,
        issue_date=_date(issued.value) if issued else None,
        type_code=facts.type_code.value if facts.type_code else None,
        currency=facts.currency or None,
        payable=payable.value if payable else None,
        seller=_party(facts.seller),
        buyer=_party(facts.buyer),
        candidates=tuple(candidates(facts.buyer)) if facts.buyer else (),
    )


def candidates(buyer: Party) -> Iterator[ReceiverCandidate]:
    """Whom the invoice may be for, most trusted first; each identifier once."""
    named = [*buyer.legal_ids, *buyer.endpoints, *buyer.identifications]
    found = [(c, text) for text in named if (c := _named(text)) is not None]
    # Stable: within one kind the order of the fields stays.
    found.sort(key=lambda pair: _ORDER.get(pair[0].scheme, 3))
    found += [(v, text) for text in buyer.tax_ids if (v := read_vat(text.value)) is not None]
    found += list(_adres_2(buyer))
    seen: set[Identifier] = set()
    for identifier, text in found:
        if identifier not in seen:
            seen.add(identifier)
            yield ReceiverCandidate(identifier=identifier, path=path_of(text.element))


def _named(text: Text) -> Identifier | None:
    scheme = text.attribute("schemeID")
    if canonical_scheme(scheme) is None and text.element.getparent() is not None:
        # A legal entity's number without a scheme is, in these countries, the trade register's.
        return read(text.value) if not scheme else None
    return read(text.value, scheme)


def _adres_2(buyer: Party) -> Iterator[tuple[Identifier, Text]]:
    """Globe's second address line (R31): only a whole KvK or VAT number, never digits out of a street."""
    for path in ((f"{CBC}AdditionalStreetName",), (f"{CAC}AddressLine", f"{CBC}Line")):
        text = buyer.of_address(*path)
        found = read(text.value) if text else None
        if text and found and found.scheme in (kvk.SCHEME, branch.SCHEME, vat.NL, vat.BE):
            yield found, text


def _party(party: Party | None) -> PartyFacts:
    if party is None:
        return PartyFacts()
    names = [*party.registration_names, *party.names]
    identifiers = [_named(text) for text in (*party.legal_ids, *party.endpoints, *party.identifications)]
    identifiers += [read_vat(text.value) for text in party.tax_ids]
    return PartyFacts(
        name=next((name.value for name in names if name.value), None),
        identifiers=tuple(dict.fromkeys(i for i in identifiers if i is not None)),
        country=party.country or None,
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.match(text) else None
    except ValueError:
        return None
