"""SQL of clients, administrations and solutions: each statement beside the one function that runs it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from cryptography.fernet import Fernet, InvalidToken

from libs import clock
from libs.db.types import Connection
from libs.errors import BadInput, Conflict, HubError, NotFound
from services.sync.p2p.client import Account


@dataclass(frozen=True, slots=True)
class Seal:
    """Encrypts what has a password in it. ``key``: 32 bytes derived from the hub's secret."""

    key: bytes = field(repr=False)

    def close(self, value: Any) -> bytes:
        return self._fernet.encrypt(orjson.dumps(value))

    def open(self, token: bytes) -> Any:
        try:
            return orjson.loads(self._fernet.decrypt(token))
        except InvalidToken as lost:
            raise HubError(
                "these credentials were stored under another secret: enter them again",
                nl="deze gegevens zijn onder een ander geheim bewaard: voer ze opnieuw in",
                code="sealed-otherwise",
            ) from lost

    @property
    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.key[:32]))


@dataclass(frozen=True, slots=True)
class Member:
    """One administration of a solution."""

    code: str
    name: str
    source: str = field(repr=False)
    product_update: str
    integrator: str
    licensed: bool


@dataclass(frozen=True, slots=True)
class Solution:
    """One Purchase to Pay with its administrations, in their order."""

    solution_id: UUID
    account_id: UUID
    client_id: UUID
    name: str
    description: str
    account: Account = field(repr=False)
    members: tuple[Member, ...]
    every: str
    at: time | None
    timezone: str
    active: bool
    settings: Mapping[str, Any]
    same_cost_types: bool | None
    looked: Mapping[str, str]
    """With what all was weighed last, see ``basis``."""
    names: Mapping[str, Any]
    """How the names of suppliers compared last, and their stamps then; empty: they never were."""


_ADD_CLIENT = """
INSERT INTO client (client_id, account_id, name, base_address, username, secrets) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, name) DO UPDATE SET base_address = excluded.base_address, username = excluded.username,
    secrets = excluded.secrets, connected_at = NULL
RETURNING client_id
"""

# At another address is another environment: what was seen of the old one is not what stands there, so it is read whole.
_ELSEWHERE = """
UPDATE mirror_cursor c SET since = NULL FROM client
 WHERE client.client_id = c.client_id AND client.account_id = $1 AND client.name = $2 AND client.base_address <> $3
"""


async def put_client(conn: Connection, seal: Seal, account_id: UUID, name: str, account: Account) -> UUID:
    """Add a client, or give the one of that name new credentials; it must be connected again (R203)."""
    secrets = seal.close({"password": account.password, "api_key": account.api_key})
    async with conn.transaction():
        await conn.execute(_ELSEWHERE, account_id, name, account.base_address)
        found: UUID = await conn.fetchval(
            _ADD_CLIENT, clock.uuid7(), account_id, name, account.base_address, account.username, secrets
        )
    return found


_CONNECTED = "UPDATE client SET connected_at = now() WHERE client_id = $1"


async def connected(conn: Connection, client_id: UUID) -> None:
    """Note that a connection succeeded."""
    await conn.execute(_CONNECTED, client_id)


_CLIENT = """
SELECT client_id, base_address, username, secrets FROM client WHERE account_id = $1 AND name = $2
"""


async def client(conn: Connection, seal: Seal, account_id: UUID, name: str) -> tuple[UUID, Account]:
    """A client by name. Raises ``NotFound``."""
    row = await conn.fetchrow(_CLIENT, account_id, name)
    if row is None:
        raise NotFound(
            f"there is no client {name}: add it first", nl=f"er is geen client {name}: voeg hem eerst toe"
        )
    return row["client_id"], _account(seal, row)


def _account(seal: Seal, row: Any) -> Account:
    secrets = seal.open(row["secrets"])
    return Account(row["base_address"], row["username"], secrets["password"], secrets["api_key"])


_PUT_ADMINISTRATION = """
INSERT INTO administration (administration_id, account_id, code, name, source, product_update, integrator, licensed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id, code) DO UPDATE SET name = excluded.name, source = excluded.source,
    product_update = excluded.product_update, integrator = excluded.integrator, licensed = excluded.licensed
"""


async def put_administration(conn: Connection, seal: Seal, account_id: UUID, member: Member) -> None:
    """Add an administration, or change where it is."""
    await conn.execute(
        _PUT_ADMINISTRATION,
        clock.uuid7(),
        account_id,
        member.code,
        member.name,
        seal.close(member.source),
        member.product_update,
        member.integrator,
        member.licensed,
    )


