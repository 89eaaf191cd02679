"""SQL of what decides about invoices: whom numbers belong to, and which senders and receivers belong together.

Each statement stands beside the one function that runs it. Parties are entered and changed in ``parties.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from libs.contracts.parts import Identifier
from libs.db.types import Connection, Pool, Record
from services.route.deciding.decision import Directory, Key, Party
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


_BY_ID = """
SELECT party_id, name, email, language, branch_of, names, post_codes, keys
  FROM party WHERE party_id = $1 AND status = 'confirmed'
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
    """Nothing goes between a sender and a party since the sender's ``number``-th stop, unless ``lifted``."""

    number: int
    lifted: bool


@dataclass(frozen=True, slots=True)
class Named:
    """Whom the numbers of some invoices name, and what is known between these and their senders."""

    parties: Directory
    pairs: Pairs
    stops: Mapping[tuple[UUID, UUID], Stop]
    """By account and party: what stops the party or the company it is a place of."""


# LIMIT: one look-up by the key for each, whatever the planner believes of a table it has not analysed yet.
_NAMED = """
WITH named AS MATERIALIZED (
    SELECT DISTINCT a.account_id, i.party_id
      FROM unnest($1::uuid[], $2::text[], $3::text[]) AS a (account_id, scheme, value), LATERAL (
           SELECT party_id FROM identifier
            WHERE scheme = a.scheme AND value = a.value AND confirmed LIMIT 1) AS i)
SELECT n.account_id, p.*, pair.how IS NOT NULL AS paired, stop.number, stop.lifted
  FROM named n
 CROSS JOIN LATERAL (
       SELECT party_id, name, email, language, branch_of, names, post_codes, keys
         FROM party WHERE party_id = n.party_id LIMIT 1) AS p
  LEFT JOIN LATERAL (
       SELECT how FROM pair
        WHERE account_id = n.account_id AND party_id = coalesce(p.branch_of, p.party_id) LIMIT 1) AS pair ON true
 CROSS JOIN LATERAL (
       SELECT max(number) AS number, bool_and(lifted) AS lifted FROM stop
        WHERE account_id = n.account_id AND party_id IN (p.party_id, p.branch_of)) AS stop
"""


async def named(conn: Connection | Pool, asked: Sequence[tuple[UUID, Key]]) -> Named:
    """The confirmed parties behind these numbers, each asked for by an account; one query. Needs the worker role."""
    parties: dict[Key, Party] = {}
    pairs: dict[UUID, set[UUID]] = {}
    stops: dict[tuple[UUID, UUID], Stop] = {}
    if asked:
        rows = await conn.fetch(
            _NAMED,
            [account for account, _ in asked],
            [scheme for _, (scheme, _) in asked],
            [value for _, (_, value) in asked],
        )
        seen: dict[UUID, Party] = {}
        for row in rows:
            party = seen.get(row["party_id"])
            if party is None:
                party = seen[row["party_id"]] = _party(row)
                parties.update(dict.fromkeys(party.keys, party))
            if row["paired"]:
                pairs.setdefault(row["account_id"], set()).add(party.company)
            if row["number"]:
                stops[row["account_id"], party.party_id] = Stop(row["number"], row["lifted"])
    return Named(parties, pairs, stops)


_CONFIRM = """
WITH said AS MATERIALIZED (
    SELECT DISTINCT ON (account_id, party_id) account_id, party_id, how, invoice_id
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS t (account_id, party_id, how, invoice_id)
     ORDER BY account_id, party_id, invoice_id
), believed AS (
    INSERT INTO pair (account_id, party_id, how, invoice_id) SELECT * FROM said ON CONFLICT DO NOTHING
)
INSERT INTO arrival (scheme, value)
SELECT DISTINCT $5, party_id::text FROM said
 WHERE EXISTS (SELECT FROM parked p WHERE p.state = 'open' AND p.waits_for @> ARRAY[$5 || ':' || party_id])
 ORDER BY 2
ON CONFLICT (scheme, value) DO UPDATE SET after = DEFAULT
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
        COMPANY,
    )


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
