"""What an answer to a mail does to its delivery: SQL, and what is decided.

::

    handed_over, confirmed ─┬─ it failed for good ─────────▶ undeliverable
       (by this attempt)    ├─ it failed for now ──────────▶ queued, or undeliverable at the policy's end
                            └─ it is in the mailbox ───────▶ confirmed
    anything else: kept with the delivery, and nothing changes

Every answer is kept once, whatever it does. Only what answers the attempt that counts, on the channel the delivery has now,
changes anything: a bounce of a mail that was sent again since is not about the second one. The mail that came back was not
kept by its receiver, so sending it again gives nobody two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.messaging import outbox
from services.deliver import facts, store
from services.deliver.email import bounce_words
from services.deliver.email.bounces import Answer
from services.deliver.parcel import Refused
from services.deliver.plan import Policy, may_have_arrived
from services.deliver.store import reason_of
from services.deliver.waits import recalls

LEAST_WAIT = timedelta(hours=1)
"""Before a mail that came back goes again: what was full an instant ago still is."""


@dataclass(frozen=True, slots=True)
class Back:
    """What follows for a delivery whose mail came back: another attempt after ``wait``, or none (``refused``)."""

    reason: Words
    wait: timedelta | None
    refused: Refused | None


def follows(
    answer: Answer, failures: int, age: timedelta, policy: Policy, *, unresolved: bool
) -> Back | None:
    """Pure. None: the answer says nothing against the delivery. ``failures`` and ``age`` before it came back."""
    if answer.kind not in ("hard", "soft"):
        return None
    why = bounce_words.why(answer)
    wait = policy.wait(failures + 1, age) if answer.kind == "soft" else None
    if wait is not None:
        return Back(bounce_words.again(answer), max(wait, LEAST_WAIT), None)
    return Back(why.reason, None, may_have_arrived(why) if unresolved else why)


_KEEP = """
WITH known AS (
    SELECT * FROM delivery WHERE delivery_id = $1 FOR NO KEY UPDATE
), kept AS (
    INSERT INTO answer (delivery_id, digest, account_id, attempt, kind, status, said)
    SELECT delivery_id, $2, account_id, $3, $4, $5, $6 FROM known
    ON CONFLICT DO NOTHING
    RETURNING delivery_id
)
SELECT k.*, now() - coalesce(k.released_at, k.created_at) AS age FROM known k JOIN kept USING (delivery_id)
"""

_BACK = """
WITH back AS (
    UPDATE delivery
       SET state = CASE WHEN $3::interval IS NULL THEN 'undeliverable' ELSE 'queued' END, failures = failures + 1,
           due_at = now() + coalesce($3, interval '0'), handed_at = NULL, reason = $4,
           sequence = sequence + CASE WHEN $3 IS NULL THEN 2 ELSE 1 END
     WHERE delivery_id = $1
    RETURNING delivery_id, sequence
), told AS (
    UPDATE attempt SET outcome = 'bounced', code = $5, detail = left(concat_ws(' · ', detail, $6::text), 600)
     WHERE delivery_id = $1 AND number = $2
)
SELECT sequence FROM back
"""


class Returned:
    """``pool`` has the worker role: a mail server says about a delivery what it will, by an address nobody else knows."""

    def __init__(self, pool: Pool, policy: Policy) -> None:
        self._pool = pool
        self._policy = policy

    async def take(self, delivery_id: UUID, attempt: int, raw: bytes, answer: Answer) -> bool:
        """Keep an answer with all it does, in one transaction. False: it was kept before, or there is no such delivery."""
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(
                _KEEP, delivery_id, sha256(raw).digest(), attempt, answer.kind, answer.status, answer.said
            )
            if not rows:
                return False
            await outbox.append(conn, await self._events(conn, rows[0], attempt, answer))
        return True

    async def _events(self, conn: Connection, row: Any, attempt: int, answer: Answer) -> Sequence[Event]:
        counts = row["channel"] == "smtp" and row["attempts"] == attempt
        if not counts or row["state"] not in ("handed_over", "confirmed"):
            return ()
        if answer.kind == "delivered":
            confirmed = await store.confirm(conn, [row["delivery_id"]])
            return [facts.confirmed(each, answer.said) for each in confirmed]
        back = follows(
            answer,
            row["failures"],
            row["age"],
            self._policy,
            unresolved=await _other_copy(conn, row["delivery_id"]),
        )
        if back is None:
            return ()
        return await self._back(conn, row, answer, back)

    async def _back(self, conn: Connection, row: Any, answer: Answer, back: Back) -> Sequence[Event]:
        code = bounce_words.why(answer).code
        delivery_id = row["delivery_id"]
        sequence = await conn.fetchval(
            _BACK, delivery_id, row["attempts"], back.wait, reason_of(back.refused), code, answer.said
        )
        about = {**dict(row.items()), "sequence": sequence - (1 if back.refused else 0)}
        events = [facts.bounced(about, code, back.reason)]
        if back.refused is not None:
            return [*events, facts.undeliverable({**about, "sequence": sequence}, back.refused)]
        # A recall marks what is under way, and this was not. A stop that was lifted before parks it too: a person
        # releases it then.
        return [*events, *await recalls.look(conn, {delivery_id: 0}, self._policy.patience)]


_OTHER_COPY = "SELECT EXISTS (SELECT FROM attempt WHERE delivery_id = $1 AND outcome = 'unknown')"


async def _other_copy(conn: Connection, delivery_id: UUID) -> bool:
    """Whether an earlier attempt ended in a way nobody knows: that mail may be there although this one is not."""
    return bool(await conn.fetchval(_OTHER_COPY, delivery_id))


_ANSWERS = (
    "SELECT at, attempt, kind, status, said FROM answer WHERE delivery_id = $1 ORDER BY at, digest LIMIT 200"
)


async def answers(conn: Connection | Pool, delivery_id: UUID) -> list[dict[str, Any]]:
    """What came back about a delivery, the oldest first; on an ``api`` connection those of its account."""
    return [dict(row.items()) for row in await conn.fetch(_ANSWERS, delivery_id)]
