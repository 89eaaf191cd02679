"""SQL of plans and their records: each statement beside the one function that runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection
from libs.errors import Conflict, NotFound
from services.sync.checks import Check
from services.sync.clients import Solution
from services.sync.mappings import BY_NAME, Kind
from services.sync.mappings.field import Name, Payload
from services.sync.planning import WRITES, Action, Verdict, plan_hash

State = Literal[
    "making", "ready", "asking", "approved", "applying", "applied", "stopped", "refused", "failed"
]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan and how far it is."""

    plan_id: UUID
    solution_id: UUID
    client_id: UUID
    account_id: UUID
    mode: str
    state: State
    hash: str
    counts: Mapping[str, int]
    checks: Sequence[Mapping[str, Any]]
    objections: Sequence[Mapping[str, str]]
    trouble: Mapping[str, str] | None
    made_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    traceparent: str | None

    @property
    def writes(self) -> int:
        return sum(self.counts.get(action, 0) for action in WRITES)


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a plan and what became of it."""

    sequence: int
    administration: str
    kind: Name
    record_id: str
    external_id: str
    action: Action
    rule: str
    words: Mapping[str, str] | None
    before: Payload | None
    after: Payload | None
    stamp: str
    ours: str
    state: str
    attempts: int
    code: str
    message: Mapping[str, str] | None
    settled_at: datetime | None

    @property
    def of(self) -> Kind:
        return BY_NAME[self.kind]


_LEFT = """
UPDATE plan SET state = 'failed', ended_at = now(), trouble = $2
 WHERE solution_id = $1 AND state = 'making' AND coalesce(alive_until, made_at + interval '1 hour') < now()
"""
_CUT_SHORT = Words(
    nl="Het maken van dit plan is afgebroken: maak een nieuw.",
    en="Making this plan was cut short: make a new one.",
)
_BEGIN = """
INSERT INTO plan (plan_id, solution_id, client_id, account_id, mode, state, traceparent, alive_until)
VALUES ($1, $2, $3, $4, $5, 'making', $6, now() + make_interval(secs => $7))
"""
_ALIVE = """
UPDATE plan SET alive_until = now() + make_interval(secs => $2) WHERE plan_id = $1 AND state = 'making'
"""
_CHECKED = "UPDATE plan SET checks = $2 WHERE plan_id = $1"


async def begin(
    conn: Connection, solution: Solution, mode: str, traceparent: str | None, seconds: float
) -> UUID:
    """A plan is begun before anything is asked of the two sides, so that one that fails has left its reason. Those
    that a dead process left behind are closed. ``seconds``: how long its maker is taken to be alive without a word."""
    plan_id = clock.uuid7()
    await conn.execute(_LEFT, solution.solution_id, _CUT_SHORT.model_dump())
    await conn.execute(
        _BEGIN,
        plan_id,
        solution.solution_id,
        solution.client_id,
        solution.account_id,
        mode,
        traceparent,
        seconds,
    )
    return plan_id


async def alive(conn: Connection, plan_id: UUID, seconds: float) -> bool:
    """Its maker is at it, for so long at least; False when somebody stopped it."""
    return (await conn.execute(_ALIVE, plan_id, seconds)).endswith(" 1")


async def checked(conn: Connection, plan_id: UUID, checks: Sequence[Check]) -> None:
    """What was found of the preconditions."""
    await conn.execute(_CHECKED, plan_id, [each.as_json() for each in checks])


_ADD = """
INSERT INTO item (plan_id, account_id, sequence, administration, kind, record_id, external_id, action, rule, words, before,
                  after, stamp, ours, state)
SELECT $1, $2, t.* FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::text[], $14::text[], $15::text[]) AS t
"""


async def add_items(
    conn: Connection, plan_id: UUID, account_id: UUID, first: int, items: Sequence[Verdict]
) -> None:
    """Write verdicts down, numbered from ``first`` + 1."""
    if items:
        await conn.execute(
            _ADD,
            plan_id,
            account_id,
            list(range(first + 1, first + 1 + len(items))),
            [each.administration for each in items],
            [each.kind for each in items],
            [each.record_id for each in items],
            [each.external_id for each in items],
            [each.action for each in items],
            [each.rule for each in items],
            [each.words.model_dump() if each.words else None for each in items],
            [each.before for each in items],
            [each.after for each in items],
            [each.stamp for each in items],
            [each.ours for each in items],
            ["planned" if each.action in WRITES else "noted" for each in items],
        )


_READY = """
UPDATE plan SET state = $5, counts = $2, objections = $3, hash = $4,
    ended_at = CASE WHEN $5 = 'applied' THEN now() END
 WHERE plan_id = $1 AND state = 'making'
