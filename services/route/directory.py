"""SQL of what decides about invoices: whom numbers belong to, and which senders and receivers belong together.

Each statement stands beside the one function that runs it. Parties are entered and changed in ``parties.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from libs.contracts.parts import Identifier
from libs.db.types import Connection, Record
from services.route.decision import Directory, Key, Party
from services.route.words import COMPANY

Pairs: TypeAlias = Mapping[UUID, Collection[UUID]]
"""By account, the companies it is known to send to."""

# The lock orders "nobody has this number, so the invoice waits" against "somebody has it now, so what waits
# goes on": without it both could look before the other had committed, and the invoice would wait for ever.
_HOLD = "SELECT pg_advisory_xact_lock_shared(hashtext('postbode.route'), hashtext('directory'))"
_CHANGE = "SELECT pg_advisory_xact_lock(hashtext('postbode.route'), hashtext('directory'))"


async def hold(conn: Connection) -> None:
    """Until this transaction ends nobody becomes known: take it before parking, then look again."""
    await conn.execute(_HOLD)


async def change_alone(conn: Connection) -> None:
    """Until this transaction ends nobody parks by what it is about to change. Take it before ``hold``, never after."""
    await conn.execute(_CHANGE)


_LOOK_UP = """
SELECT w.scheme, w.value, p.party_id, p.name, p.email, p.language, p.branch_of, p.names, p.post_codes,
       (SELECT array_agg(o.scheme || ':' || o.value) FROM identifier o WHERE o.party_id = p.party_id) AS keys
  FROM unnest($1::text[], $2::text[]) AS w (scheme, value)
  JOIN identifier i ON i.scheme = w.scheme AND i.value = w.value AND i.confirmed
  JOIN party p ON p.party_id = i.party_id
"""


async def look_up(conn: Connection, keys: Collection[Key]) -> Directory:
    """The confirmed parties behind these identifiers, in one query. Needs the worker role."""
    if not keys:
        return {}
    rows = await conn.fetch(_LOOK_UP, [scheme for scheme, _ in keys], [value for _, value in keys])
    return {(row["scheme"], row["value"]): _party(row) for row in rows}


_BY_ID = """
SELECT p.party_id, p.name, p.email, p.language, p.branch_of, p.names, p.post_codes,
       (SELECT array_agg(o.scheme || ':' || o.value) FROM identifier o WHERE o.party_id = p.party_id) AS keys
  FROM party p WHERE p.party_id = $1 AND p.status = 'confirmed'
"""


async def by_id(conn: Connection, party_id: UUID) -> Party | None:
    """A confirmed party. Needs the worker role."""
    row = await conn.fetchrow(_BY_ID, party_id)
    return _party(row) if row else None


def as_text(key: Key) -> str:
    """An identifier as one text; no scheme holds a colon."""
    return f"{key[0]}:{key[1]}"


def _party(row: Record) -> Party:
    pairs = (text.partition(":") for text in row["keys"])
    return Party(
        party_id=row["party_id"],
        name=row["name"],
        email=row["email"],
        language=row["language"],
        keys=frozenset((scheme, value) for scheme, _, value in pairs),
        branch_of=row["branch_of"],
        names=tuple(row["names"]),
        post_codes=tuple(row["post_codes"]),
    )


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing goes between a sender and a company since it was stopped for the ``number``-th time, unless ``lifted``."""

    number: int
    lifted: bool


@dataclass(frozen=True, slots=True)
class Between:
    """What is known of senders and companies: who belong together, and who were stopped."""

    pairs: Pairs
    stops: Mapping[tuple[UUID, UUID], Stop]


_BETWEEN = """
SELECT account_id, party_id, p.how IS NOT NULL AS paired, s.number, s.lifted
  FROM unnest($1::uuid[], $2::uuid[]) AS asked (account_id, party_id)
  LEFT JOIN pair p USING (account_id, party_id)
  LEFT JOIN stop s USING (account_id, party_id)
 WHERE p.how IS NOT NULL OR s.number IS NOT NULL
"""


async def between(conn: Connection, asked: Collection[tuple[UUID, UUID]]) -> Between:
    """What is known of these accounts and companies; one query."""
    pairs: dict[UUID, set[UUID]] = {}
    stops: dict[tuple[UUID, UUID], Stop] = {}
    if asked:
        rows = await conn.fetch(
            _BETWEEN, [account for account, _ in asked], [company for _, company in asked]
        )
        for row in rows:
            if row["paired"]:
                pairs.setdefault(row["account_id"], set()).add(row["party_id"])
            if row["number"]:
                stops[row["account_id"], row["party_id"]] = Stop(row["number"], row["lifted"])
    return Between(pairs, stops)


_CONFIRM = """
INSERT INTO pair (account_id, party_id, how, invoice_id)
SELECT DISTINCT ON (account_id, party_id) account_id, party_id, how, invoice_id
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS t (account_id, party_id, how, invoice_id)
 ORDER BY account_id, party_id, invoice_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A sender and a company whose number is believed from now on."""

    account_id: UUID
    company: UUID
    how: Literal["corroborated", "by hand"]
    invoice_id: UUID


async def confirm(conn: Connection, pairs: Sequence[Pair]) -> None:
    """Remember these; what waits for a person's word on one of them may go on."""
    if not pairs:
        return
    await conn.execute(
        _CONFIRM,
        [pair.account_id for pair in pairs],
        [pair.company for pair in pairs],
        [pair.how for pair in pairs],
        [pair.invoice_id for pair in pairs],
    )
    companies = {Identifier(scheme=COMPANY, value=str(pair.company)) for pair in pairs}
    await arrive(conn, sorted(companies, key=lambda each: each.value))


# Under the lock of `change_alone` nobody is parking, so what nobody waits for now need not be remembered.
_ARRIVE = """
INSERT INTO arrival (scheme, value)
SELECT scheme, value FROM unnest($1::text[], $2::text[]) AS known (scheme, value)
 WHERE EXISTS (SELECT FROM parked p WHERE p.state = 'open' AND p.waits_for @> ARRAY[scheme || ':' || value])
ON CONFLICT (scheme, value) DO UPDATE SET after = DEFAULT
"""


async def arrive(conn: Connection, identifiers: Sequence[Identifier]) -> None:
    """Note that whatever waits for these may go on. Only who changes the directory alone may say so."""
    if identifiers:
        await conn.execute(_ARRIVE, [i.scheme for i in identifiers], [i.value for i in identifiers])
