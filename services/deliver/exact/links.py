"""SQL of links with Exact Online: consents, grants, divisions, settings.

::

    consent asked ─ the person came back ─▶ grant: live ──────────────┐
                                             └ warned ─ "go on" ─▶ live  (the other account's: lapsed, R105)
    grant + division ─▶ link ─▶ the party's connection, by which invoices are planned

A *grant* is what one person at Exact allowed for one account; another consent of that person for that account gives it new
tokens, for the old ones are worth nothing then. A *link* is a party's books: a division that a grant reaches.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.keyring import Keys
from services.deliver.exact.client import Grant
from services.deliver.exact.oauth import Pair
from services.deliver.receivers import connections, credentials

State = Literal["warned", "live", "lapsed"]
PACKAGE: Final = "exact-online"
CHANNEL = "exact_online"

TAKEN_OVER = Words(
    nl="Dezelfde gebruiker van Exact Online heeft een koppeling opgezet voor een ander account. Een gebruiker kan er "
    "maar één "
    "hebben, dus deze is vervallen. Zet haar opnieuw op met een eigen gebruiker, of vraag de helpdesk om een uitzondering.",
    en="The same Exact Online user set up a link for another account. A user can have only one, so this one has "
    "lapsed. Set "
    "it up again with a user of your own, or ask the helpdesk for an exception.",
)


@dataclass(frozen=True, slots=True)
class Link:
    """A party's link as it stands. ``person`` is the UserID at Exact."""

    link_id: UUID
    party_id: UUID
    account_id: UUID
    grant: Grant
    state: State
    person_name: str
    division: int | None
    division_name: str | None
    settings: dict[str, Any]
    reason: dict[str, str] | None
    created_at: datetime

    @property
    def usable(self) -> bool:
        return self.state == "live" and self.division is not None


_ASK = """
INSERT INTO exact_consent (state_hash, party_id, account_id, base) VALUES ($1, $2, $3, $4)
"""
_FORGET = "DELETE FROM exact_consent WHERE asked_at < now() - interval '1 hour'"


async def ask(pool: Pool, party_id: UUID, account_id: UUID, base: str) -> str:
    """The ``state`` with which the person comes back within an hour; only its hash is kept."""
    state = secrets.token_urlsafe(32)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_FORGET)
        await conn.execute(_ASK, _hash(state), party_id, account_id, base)
    return state


_ANSWERED = """
DELETE FROM exact_consent
 WHERE state_hash = $1 AND party_id = $2 AND account_id = $3 AND asked_at > now() - interval '1 hour'
RETURNING base, asked_at
"""


async def answered(pool: Pool, state: str, party_id: UUID, account_id: UUID) -> tuple[str, datetime] | None:
    """The host of a consent that was asked for this party by this account, and when; good once."""
    row = await pool.fetchrow(_ANSWERED, _hash(state), party_id, account_id)
    return (row["base"], row["asked_at"]) if row else None


def _hash(state: str) -> bytes:
    return hashlib.sha256(b"exact consent\0" + state.encode()).digest()


_OWN = (
    "SELECT grant_id FROM exact_grant WHERE person = $1 AND account_id = $2 AND state <> 'lapsed' FOR UPDATE"
)
_OTHERS = """
SELECT EXISTS (SELECT FROM exact_grant g WHERE g.person = $1 AND g.account_id <> $2 AND g.state = 'live' AND NOT g.shared)
   AND NOT EXISTS (SELECT FROM exact_shared WHERE person = $1)
"""
_GRANT = """
INSERT INTO exact_grant (grant_id, account_id, base, person, person_name, state, shared, issued_at)
SELECT $1, $2, $3, $4, $5, $6, EXISTS (SELECT FROM exact_shared WHERE person = $4), now()
"""
_ANEW = """
UPDATE exact_grant SET generation = generation + 1, renewing_until = NULL, issued_at = now(), base = $2, person_name = $3
 WHERE grant_id = $1
"""
_END = """
UPDATE exact_link SET ended_at = now() WHERE party_id = $1 AND ended_at IS NULL
RETURNING account_id, division, division_name, settings
"""
_LINK = """
INSERT INTO exact_link (link_id, party_id, account_id, grant_id, division, division_name, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


# Whose it is now, or that it is nobody's, may be decided after a consent was asked for and before the person comes back.
_LOST = """
SELECT EXISTS (SELECT FROM exact_link WHERE party_id = $1 AND ended_at > $3)
   AND NOT EXISTS (SELECT FROM exact_link WHERE party_id = $1 AND ended_at IS NULL)
    OR EXISTS (SELECT FROM exact_link WHERE party_id = $1 AND ended_at IS NULL AND account_id <> $2 AND created_at > $3)
    OR EXISTS (SELECT FROM connection WHERE party_id = $1 AND ended_at IS NULL AND account_id <> $2 AND created_at > $3)
