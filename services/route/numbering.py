"""What makes two invoices one number: same account, seller, number, document type and year (R51). Pure.

Nothing is compared across accounts: somebody else's invoice is nobody's affair, and whoever could take another's numbers
could stop its invoices.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from libs.contracts.parts import InvoiceSummary, PartyFacts
from libs.identifiers import be, branch, gln, kvk, oin
from services.route.corroboration import root

_TRUST = (kvk.SCHEME, oin.SCHEME, be.ENTERPRISE)
"""Register numbers first, which a lawful Dutch or Belgian seller has; a VAT number may be a whole group's."""


class Number(NamedTuple):
    """The key of an invoice number."""

    account_id: UUID
    seller: str
    number: str
    type_code: str
    year: int


def number_of(account_id: UUID, summary: InvoiceSummary) -> Number | None:
    """The key of an invoice; None when it has no number or no date, so that nothing can be said."""
    number = " ".join((summary.number or "").split())
    if not number or summary.issue_date is None:
        return None
    return Number(
        account_id, seller_of(summary.seller), number, summary.type_code or "", summary.issue_date.year
    )


def seller_of(seller: PartyFacts) -> str:
    """One text that is the same whenever this seller sends: its most trusted number, else its name."""
    roots = sorted(
        (root(each.scheme, each.value) for each in seller.identifiers if each.scheme != branch.SCHEME),
        key=_trust,
    )
    if roots:
        scheme, value = roots[0]
        return f"{scheme}:{value}"
    return " ".join((seller.name or "").casefold().split())


def _trust(key: tuple[str, str]) -> tuple[int, str, str]:
    scheme, value = key
    place = _TRUST.index(scheme) if scheme in _TRUST else len(_TRUST) + (scheme == gln.SCHEME)
    return place, scheme, value
