"""What happened to the invoices a verdict is against, as one timeline: enough to know why without a second run.

The hub's own rows of them, what came to receivers and senders and when, every end of a process with the mails it left,
every strike, and the warnings of all processes. Times are UTC.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from tests.crash.seed import SEED, VARIABLE

if TYPE_CHECKING:
    from tests.crash.judge import Verdict
    from tests.crash.scene import Scene

Entry = tuple[datetime, str]
MOST = 400
"""Lines; more than that nobody reads."""
_WORD = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[A-Z]+\d{4,}")

_WHICH = """
SELECT DISTINCT i.invoice_id FROM ingest.invoice i LEFT JOIN deliver.delivery d USING (invoice_id)
  LEFT JOIN track.notice n ON n.invoice_id = i.invoice_id
 WHERE i.invoice_id::text = ANY ($1) OR d.delivery_id::text = ANY ($1) OR n.notice_id::text = ANY ($1)
    OR split_part(i.filename, '.', 1) = ANY ($1)
"""
_TOLD = """
SELECT i.filename || ' ' || w.invoice_id AS about, w.at, w.what FROM (
    SELECT invoice_id, recorded_at AS at, concat_ws(' ', 'fact', type, sequence) AS what FROM track.fact
    UNION ALL
    SELECT invoice_id, started_at, concat_ws(' ', 'attempt', delivery_id, number, 'by', channel, 'starts')
      FROM deliver.attempt JOIN deliver.delivery USING (delivery_id, invoice_id)
    UNION ALL
    SELECT d.invoice_id, finished_at, concat_ws(' ', 'attempt', delivery_id, number, 'ends:', outcome, code, detail,
           CASE WHEN late THEN '(late)' END, CASE WHEN repeated THEN '(repeated)' END)
      FROM deliver.attempt JOIN deliver.delivery d USING (delivery_id)
    UNION ALL
    SELECT invoice_id, coalesce(handed_at, due_at), concat_ws(' ', 'delivery', delivery_id, 'is', state, 'due',
           due_at, 'lease', lease_until, 'attempts', attempts, 'unresolved', unresolved) FROM deliver.delivery
    UNION ALL
    SELECT invoice_id, started_at, concat_ws(' ', 'notice', notice_id, attempt, 'starts') FROM track.notice_attempt
      JOIN track.notice USING (notice_id)
    UNION ALL
    SELECT invoice_id, coalesce(ended_at, due_at), concat_ws(' ', 'notice', notice_id, attempt, 'ends:', result,
           detail, 'now', state, 'due', due_at) FROM track.notice_attempt JOIN track.notice USING (notice_id)
    UNION ALL
    SELECT invoice_id, parked_at, concat_ws(' ', 'parked', code, state, closed_at) FROM route.parked) AS w
  JOIN ingest.invoice i USING (invoice_id)
 WHERE w.invoice_id = ANY ($1::uuid[])
"""


async def story(on: Scene, verdict: Verdict) -> str:
    """In lines, the oldest first; the warnings and ends of processes only around what the rest tells of."""
    about = sorted({word for said in [*verdict.faults, *verdict.again] for word in _WORD.findall(said)})
    conn = await asyncpg.connect(on.direct_url, timeout=10)
    try:
        ids = [row["invoice_id"] for row in await conn.fetch(_WHICH, about)]
        rows = await conn.fetch(_TOLD, ids)
        started = await conn.fetchval("SELECT pg_postmaster_start_time()")
    finally:
        await conn.close()
    words = {*about, *map(str, ids), *(str(row["about"]).partition(".")[0] for row in rows)}
    told: list[Entry] = [(row["at"], f"{row['about']}: {row['what']}") for row in rows if row["at"]]
    told += [
        (_utc(at), f"came: {what}")
        for at, what in on.receivers.came
        if not words.isdisjoint(_WORD.findall(what))
    ]
    if told:
        first, last = min(told)[0].timestamp() - 10, max(told)[0].timestamp() + 10
    else:
        first, last = 0.0, float("inf")
    around = [
        each for each in (*_of_processes(on), (started, "this Postgres started")) if each[0] is not None
    ]
    told += [each for each in around if first <= each[0].timestamp() <= last]
    lines = [f"{at:%H:%M:%S.%f} {what}" for at, what in sorted(told)]
    left = len(lines) - MOST
    return "\n".join(
        [
            f"{VARIABLE}={SEED}",
            str(verdict),
            *verdict.faults,
            f"ended by themselves: {on.hub.fell}",
            *lines[:MOST],
            *([f"… and {left} lines"] if left > 0 else []),
        ]
    )


def _of_processes(on: Scene) -> Iterator[Entry]:
    for death in on.hub.deaths:
        yield _utc(death["at"]), " ".join(f"{name} {value}" for name, value in death.items() if name != "at")
    for strike in on.hub.reported():
        if "at" in strike:
            yield _utc(strike["at"]), f"{strike['process']} struck at {strike['strike']['window']}"
    for path in sorted(on.hub.place.folder.glob("*.log")):
        yield from _warnings(path.stem, path.read_text(errors="replace").splitlines())


def _warnings(process: str, lines: Sequence[str]) -> Iterator[Entry]:
    for line in lines:
        try:
            said: dict[str, Any] = json.loads(line)
            at = datetime.fromisoformat(said.pop("timestamp"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if said.get("level") not in ("debug", "info"):
            yield at, f"{process} says {json.dumps(said)[:600]}"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
