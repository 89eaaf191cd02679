"""Where a party of a Peppol invoice sits: the countries that the national rules ask for, each read as its rules read it."""

from __future__ import annotations

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown
from libs.rules.rule import Breach, Check

SELLER, BUYER = "AccountingSupplierParty", "AccountingCustomerParty"
_REPRESENTATIVE = "TaxRepresentativeParty"
_COUNTRY = ("PostalAddress", "Country", "IdentificationCode")
_NAMES = {"NO": ("NO",), "IT": ("IT",), "GR": ("GR", "EL")}
UNKNOWN, UNTOLD = "XX", "?"


def text(group: Group, *path: str) -> str:
    """The first leaf at a path, with single blanks at most; empty where there is none."""
    found = group.at(*path)
    return normal(found[0].text) if found else ""


def raw(group: Group, *path: str) -> str:
    """The same as it is written."""
    found = group.at(*path)
    return (found[0].text or "") if found else ""


def registrations(party: Group, scheme: str = "VAT") -> list[Group]:
    """The tax registrations of a party whose scheme is exactly that, letter by letter."""
    return [
        each
        for each in party.groups.get("PartyTaxScheme", ())
        if any(leaf.text == scheme for leaf in each.at("TaxScheme", "ID"))
    ]


def registrations_like(party: Group, scheme: str = "VAT") -> list[Group]:
    """Those whose scheme is that with single blanks at most."""
    return [
        each
        for each in party.groups.get("PartyTaxScheme", ())
        if any(normal(leaf.text) == scheme for leaf in each.at("TaxScheme", "ID"))
    ]


def numbers(party: Group, scheme: str = "VAT") -> list[Element]:
    """The numbers of ``registrations_like``."""
    return [leaf for each in registrations_like(party, scheme) for leaf in each.leaves.get("CompanyID", ())]


def prefixes(facts: Facts, *path: str) -> list[str]:
    """The first two characters of every VAT number of the party at a path; empty for a registration without one."""
    return [raw(each, "CompanyID")[:2] for party in facts.root.within(*path) for each in registrations(party)]


def _by_vat(facts: Facts, *paths: tuple[str, ...]) -> str | None:
    for path in paths:
        found = prefixes(facts, *path)
        if len(found) > 1:
            # The official engine takes no rule then that asks for the country: it cannot tell which.
            return UNTOLD
        if found and found[0]:
            return normal(found[0]).upper()
    return None


def _by_address(facts: Facts, role: str) -> str:
    found = facts.root.at(role, "Party", *_COUNTRY)
    return normal(found[0].text).upper() if found else UNKNOWN


def _supplier(facts: Facts) -> str:
    """By the VAT number of the seller, else of the tax representative, else by the seller's address."""
    found = _by_vat(facts, (SELLER, "Party"), (_REPRESENTATIVE,))
    return _by_address(facts, SELLER) if found is None else found


def _seller(facts: Facts) -> str:
    found = _by_vat(facts, (SELLER, "Party"))
    return _by_address(facts, SELLER) if found is None else found


def _customer(facts: Facts) -> str:
    found = _by_vat(facts, (BUYER, "Party"))
    return _by_address(facts, BUYER) if found is None else found


def written(facts: Facts, role: str) -> str:
    """The country in the address of a party as it stands there."""
    return raw(facts.root, role, "Party", *_COUNTRY)


def _in(facts: Facts, role: str, country: str) -> bool:
    return _by_address(facts, role) == country


def norwegian(facts: Facts) -> bool:
    return facts.once(_supplier) == "NO"


def italian(facts: Facts) -> bool:
    return facts.once(_supplier) == "IT"


def greek_sender(facts: Facts) -> bool:
    return facts.once(_supplier) in _NAMES["GR"]


def greek_sender_in_greece(facts: Facts) -> bool:
    return greek_sender(facts) and written(facts, SELLER) == "GR"


def greek_both(facts: Facts) -> bool:
    return greek_sender(facts) and facts.once(_customer) in _NAMES["GR"]


def greek_seller(facts: Facts) -> bool:
    """Without looking at a tax representative."""
    return facts.once(_seller) in _NAMES["GR"]


def danish(facts: Facts) -> bool:
    return written(facts, SELLER) == "DK"


def danish_both(facts: Facts) -> bool:
    return danish(facts) and written(facts, BUYER) == "DK"


def danish_invoice(facts: Facts) -> bool:
    return not facts.is_credit_note and danish_both(facts)


def swedish(facts: Facts) -> bool:
    return written(facts, SELLER) == "SE"


def swedish_both(facts: Facts) -> bool:
    return swedish(facts) and written(facts, BUYER) == "SE"


def swedish_vat(facts: Facts) -> bool:
    return swedish(facts) and "SE" in prefixes(facts, SELLER, "Party")


def icelandic(facts: Facts) -> bool:
    return written(facts, SELLER) == "IS"


def icelandic_both(facts: Facts) -> bool:
    return icelandic(facts) and written(facts, BUYER) == "IS"


def dutch(facts: Facts) -> bool:
    return _in(facts, SELLER, "NL")


def dutch_both(facts: Facts) -> bool:
    return dutch(facts) and _in(facts, BUYER, "NL")


def dutch_representative(facts: Facts) -> bool:
    return dutch(facts) and text(facts.root, _REPRESENTATIVE, *_COUNTRY).upper() == "NL"


def german_both(facts: Facts) -> bool:
    return _in(facts, SELLER, "DE") and _in(facts, BUYER, "DE")


def missing(*names: str) -> Check:
    """All of these children are there, empty or not."""

    def check(_: Facts, group: Group) -> Breach | None:
        lacking = [name for name in names if not group.has(name)]
        return Breach(group.element, expected=", ".join(lacking)) if lacking else None

    return check


def at(where: Group, leaf: Element | None, expected: str | None = None) -> Breach:
    """A breach at a leaf, or where that belongs."""
    if leaf is None:
        return Breach(where.element, expected=expected)
    return Breach(leaf, seen=shown(leaf.text) or None, expected=expected)
