"""The breaker of each receiver and channel: SQL, and what counts as trouble.

::

    no row ── troubles in a row ──▶ row ── threshold ──▶ open until t ── t: one probe ──┬─ it got through ──▶ no row
                                                              ▲                         │
                                                              └──── longer, up to a bound ◀── it did not

While it is open, ``claiming.claim`` puts the receiver's deliveries off instead of attempting them: no attempt is
counted. At ``t`` one of them is attempted, by one of all workers. Three kinds pass an open breaker: a probe, an
attempt that was cut short (what became of it must be found out), and what is too old to be kept waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.db.types import Connection, Pool
from services.deliver.parcel import Channel, Failed, HandedOver, Job, NotBegun, Outcome, Refused, Unknown

THEIRS = frozenset(
    {
        "mail-relay", "mail-deferred", "folder-away", "folder-trouble",
        "https-away", "https-later", "https-redirect", "https-trouble", "exact-away", "exact-trouble",
    }
)  # fmt: skip
"""Codes of failures that are the receiver's or those of the way there, not of the one invoice."""


ANSWERED = frozenset({"mail-refused", "mail-too-large", "https-too-large"})
"""Codes of refusals that came from the receiver: it was reached."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``threshold`` troubles in a row open it, for ``first`` seconds, tripling up to ``longest``."""

    threshold: int
    first: float
    longest: float


@dataclass(frozen=True, slots=True)
class Opened:
    channel: Channel
    receiver_id: UUID
    failures: int
    openings: int


def got_through(outcome: Outcome) -> bool:
    """Whether the receiver was reached, and said anything that holds for good."""
    return isinstance(outcome, HandedOver) or (isinstance(outcome, Refused) and outcome.code in ANSWERED)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What speaks against a receiver. ``wait``: seconds it asked to be left alone."""

    code: str
    detail: str
    wait: float = 0.0


def trouble_of(outcome: Outcome) -> Trouble | None:
    """None when an outcome says nothing against the receiver."""
    match outcome:
        case Failed(code=code, detail=detail, wait=wait) if code in THEIRS:
            return Trouble(code, detail, wait.total_seconds() if wait is not None else 0.0)
        case Unknown(detail=detail):
            return Trouble("no-answer", detail)
        case NotBegun(detail=detail, trouble=True):
            return Trouble("no-answer", detail)
        case _:
            return None


# Failures of a round that was under way when the breaker opened do not prolong it. In one order, so that two
# workers wait for each other instead of locking up.
_TROUBLE = """
INSERT INTO breaker AS b (channel, receiver_id, failures, code, detail, open_until, openings)
SELECT channel, receiver_id, failures, code, detail,
       CASE WHEN failures >= $6 THEN now() + make_interval(secs => least($7::float8, $8::float8)) END, (failures >= $6)::int
  FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[])
       AS t (channel, receiver_id, failures, code, detail)
 ORDER BY channel, receiver_id
ON CONFLICT (channel, receiver_id) DO UPDATE
   SET failures = b.failures + EXCLUDED.failures, code = EXCLUDED.code, detail = EXCLUDED.detail, probing = false,
       openings = b.openings + CASE
           WHEN b.failures + EXCLUDED.failures < $6 OR (b.open_until > now() AND NOT b.probing) THEN 0 ELSE 1 END,
       open_until = CASE
           WHEN b.open_until > now() AND NOT b.probing THEN b.open_until
           WHEN b.failures + EXCLUDED.failures < $6 THEN NULL
           ELSE now() + make_interval(secs => least($7 * 3 ^ least(b.openings, 20), $8)) END
RETURNING channel, receiver_id, failures, openings
"""

# Whoever asks to be left alone is, at the first time, for as long as it says.
_ASKED = """
UPDATE breaker b SET open_until = greatest(b.open_until, now() + make_interval(secs => t.wait))
  FROM unnest($1::text[], $2::uuid[], $3::float8[]) AS t (channel, receiver_id, wait)
 WHERE b.channel = t.channel AND b.receiver_id = t.receiver_id
"""

_FINE = """
DELETE FROM breaker
 WHERE (channel, receiver_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
RETURNING channel, receiver_id, failures, openings
"""


async def note(
    conn: Connection, ended: Sequence[tuple[Job, Outcome]], rule: Rule
) -> tuple[list[Opened], list[Opened]]:
    """Write down what these outcomes say about their receivers, in the transaction of the results. Returns the
    breakers with trouble that are open now, and those that were open and are not any more.

    One that got through says more than any that did not, unless the receiver asks to be left alone. Nothing is asked of
    the database when all is well.
    """
    reached = {_key(job) for job, outcome in ended if got_through(outcome)}
    troubles: dict[tuple[Channel, UUID], list[Trouble]] = {}
    for job, outcome in ended:
        said = trouble_of(outcome)
        if said is not None and (said.wait or _key(job) not in reached):
            troubles.setdefault(_key(job), []).append(said)
    reached -= troubles.keys()
    opened: list[Opened] = []
    closed: list[Opened] = []
    known = {_key(job) for job, _ in ended if job.guarded}
    if fine := sorted(reached & known):
        rows = await conn.fetch(_FINE, [c for c, _ in fine], [r for _, r in fine])
        closed = [_opened(row) for row in rows if row["openings"]]
    if troubles:
        keys = sorted(troubles)
        rows = await conn.fetch(
            _TROUBLE,
            [channel for channel, _ in keys],
            [receiver for _, receiver in keys],
            [len(troubles[key]) for key in keys],
            [troubles[key][-1].code for key in keys],
            [troubles[key][-1].detail[:300] for key in keys],
            rule.threshold,
            rule.first,
            rule.longest,
        )
        opened = [_opened(row) for row in rows if row["openings"]]
        if asked := [(key, wait) for key in keys if (wait := max(each.wait for each in troubles[key]))]:
            await conn.execute(
                _ASKED, [c for (c, _), _ in asked], [r for (_, r), _ in asked], [w for _, w in asked]
            )
    return opened, closed


def _key(job: Job) -> tuple[Channel, UUID]:
    return job.channel, job.parcel.receiver.party_id


def _opened(row: Any) -> Opened:
    return Opened(row["channel"], row["receiver_id"], row["failures"], row["openings"])


_BREAKERS = """
SELECT b.channel, b.receiver_id, b.failures, b.open_until, b.probing, b.code, b.detail, b.since,
       (SELECT receiver_name FROM delivery d WHERE d.receiver_id = b.receiver_id LIMIT 1) AS receiver_name,
       (SELECT count(*) FROM delivery d
         WHERE d.receiver_id = b.receiver_id AND d.channel = b.channel AND d.state = 'queued') AS waiting
  FROM breaker b WHERE b.open_until IS NOT NULL ORDER BY b.since
"""


async def breakers(pool: Pool) -> list[dict[str, Any]]:
    """Those that are open, the oldest first, with how many deliveries wait."""
    return [dict(row.items()) for row in await pool.fetch(_BREAKERS)]