"""


async def ready(
    conn: Connection, plan_id: UUID, state: State, counts: Mapping[str, int], objections: Sequence[Words]
) -> None:
    """The plan is complete, unless it was stopped meanwhile: name it by its hash, and say what it waits for."""
    await conn.execute(
        _READY,
        plan_id,
        dict(counts),
        [each.model_dump() for each in objections],
        await hash_of(conn, plan_id),
        state,
    )


_SEQUENCED = """
SELECT sequence, kind, administration, record_id, external_id, action, before, after FROM item
 WHERE plan_id = $1 AND sequence > $2 AND action IN ('create', 'update', 'deactivate') ORDER BY sequence LIMIT 1000
"""


async def hash_of(conn: Connection, plan_id: UUID) -> str:
    """The hash of what a plan would do, as it stands in the database; a chunk at a time."""
    made = hashlib.sha256()
    after = 0
    while rows := await conn.fetch(_SEQUENCED, plan_id, after):
        made.update(
            plan_hash(
                Verdict(
                    row["kind"],
                    row["administration"],
                    row["record_id"],
                    row["external_id"],
                    row["action"],
                    before=row["before"],
                    after=row["after"],
                )
                for row in rows
            ).encode()
        )
        after = rows[-1]["sequence"]
    return made.hexdigest()


_PLAN = """
SELECT plan_id, solution_id, client_id, account_id, mode, state, hash, counts, checks, objections, trouble, made_at,
       started_at, ended_at, traceparent
  FROM plan"""
_ONE = f"{_PLAN} WHERE plan_id = $1"


async def one(conn: Connection, plan_id: UUID) -> Plan:
    """Raises ``NotFound``."""
    row = await conn.fetchrow(_ONE, plan_id)
    if row is None:
        raise NotFound("there is no such plan", nl="er is geen plan met dit kenmerk")
    return Plan(**dict(row.items()))


_OF = f"{_PLAN} WHERE solution_id = $1 ORDER BY made_at DESC, plan_id DESC LIMIT $2"


async def of(conn: Connection, solution_id: UUID, limit: int) -> list[Plan]:
    """The plans of a solution, newest first."""
    return [Plan(**dict(row.items())) for row in await conn.fetch(_OF, solution_id, limit)]


_COLUMNS = """
SELECT sequence, administration, kind, record_id, external_id, action, rule, words, before, after, stamp, ours,
       state, attempts, code, message, settled_at
  FROM item"""
_ITEMS = f"{_COLUMNS} WHERE plan_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"


async def items(conn: Connection, plan_id: UUID, after: int = 0, limit: int = 1000) -> list[Item]:
    """Records of a plan in their order, after a sequence number."""
    return [Item(**dict(row.items())) for row in await conn.fetch(_ITEMS, plan_id, after, limit)]


_BEGUN = "SELECT EXISTS (SELECT 1 FROM item WHERE plan_id = $1 AND attempts > 0)"


async def begun(conn: Connection, plan_id: UUID) -> bool:
    """Whether anything of it was ever sent, or was about to be."""
    return bool(await conn.fetchval(_BEGUN, plan_id))


_TO_DO = f"{_COLUMNS} WHERE plan_id = $1 AND state IN ('planned', 'started') ORDER BY sequence LIMIT $2"


async def item(conn: Connection, plan_id: UUID, sequence: int) -> Item | None:
    """One record of a plan."""
    found = await items(conn, plan_id, sequence - 1, 1)
    return found[0] if found and found[0].sequence == sequence else None


async def to_do(conn: Connection, plan_id: UUID, limit: int) -> list[Item]:
    """The next records to be written."""
    return [Item(**dict(row.items())) for row in await conn.fetch(_TO_DO, plan_id, limit)]


_TOUCHED = (
    "SELECT DISTINCT administration, kind FROM item WHERE plan_id = $1 AND state IN ('planned', 'started')"
)


async def touched(conn: Connection, plan_id: UUID) -> set[tuple[str, Name]]:
    """The administrations a plan still writes of, each with the kinds of its records."""
    return {(row["administration"], row["kind"]) for row in await conn.fetch(_TOUCHED, plan_id)}


_APPROVE = """
UPDATE plan SET state = 'approved' WHERE plan_id = $1 AND hash = $2 AND hash <> ''
   AND state IN ('ready', 'asking', 'stopped', 'approved')
