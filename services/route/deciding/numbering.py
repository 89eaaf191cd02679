"""What makes two invoices one number: same account, seller, number, document type and year (R51). Pure.

Nothing is compared across accounts: somebody else's invoice is nobody's affair, and whoever could take another's numbers
could stop its invoices.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from libs.contracts.parts import InvoiceSummary, PartyFacts
from libs.identifiers import be, branch, gln, kvk, oin
from libs.ids import of_bytes
from services.route.deciding.corroboration import root

_TRUST = (kvk.SCHEME, oin.SCHEME, be.ENTERPRISE)
"""Register numbers first, which a lawful Dutch or Belgian seller has; a VAT number may be a whole group's."""
_APART = "\x1f"
"""Between the parts of a key: it stands in no XML document."""


class Names(NamedTuple):
    """All that an invoice says of who its seller is."""

    numbers: tuple[str, ...]
    """``scheme:value``, the most trusted first."""
    name: str

    @property
    def best(self) -> str:
        """One text that is the same whenever this seller sends."""
        return self.numbers[0] if self.numbers else self.name

    @property
    def lesser(self) -> tuple[str, ...]:
        """What else it is known by."""
        texts = (*self.numbers, self.name) if self.name else self.numbers
        return texts[1:]

    @property
    def surest(self) -> bool:
        """Whether nobody could say better who it is."""
        return bool(self.numbers) and self.numbers[0].startswith(_SUREST)

    def left_out(self, seller: str) -> bool:
        """Whether this may be ``seller`` with its better number left out: of a kind of which none is said."""
        kind = _kind(seller)
        own = list(map(_kind, self.numbers))
        return kind not in own and (not own or _place(kind) < _place(own[0]))


class Number(NamedTuple):
    """What an invoice's number is known by."""

    key: UUID
    lock: int
    """The same for all that may be one number, whoever sells: who takes one waits for whoever is taking it."""
    sure: bool = True
    """Whether its seller said the best there is: else somebody may come to be known as behind it, any moment."""
    others: tuple[UUID, ...] = ()
    """What it would be, had the seller said less of itself or, as far as is known, more."""

    def joined(self, later: Number) -> Number:
        """With what is known of it ``later``."""
        return self._replace(others=tuple(dict.fromkeys((*self.others, *later.others))))


def names_of(seller: PartyFacts) -> Names:
    roots = {root(each.scheme, each.value) for each in seller.identifiers if each.scheme != branch.SCHEME}
    ordered = sorted(roots, key=_trust) if len(roots) > 1 else roots
    name = " ".join((seller.name or "").casefold().split())
    return Names(tuple([f"{scheme}:{value}" for scheme, value in ordered]), name)


def seller_of(seller: PartyFacts) -> str:
    """One text that is the same whenever this seller sends: its most trusted number, else its name."""
    return names_of(seller).best


def number_of(account_id: UUID, summary: InvoiceSummary) -> UUID | None:
    """The key of an invoice's number, the same for two invoices if they have one number: a hash, because five columns in
    every index cost more than all else about a number. None when it has no number or no date, so that nothing can be said.
    """
    number = numbered(account_id, summary, names_of(summary.seller))
    return number.key if number is not None else None


def numbered(
    account_id: UUID, summary: InvoiceSummary, names: Names, better: Iterable[str] = ()
) -> Number | None:
    """``number_of`` with its others: one for each less trusted number of the seller, for whoever has that had nothing
    better to say and may be this seller from before it filled in another; and for each seller in ``better``, which may be
    this one."""
    number = " ".join((summary.number or "").split())
    if not number or summary.issue_date is None:
        return None
    before = f"{account_id}{_APART}"
    after = f"{_APART}{number}{_APART}{summary.type_code or ''}{_APART}{summary.issue_date.year}"
    others = (*better, *names.numbers[1:])
    return Number(
        _hashed(f"{before}{names.best}{after}"),
        int.from_bytes(sha256(f"{before}{after}".encode()).digest()[:8], "big", signed=True),
        names.surest,
        tuple([_hashed(f"{before}{each}{after}") for each in others]),
    )


def known_as(account_id: UUID, text: str) -> UUID:
    """The key of what a seller of this account is known by."""
    return _hashed(f"{account_id}{_APART}{text}")


def _hashed(text: str) -> UUID:
    return of_bytes(sha256(text.encode()).digest())


def _kind(text: str) -> str:
    return text.partition(":")[0]


def _place(scheme: str) -> int:
    return _TRUST.index(scheme) if scheme in _TRUST else len(_TRUST) + (scheme == gln.SCHEME)


def _trust(key: tuple[str, str]) -> tuple[int, str, str]:
    return _place(key[0]), *key


_SUREST = f"{_TRUST[0]}:"