"""


async def alone(conn: Connection, person: str) -> None:
    """Two consents of one person at a time, of different accounts: one of them is warned."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 45))", person)


async def keep(
    pool: Pool, keys: Keys, account_id: UUID, base: str, person: str, person_name: str, pair: Pair
) -> UUID | None:
    """By consenting anew somebody ends the tokens the account's grant had: these take their place, whatever becomes of what
    the consent was for. The grant; None: the account has none of this person."""
    async with pool.acquire() as conn, conn.transaction():
        await alone(conn, person)
        grant_id: UUID | None = await conn.fetchval(_OWN, person, account_id)
        if grant_id is not None:
            await conn.execute(_ANEW, grant_id, base, person_name)
            await credentials.put(conn, keys, grant_id, "exact", pair.packed())
        return grant_id


async def enter(
    pool: Pool,
    keys: Keys,
    party_id: UUID,
    account_id: UUID,
    base: str,
    person: str,
    person_name: str,
    pair: Pair,
    divisions: frozenset[int],
    asked_at: datetime,
    kept: UUID | None,
) -> bool:
    """Make the link that somebody consented to. Where it would end another account's, it waits for ``take_over``. ``kept``:
    the grant that has the tokens already. False, and there is none: since ``asked_at`` the party became another account's,
    or its link was ended."""
    async with pool.acquire() as conn, conn.transaction():
        await alone(conn, person)
        # And two of one party.
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 59))", str(party_id))
        if await conn.fetchval(_LOST, party_id, account_id, asked_at):
            return False
        grant_id = await conn.fetchval(_OWN, person, account_id)
        warned = bool(await conn.fetchval(_OTHERS, person, account_id))
        if grant_id is None:
            grant_id = clock.uuid7()
            state = "warned" if warned else "live"
            await conn.execute(_GRANT, grant_id, account_id, base, person, person_name, state)
        elif grant_id != kept:
            await conn.execute(_ANEW, grant_id, base, person_name)
        if grant_id != kept:
            await credentials.put(conn, keys, grant_id, "exact", pair.packed())
        before = await conn.fetchrow(_END, party_id)
        # One who links anew keeps what was set, and the division where the same person reaches it; another account's
        # rules are nobody else's.
        own = before if before is not None and before["account_id"] == account_id else None
        same = own if own is not None and own["division"] in divisions else None
        await conn.execute(
            _LINK,
            clock.uuid7(),
            party_id,
            account_id,
            grant_id,
            same["division"] if same is not None else None,
            same["division_name"] if same is not None else None,
            own["settings"] if own is not None else {},
        )
        await connect(conn, party_id)
        return True


_PERSON = "SELECT g.person FROM exact_grant g JOIN exact_link l USING (grant_id) WHERE l.link_id = $1"
_WARNED = """
SELECT g.grant_id, l.party_id FROM exact_grant g JOIN exact_link l USING (grant_id)
 WHERE l.link_id = $1 AND l.ended_at IS NULL AND g.state = 'warned' FOR UPDATE
"""
_LAPSE_OTHERS = """
UPDATE exact_grant SET state = 'lapsed', reason = $3, renewing_until = NULL
 WHERE person = $1 AND grant_id <> $2 AND state = 'live' AND NOT shared
"""
_LIVE = "UPDATE exact_grant SET state = 'live' WHERE grant_id = $1 AND state = 'warned'"


async def take_over(pool: Pool, link_id: UUID) -> bool:
    """The person's link with another account lapses, with the reason, and this one holds. False: nothing was asked, or it
    was ended meanwhile."""
    async with pool.acquire() as conn, conn.transaction():
        person = await conn.fetchval(_PERSON, link_id)
        await alone(conn, person)
        row = await conn.fetchrow(_WARNED, link_id)
        if row is None:
            return False
        reason = {"code": "exact-other-account", **TAKEN_OVER.model_dump()}
        await conn.execute(_LAPSE_OTHERS, person, row["grant_id"], reason)
        await conn.execute(_LIVE, row["grant_id"])
        await connect(conn, row["party_id"])
        return True