"""


async def approve(conn: Connection, plan_id: UUID, given: str) -> None:
    """Let exactly this plan be applied. Raises ``Conflict`` for another hash or one that ended."""
    if not (await conn.execute(_APPROVE, plan_id, given)).endswith(" 1"):
        raise Conflict(
            "This is not the plan as it stands, or it was applied already: make a new one and look at it.",
            nl="Dit is niet het plan zoals het er staat, of het is al uitgevoerd: maak een nieuw en bekijk het.",
            code="other-plan",
        )


_STATE = """
UPDATE plan SET state = $2, trouble = $3,
    started_at = CASE WHEN $2 = 'applying' THEN coalesce(started_at, now()) ELSE started_at END,
    ended_at = CASE WHEN $2 IN ('applied', 'stopped', 'refused', 'failed') THEN now() END
 WHERE plan_id = $1 AND state = ANY ($4::text[])
"""


async def move(
    conn: Connection, plan_id: UUID, state: State, was: Sequence[State], trouble: Words | None = None
) -> bool:
    """Bring a plan from one of the states ``was`` to ``state``; False when it is in none of them."""
    told = trouble.model_dump() if trouble else None
    return (await conn.execute(_STATE, plan_id, state, told, list(was))).endswith(" 1")


async def stop(conn: Connection, plan_id: UUID) -> bool:
    """Let whoever makes or applies it end; False when nobody does."""
    return await move(conn, plan_id, "stopped", ("making", "approved", "applying"))


_START = """
UPDATE item SET state = 'started', attempts = attempts + 1
 WHERE plan_id = $1 AND sequence = ANY ($2::int[]) AND state IN ('planned', 'started')
"""


async def start(conn: Connection, plan_id: UUID, sequences: Sequence[int]) -> None:
    """Attempts are about to be made: committed before anything is sent."""
    await conn.execute(_START, plan_id, list(sequences))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one record."""

    sequence: int
    state: Literal["applied", "failed", "moved", "planned"]
    code: str = ""
    message: Words | None = None


_FINISH = """
UPDATE item SET state = t.state, code = t.code, message = t.message,
    settled_at = CASE WHEN t.state <> 'planned' THEN now() END
  FROM unnest($2::int[], $3::text[], $4::text[], $5::jsonb[]) AS t (sequence, state, code, message)
 WHERE item.plan_id = $1 AND item.sequence = t.sequence
"""


async def finish(conn: Connection, plan_id: UUID, results: Sequence[Result]) -> None:
    await conn.execute(
        _FINISH,
        plan_id,
        [each.sequence for each in results],
        [each.state for each in results],
        [each.code for each in results],
        [each.message.model_dump() if each.message else None for each in results],
    )


_OUTCOMES = "SELECT state, count(*) AS many FROM item WHERE plan_id = $1 GROUP BY state"


async def outcomes(conn: Connection, plan_id: UUID) -> dict[str, int]:
    """How many records are in each state."""
    return {row["state"]: row["many"] for row in await conn.fetch(_OUTCOMES, plan_id)}


_NEWER = """
SELECT 1 FROM item n JOIN plan p USING (plan_id)
 WHERE n.kind = $2 AND n.external_id = $3 AND n.state IN ('applied', 'started') AND p.client_id = $4
   AND (n.plan_id, n.sequence) > ($1, $5) LIMIT 1
"""


async def newer(conn: Connection, plan: Plan, item: Item) -> bool:
    """Whether something newer was applied to the same record. Plan ids grow with time."""
    return (
        await conn.fetchval(_NEWER, plan.plan_id, item.kind, item.external_id, plan.client_id, item.sequence)
        is not None
    )


_UNDONE = "UPDATE item SET state = 'undone', settled_at = now() WHERE plan_id = $1 AND sequence = $2"


async def undone(conn: Connection, plan_id: UUID, sequence: int) -> None:
    await conn.execute(_UNDONE, plan_id, sequence)


_OPEN = "SELECT plan_id FROM plan WHERE state IN ('approved', 'applying') ORDER BY made_at LIMIT 20"


async def open_plans(conn: Connection) -> list[UUID]:
    """Plans that were approved and have not ended."""
    return [row["plan_id"] for row in await conn.fetch(_OPEN)]


_FILTERS = "SELECT administration, ticked, filter FROM load WHERE solution_id = $1 AND kind = $2"


async def filters(conn: Connection, solution_id: UUID, kind: Name) -> dict[str, tuple[bool, str]]:
    """Tick and saved filter of each administration that has any, for a kind (R226)."""
    rows = await conn.fetch(_FILTERS, solution_id, kind)
    return {row["administration"]: (row["ticked"], row["filter"]) for row in rows}