_ADD_SOLUTION = """
INSERT INTO solution (solution_id, account_id, client_id, name, description, every, at, timezone, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ADD_MEMBERS = """
INSERT INTO member (solution_id, administration_id, account_id, position)
SELECT $1, a.administration_id, $2, g.position FROM unnest($3::text[]) WITH ORDINALITY AS g (code, position)
  JOIN administration a ON a.account_id = $2 AND a.code = g.code
"""


async def add_solution(
    conn: Connection,
    account_id: UUID,
    client_id: UUID,
    name: str,
    description: str,
    codes: Sequence[str],
    every: str,
    at: time | None,
    timezone: str,
    settings: Mapping[str, Any],
) -> UUID:
    """Make a solution. Raises ``Conflict`` when its client has one already (R205)."""
    solution_id = clock.uuid7()
    try:
        await conn.execute(
            _ADD_SOLUTION,
            solution_id,
            account_id,
            client_id,
            name,
            description,
            every,
            at,
            timezone,
            settings,
        )
    except asyncpg.UniqueViolationError as taken:
        raise Conflict(
            "This Purchase to Pay has a configuration already, and it may have one only: change its administrations "
            "instead.",
            nl="Deze Purchase to Pay heeft al een configuratie, en het mag er maar een zijn: wijzig daarvan de "
            "administraties.",
            code="one-solution-per-client",
        ) from taken
    await _set_members(conn, account_id, solution_id, codes)
    return solution_id


async def _set_members(conn: Connection, account_id: UUID, solution_id: UUID, codes: Sequence[str]) -> None:
    each_once = bool(codes) and len(set(codes)) == len(codes)
    if each_once:
        tag = await conn.execute(_ADD_MEMBERS, solution_id, account_id, list(codes))
    if not each_once or int(tag.rpartition(" ")[2]) != len(codes):
        raise BadInput(
            "Name one or more administrations that were added before, each once.",
            nl="Noem een of meer administraties die eerder zijn toegevoegd, elk eenmaal.",
            code="unknown-administration",
        )


_CLEAR_MEMBERS = "DELETE FROM member WHERE solution_id = $1"


async def change_members(conn: Connection, account_id: UUID, solution_id: UUID, codes: Sequence[str]) -> None:
    """Give a solution other administrations, in one action; what is remembered of records stays (R205)."""
    await conn.execute(_CLEAR_MEMBERS, solution_id)
    await _set_members(conn, account_id, solution_id, codes)


_HAS_MEMBER = """
SELECT EXISTS (SELECT 1 FROM member JOIN administration USING (administration_id) WHERE solution_id = $1 AND code = $2)
"""


async def has_member(conn: Connection, solution_id: UUID, code: str) -> bool:
    """Whether an administration is in a solution."""
    return bool(await conn.fetchval(_HAS_MEMBER, solution_id, code))


_SOLUTION = """
SELECT s.*, c.base_address, c.username, c.secrets FROM solution s JOIN client c USING (client_id)
 WHERE s.solution_id = $1
