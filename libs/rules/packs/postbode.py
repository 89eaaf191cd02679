"""What the hub has to say beside the official rules: numbers of the parties that will not bring the invoice anywhere.

The official packs ask that a KvK number is there, not that it is one. These are warnings: an invoice with a wrong
number is lawful, and whether somebody is found is routing's to decide. They are asked only where a document chooses
its own pack, and are told through ``Finish``, so they cost the tables of the other packs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from libs.einvoice import ubl
from libs.einvoice.facts import Facts, Party, is_vat
from libs.einvoice.text import blank, normal
from libs.einvoice.tree import Element
from libs.identifiers import branch, canonical_scheme, kvk, oin, read, vat
from libs.rules.checks import shown
from libs.rules.packs import beside, plausible
from libs.rules.packs.peppol import numbers
from libs.rules.rule import Breach, Finish, Pack

RECEIVER = "POSTBODE-RECEIVER"

_EIGHT = "12345678"
"""What an expected KvK number looks like, for people."""


class _Number(NamedTuple):
    """A number of a party: the kind of mistake in it (None: none that anybody can see), and where it stands."""

    kind: str | None
    element: Element


_LENGTHS = {oin.SCHEME: "OIN-LENGTH", branch.SCHEME: "BRANCH-LENGTH"}
"""Numbers of which nothing but their form can be checked: twenty digits, twelve digits."""


def _kind(leaf: Element, *, dutch: bool) -> str | None:
    """What is wrong with one number, as far as it claims to be one of the Dutch trade register, or an OIN."""
    scheme, text = leaf.get("schemeID"), leaf.text
    if blank(text):
        return None  # The official rules speak of what is empty.
    nameless = scheme is None or blank(scheme)
    claimed = canonical_scheme(scheme)
    if claimed in _LENGTHS:
        return _LENGTHS[claimed] if read(normal(text), claimed) is None else None
    if not (dutch and nameless) and claimed != kvk.SCHEME:
        return None
    found = read(normal(text), kvk.SCHEME)
    if found is None:
        return "KVK"
    if found.scheme == branch.SCHEME:
        return "BRANCH"
    if nameless:
        return "SCHEME"
    if found.scheme == oin.SCHEME:
        return "OIN"
    return "TYPO" if kvk.looks_mistyped(found.value) else None


def _numbers(party: Party) -> Iterator[_Number]:
    """The numbers of a party that stand for it: as legal entity, as electronic address, as identification."""
    dutch = party.country == "NL"
    for leaf in party.group.at("PartyLegalEntity", "CompanyID"):
        yield _Number(_kind(leaf, dutch=dutch), leaf)
    # Here a number without scheme may be anything: the sender's own code for the customer, as a rule.
    for leaf in (*party.group.at("EndpointID"), *party.group.at("PartyIdentification", "ID")):
        yield _Number(_kind(leaf, dutch=False), leaf)


def _wrong_of_seller(facts: Facts) -> tuple[_Number, ...]:
    return _wrong(facts.seller)


def _wrong_of_buyer(facts: Facts) -> tuple[_Number, ...]:
    return _wrong(facts.buyer)


def _wrong(party: Party | None) -> tuple[_Number, ...]:
    return () if party is None else tuple(number for number in _numbers(party) if number.kind is not None)


_EXPECTED = {
    "KVK": _EIGHT,
    "BRANCH": _EIGHT,
    "TYPO": None,
    "OIN": '@schemeID="0190"',
    "SCHEME": '@schemeID="0106"',
    "OIN-LENGTH": "00000003123456780000",
    "BRANCH-LENGTH": "000012345678",
}


def _told(kind: str, wrong: Callable[[Facts], tuple[_Number, ...]]) -> Callable[[Facts], Iterator[Breach]]:
    def breaches(facts: Facts) -> Iterator[Breach]:
        for number in facts.once(wrong):
            if number.kind == kind:
                yield Breach(number.element, shown(normal(number.element.text)), _EXPECTED[kind])

    return breaches


def _nobody(facts: Facts) -> Iterator[Breach]:
    """A buyer that nothing on the invoice can find (R34, R35, R36): no number, or address text where one was looked for."""
    buyer = facts.buyer
    if buyer is None or facts.once(_wrong_of_buyer):
        return
    found = facts.once(ubl.candidates)
    if any(each.identifier.scheme not in (branch.SCHEME, ubl.TEXT) for each in found):
        return
    where, seen = buyer.group.element, None
    address = buyer.address
    lines = (
        [] if address is None else [*address.at("AdditionalStreetName"), *address.at("AddressLine", "Line")]
    )
    line = next((leaf for leaf in lines if not blank(leaf.text)), None)
    if line is not None:
        where, seen = line, shown(normal(line.text))
    yield Breach(where, seen)


_ACCOUNT = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,34}")
_iban = lru_cache(maxsize=8192)(numbers.iban)  # a supplier's own account stands on each of its invoices


def _accounts(facts: Facts) -> Iterator[Breach]:
    """An account to pay to that looks like an IBAN, and of which the check digits are wrong: nobody can pay to it."""
    for leaf in facts.root.at("PaymentMeans", "PayeeFinancialAccount", "ID"):
        account = normal(leaf.text)
        if _ACCOUNT.fullmatch(account) and not _iban(account):
            yield Breach(leaf, shown(account))


def _vat_numbers(pick: Callable[[Facts], Party | None]) -> Callable[[Facts], Iterator[Breach]]:
    """Dutch and Belgian VAT numbers of the right form, of which the check digits are wrong."""

    def breaches(facts: Facts) -> Iterator[Breach]:
        party = pick(facts)
        for registration in party.group.groups.get("PartyTaxScheme", ()) if party is not None else ():
            for leaf in registration.leaves.get("CompanyID", ()) if is_vat(registration) else ():
                number = vat.read(normal(leaf.text))
                if number is not None and number[:2] in ("NL", "BE") and not vat.valid(number):
                    yield Breach(leaf, shown(normal(leaf.text)))

    return breaches


def _rules() -> Iterator[Finish]:
    for role, term, wrong in (("BUYER", "BT-47", _wrong_of_buyer), ("SELLER", "BT-30", _wrong_of_seller)):
        for kind in _EXPECTED:
            yield Finish(f"POSTBODE-{kind}-{role}", "warning", (term,), _told(kind, wrong))
    yield Finish("POSTBODE-IBAN", "warning", ("BT-84",), _accounts)
    yield from beside.RULES
    yield Finish("POSTBODE-VATNR-BUYER", "warning", ("BT-48",), _vat_numbers(lambda facts: facts.buyer))
    yield Finish("POSTBODE-VATNR-SELLER", "warning", ("BT-31",), _vat_numbers(lambda facts: facts.seller))
    yield from plausible.RULES
    yield plausible.issued(None)
    yield Finish(RECEIVER, "warning", ("BT-47", "BT-51"), _nobody)


PACK = Pack("postbode", "rules of our own", (), tuple(_rules()))
