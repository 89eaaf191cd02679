"""SQL of what sellers are known by: one that leaves its best number out of an invoice is still the same seller (R51).

::

    an invoice says KvK 1, VAT 2, name N ─▶ known by VAT 2, and by N: KvK 1 (once written, hardly ever again)
    another says VAT 2 ──▶ may be KvK 1 ──▶ its number is looked for under that seller too

Of several sellers of one VAT number (a group) or of one name each is looked for. Whoever is found there is compared with,
and what differs is told to a person: nobody's invoice is lost by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from libs.contracts.parts import PartyFacts
from libs.db.types import Connection, Pool
from services.route.deciding.numbering import Names, known_as, names_of

_MOST = 20_000
"""Sellers a process remembers: some 15 MB."""
_MOST_BEHIND = 100
"""Sellers that are looked for behind one name."""


@dataclass(eq=False, slots=True)
class Seller:
    """A seller as invoices of this account have it."""

    account_id: UUID
    names: Names
    written: bool = False
    """All there is to write is written, as far as this process has seen it committed."""


class Saying(NamedTuple):
    """A row: whoever is known by ``key`` may be ``seller``."""

    key: UUID
    seller: str


class Remembered:
    """Sellers by what was said of them, so that it is worked out and asked for once. The oldest are forgotten: doing it
    again is all that costs."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._sellers: dict[tuple[object, ...], Seller] = {}

    def __len__(self) -> int:
        return len(self._sellers)

    def seller(self, account_id: UUID, said: PartyFacts) -> Seller:
        """The same object for whoever says the same."""
        key = (account_id, said.name, *[(each.scheme, each.value) for each in said.identifiers])
        found = self._sellers.get(key)
        if found is None:
            if len(self._sellers) >= self._most:
                del self._sellers[next(iter(self._sellers))]
            found = self._sellers[key] = Seller(account_id, names_of(said))
        return found


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of some sellers."""

    better: Mapping[Seller, tuple[str, ...]] = field(default_factory=dict)
    """Who they may be, by numbers they left out."""
    new: Mapping[Seller, tuple[Saying, ...]] = field(default_factory=dict)
    """What is not written yet."""


_KNOWN_AS = """
SELECT k.key, n.seller FROM unnest($1::uuid[]) AS k (key), LATERAL (
       SELECT seller FROM known_as WHERE key = k.key ORDER BY seller LIMIT $2) AS n
"""


async def heard(conn: Connection | Pool, sellers: Iterable[Seller]) -> Heard:
    """What these say of themselves beside what was said before, and by each other; one query, and none when all of them
    are written and say the best there is."""
    asked = {each for each in sellers if not each.written}
    asked = {each for each in asked if each.names.best and (each.names.lesser or not each.names.surest)}
    if not asked:
        return Heard()
    sayings = {each: _sayings(each) for each in asked}
    behind: dict[UUID, set[str]] = {}
    for said in sayings.values():
        for key, seller in said:
            behind.setdefault(key, set()).add(seller)
    looked = {each: _keys(each) for each in asked if not each.names.surest}
    keys = behind.keys() | {key for some in looked.values() for key in some}
    rows = await conn.fetch(_KNOWN_AS, list(keys), _MOST_BEHIND)
    written = {Saying(row["key"], row["seller"]) for row in rows}
    for key, seller in written:
        behind.setdefault(key, set()).add(seller)
    new = {
        each: left for each, said in sayings.items() if (left := tuple(s for s in said if s not in written))
    }
    for each in asked:
        # Who may have left something out is asked about every time: another may have said more of it since.
        each.written = each.names.surest and each not in new
    better = {
        each: tuple(sorted({s for key in some for s in behind.get(key, ()) if each.names.left_out(s)}))
        for each, some in looked.items()
    }
    return Heard(better, new)


def _sayings(seller: Seller) -> tuple[Saying, ...]:
    """Nobody is behind a seller that has no number."""
    names = seller.names
    if not names.numbers:
        return ()
    return tuple(Saying(known_as(seller.account_id, text), names.best) for text in names.lesser)


def _keys(seller: Seller) -> list[UUID]:
    return [known_as(seller.account_id, text) for text in (seller.names.best, *seller.names.lesser)]


_REMEMBER = """
INSERT INTO known_as (key, seller)
SELECT DISTINCT key, seller FROM unnest($1::uuid[], $2::text[]) AS t (key, seller) ORDER BY key, seller
ON CONFLICT DO NOTHING
"""


async def remember(conn: Connection, new: Collection[Saying]) -> None:
    if new:
        await conn.execute(_REMEMBER, [each.key for each in new], [each.seller for each in new])