"""
_MEMBERS = """
SELECT a.* FROM member m JOIN administration a USING (administration_id) WHERE m.solution_id = $1 ORDER BY m.position
"""


async def solution(conn: Connection, seal: Seal, solution_id: UUID) -> Solution:
    """A solution with all it takes to run it. Raises ``NotFound``."""
    row = await conn.fetchrow(_SOLUTION, solution_id)
    if row is None:
        raise NotFound
    members = await conn.fetch(_MEMBERS, solution_id)
    return Solution(
        solution_id=row["solution_id"],
        account_id=row["account_id"],
        client_id=row["client_id"],
        name=row["name"],
        description=row["description"],
        account=_account(seal, row),
        members=tuple(
            Member(
                m["code"],
                m["name"],
                seal.open(m["source"]),
                m["product_update"],
                m["integrator"],
                m["licensed"],
            )
            for m in members
        ),
        every=row["every"],
        at=row["at"],
        timezone=row["timezone"],
        active=row["active"],
        settings=row["settings"],
        same_cost_types=row["same_cost_types"],
        looked=row["looked"],
        names=row["names"],
    )


_NAMED = "SELECT solution_id FROM solution WHERE name = $1 OR solution_id::text = $1"


async def named(conn: Connection, name: str) -> UUID:
    """The solution of that name or id. Raises ``NotFound``, and ``BadInput`` when several accounts have one of the name."""
    found = await conn.fetch(_NAMED, name)
    if len(found) > 1:
        raise BadInput(
            f"Several accounts have a configuration {name}: give its id, as in `postbode sync list --json`.",
            nl=f"Meer accounts hebben een configuratie {name}: noem haar kenmerk, zie `postbode sync list --json`.",
            code="ambiguous-name",
        )
    if not found:
        raise NotFound(f"there is no configuration {name}", nl=f"er is geen configuratie {name}")
    solution_id: UUID = found[0]["solution_id"]
    return solution_id


_VISIBLE = "SELECT 1 FROM solution WHERE solution_id = $1"


async def visible(conn: Connection, solution_id: UUID) -> bool:
    """Whether ``conn`` may see this solution."""
    return await conn.fetchval(_VISIBLE, solution_id) is not None


_COST_TYPES = "UPDATE solution SET same_cost_types = $2 WHERE solution_id = $1"


async def remember_cost_types(conn: Connection, solution_id: UUID, same: bool) -> None:
    """How cost types are known from now on (R218)."""
    await conn.execute(_COST_TYPES, solution_id, same)


_LOOKED = "UPDATE solution SET looked = looked || $2 WHERE solution_id = $1"
_NAMED_ALIKE = "UPDATE solution SET names = $2 WHERE solution_id = $1"
_LOOK_AGAIN = "UPDATE solution SET looked = looked - $2::text[] WHERE solution_id = $1"


async def looked(conn: Connection, solution_id: UUID, marks: Mapping[str, str]) -> None:
    """All of these was weighed, with what ``basis`` calls so."""
    await conn.execute(_LOOKED, solution_id, dict(marks))


async def compared_names(conn: Connection, solution_id: UUID, names: Mapping[str, Any]) -> None:
    """How the names of suppliers compare, and for which stamps of theirs."""
    await conn.execute(_NAMED_ALIKE, solution_id, dict(names))


async def look_again(conn: Connection, solution_id: UUID, of: Sequence[str]) -> None:
    """All of these is to be weighed once more."""
    await conn.execute(_LOOK_AGAIN, solution_id, list(of))


_ACTIVATE = "UPDATE solution SET active = $2, next_run = $3 WHERE solution_id = $1"


async def activate(conn: Connection, solution_id: UUID, active: bool, next_run: datetime | None) -> None:
    """Switch a solution on or off (R207)."""
    await conn.execute(_ACTIVATE, solution_id, active, next_run)


_CHANGE = """
UPDATE solution SET every = $2, at = $3, timezone = $4, settings = $5, next_run = CASE WHEN active THEN $6::timestamptz END
 WHERE solution_id = $1
"""


async def change(
    conn: Connection,
    solution_id: UUID,
    every: str,
    at: time | None,
    timezone: str,
    settings: Mapping[str, Any],
    next_run: datetime,
) -> None:
    """Give a solution another schedule and other settings; switched on or off it stays as it was."""
    await conn.execute(_CHANGE, solution_id, every, at, timezone, dict(settings), next_run)


_SCHEDULES = "SELECT solution_id, every, at, timezone, next_run FROM solution WHERE active AND next_run <= $1"


async def due(conn: Connection, now: datetime) -> list[Any]:
    """Solutions whose time has come."""
    return list(await conn.fetch(_SCHEDULES, now))


_TAKE = "UPDATE solution SET next_run = $3 WHERE solution_id = $1 AND next_run = $2 AND active"


async def take(conn: Connection, solution_id: UUID, was: datetime, following: datetime) -> bool:
    """Claim a run that is due; False when somebody else did."""
    return (await conn.execute(_TAKE, solution_id, was, following)).endswith(" 1")


_LIST = """
SELECT s.solution_id, s.name, s.description, c.name AS client, s.every, s.at, s.timezone, s.active, s.next_run,
       s.created_at, (SELECT array_agg(a.code ORDER BY m.position)
                        FROM member m JOIN administration a USING (administration_id)
                       WHERE m.solution_id = s.solution_id) AS administrations
  FROM solution s JOIN client c USING (client_id) ORDER BY s.created_at, s.solution_id
"""


async def solutions(conn: Connection) -> list[dict[str, Any]]:
    """All solutions ``conn`` may see, oldest first."""
    return [dict(row.items()) for row in await conn.fetch(_LIST)]