_DIVISION = """
UPDATE exact_link SET division = $2, division_name = $3 WHERE link_id = $1 AND ended_at IS NULL RETURNING party_id
"""


async def choose(pool: Pool, link_id: UUID, division: int, name: str) -> bool:
    """In which division is booked by this link from now on. False: it was ended meanwhile, and another one's division
    is not for who looked at this one to choose."""
    async with pool.acquire() as conn, conn.transaction():
        party_id = await conn.fetchval(_DIVISION, link_id, division, name)
        if party_id is None:
            return False
        await connect(conn, party_id)
        return True


_SETTINGS = "UPDATE exact_link SET settings = settings || $2 WHERE link_id = $1 AND ended_at IS NULL RETURNING party_id"


async def set_up(pool: Pool, link_id: UUID, settings: dict[str, Any]) -> bool:
    """What is booked how. What waited for it goes on, for the connection is another one: where invoices go there, and not
    elsewhere by now. False: it was ended meanwhile."""
    async with pool.acquire() as conn, conn.transaction():
        party_id = await conn.fetchval(_SETTINGS, link_id, settings)
        if party_id is not None and await _booked_there(conn, party_id):
            await connect(conn, party_id)
        return party_id is not None


_FORGET_ONE = (
    "UPDATE exact_link SET ended_at = now() WHERE link_id = $1 AND ended_at IS NULL RETURNING party_id"
)


async def end(pool: Pool, link_id: UUID) -> bool:
    """The hub forgets the link; what Exact was told is ended there. False: it was ended before."""
    async with pool.acquire() as conn, conn.transaction():
        party_id = await conn.fetchval(_FORGET_ONE, link_id)
        if party_id is not None and await _booked_there(conn, party_id):
            await connections.end_of(conn, party_id)
        return party_id is not None


async def _booked_there(conn: Connection, party_id: UUID) -> bool:
    current = await connections.one(conn, party_id)
    return current is not None and current["channel"] == CHANNEL


async def connect(conn: Connection, party_id: UUID) -> None:
    """The connection by which invoices are planned, once the link can be used."""
    found = await one(conn, party_id)
    if found is not None and found.usable:
        settings = {"link": str(found.link_id), "division": str(found.division), "page": "yes"}
        await connections.replace(conn, party_id, found.account_id, PACKAGE, CHANNEL, settings)


_COLUMNS = """
SELECT l.link_id, l.party_id, l.account_id, l.grant_id, g.base, g.person, g.state, g.person_name, l.division,
       l.division_name, l.settings, g.reason, l.created_at
  FROM exact_link l JOIN exact_grant g USING (grant_id)
"""


async def one(conn: Connection | Pool, party_id: UUID) -> Link | None:
    row = await conn.fetchrow(f"{_COLUMNS} WHERE l.party_id = $1 AND l.ended_at IS NULL", party_id)
    return _link(row) if row else None


async def of(conn: Connection | Pool, link_ids: list[UUID]) -> dict[UUID, Link]:
    """These links, ended ones too: what was begun by one is finished by it."""
    rows = await conn.fetch(f"{_COLUMNS} WHERE l.link_id = ANY ($1::uuid[])", link_ids)
    return {row["link_id"]: _link(row) for row in rows}


def _link(row: Any) -> Link:
    return Link(
        row["link_id"],
        row["party_id"],
        row["account_id"],
        Grant(row["grant_id"], row["base"], row["person"]),
        row["state"],
        row["person_name"],
        row["division"],
        row["division_name"],
        row["settings"],
        row["reason"],
        row["created_at"],
    )


_HOLDS = """
SELECT EXISTS (SELECT FROM exact_link WHERE link_id = $1 AND division = $2 AND ended_at IS NULL)
"""


async def holds(pool: Pool, link_id: UUID, division: int) -> bool:
    """Whether this link is still the party's, and books in this division."""
    return bool(await pool.fetchval(_HOLDS, link_id, division))


_IDLE = """
SELECT grant_id FROM exact_grant
 WHERE state = 'live' AND issued_at < now() - $1::interval ORDER BY issued_at LIMIT $2
"""


async def idle(pool: Pool, since: Any, most: int) -> list[UUID]:
    """Grants nobody used for so long."""
    return [row["grant_id"] for row in await pool.fetch(_IDLE, since, most)]
