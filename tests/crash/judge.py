"""Who has each invoice in the end: told by the receivers' counters first, and by the hub's own tables second.

An acknowledged invoice (202, or 250 at the key mailbox) is *delivered* once, to whom it is meant for, with its own
page, or *returned* with one notice to its sender; else it is *lost*. Two hand-overs are *duplicated*, except a mail
under one Message-ID whose process was killed after the final dot: nobody can avoid that one. It is a *repeat*, must
stand in the timeline, and belong to a delivery that was in that place when its process was killed; another's excuses
nothing. ``notices.py`` judges the mails to senders.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from libs.contracts.topology import TOPOLOGY
from libs.db.settings import DatabaseSettings
from libs.testing.databases import SECRET
from services.track import ledger
from services.track.snapshots import snapshots
from tests.crash import notices
from tests.crash.mailed import id_of, uncut
from tests.crash.notices import Stored
from tests.crash.people import Invoice, Supplier
from tests.crash.receivers import Receivers, mark_of
from tests.crash.tricks import POISON

SCHEMAS = ("ingest", "validate", "route", "deliver", "track")
_SERVER = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

_OUTBOX = " UNION ALL ".join(f"SELECT count(*) FROM {schema}.outbox" for schema in SCHEMAS)
_SENT = " UNION ALL ".join(
    f"SELECT event_id, exchange, routing_key FROM {schema}.outbox_sent WHERE exchange <> ''"
    for schema in SCHEMAS
)
_INBOX = " UNION ALL ".join(f"SELECT queue, event_id FROM {schema}.inbox" for schema in SCHEMAS)
_UNHEARD = f"""
WITH bound AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS t (exchange, routing_key, queue))
SELECT count(*) FROM (SELECT DISTINCT event_id, exchange, routing_key FROM ({_SENT}) s) sent
  JOIN bound USING (exchange, routing_key)
 WHERE NOT EXISTS (SELECT FROM ({_INBOX}) i WHERE i.queue = bound.queue AND i.event_id = sent.event_id)
"""
_NAMED = "(SELECT filename FROM ingest.invoice WHERE invoice_id::text = subject) AS filename"
_OPEN = "replayed_at IS NULL AND dropped_at IS NULL"
_DEAD = " UNION ALL ".join(
    f"SELECT queue, cause, subject, {_NAMED}, again_at IS NOT NULL AS waits FROM {schema}.dead WHERE {_OPEN}"
    for schema in SCHEMAS
)
ROUNDS = " UNION ALL ".join(
    f"SELECT queue, {_NAMED}, count(*) AS rounds FROM {schema}.dead WHERE again_at IS NOT NULL"
    f" GROUP BY queue, event_id, subject"
    for schema in SCHEMAS
)
"""Events that went again by themselves, and how often."""
_GHOSTS = (
    "SELECT invoice_id FROM track.status WHERE invoice_id NOT IN (SELECT invoice_id FROM ingest.invoice)"
)
_TWICE = """
SELECT invoice_id, axis, type, count(*) FROM track.fact
 WHERE type IN ('invoice.validated.v1', 'invoice.rejected.v1', 'invoice.routed.v1', 'invoice.handed_over.v1',
                'invoice.confirmed.v1')
 GROUP BY 1, 2, 3 HAVING count(*) > 1
"""
_STATUS = """
SELECT i.invoice_id::text AS invoice_id, i.filename, s.headline
  FROM ingest.invoice i LEFT JOIN track.status s ON s.invoice_id = i.invoice_id AND s.role = 'sender'
"""
_REPEATED = """
SELECT convert_from(body, 'UTF8')::jsonb #>> '{data,delivery_id}' AS delivery_id FROM track.fact
 WHERE type = 'invoice.handed_over.v1' AND (convert_from(body, 'UTF8')::jsonb #>> '{data,repeated}')::boolean
"""
_PENDING = {
    "deliveries": "SELECT count(*) FROM deliver.delivery WHERE state IN ('queued', 'attempting')",
    "not taken": "SELECT count(*) FROM deliver.delivery WHERE state = 'handed_over'"
    " AND channel IN ('folder', 'sftp', 'exact_online')",
    "notices": "SELECT count(*) FROM track.notice WHERE state = 'due'",
    "parked": "SELECT count(*) FROM route.parked WHERE state = 'open'",
    "second rounds": f"SELECT count(*) FROM ({_DEAD}) d WHERE waits",
}
_PROGRESS = "SELECT (SELECT count(*) FROM track.fact), (SELECT count(*) FROM deliver.attempt)"


@dataclass
class Verdict:
    """What became of the invoices of one run, by number."""

    acknowledged: int = 0
    delivered: int = 0
    returned: int = 0
    unacknowledged: int = 0
    poisoned: int = 0
    """Those that kill whoever handles them."""
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Other bytes came than were sent."""
    misdelivered: list[str] = field(default_factory=list)
    """They came to somebody for whom they are not meant."""
    pages: list[str] = field(default_factory=list)
    """They came with another PDF than they were sent with, or without."""
    repeats: int = 0
    """Mails that came again under the same Message-ID."""
    again: list[str] = field(default_factory=list)
    """Which mails that were; some may have come more than twice."""
    untold: int = 0
    """Those of them of which the timeline does not say so."""
    repeats_told: int = 0
    """Mails that may have come again, as the timeline says."""
    repeats_allowed: int = 0
    uncut: list[str] = field(default_factory=list)
    """Which mails came more often than attempts at them were cut off."""
    notices: list[str] = field(default_factory=list)
    """What is wrong with the mails to senders."""
    second_rounds: int = 0
    """Events that reached the delivery limit and went again by themselves."""
    other: list[str] = field(default_factory=list)
    """What the hub's own tables say against it."""
    under_way: list[str] = field(default_factory=list)
    """What surely still moves: where there is any, nobody can say that something is lost."""

    @property
    def faults(self) -> list[str]:
        """Empty: every promise was kept."""
        found = [
            *(f"lost: {number}" for number in self.lost),
            *(f"duplicated: {number}" for number in self.duplicated),
            *(f"wrong receiver: {each}" for each in self.misdelivered),
            *(f"bytes changed: {number}" for number in self.changed),
            *(f"wrong page: {each}" for each in self.pages),
            *(f"a mail came again, not cut off: {each}" for each in self.uncut),
            *self.notices,
            *self.other,
        ]
        if self.untold:
            found.append(
                f"{len(self.again)} mails came again, the timeline tells of {len(self.again) - self.untold} of them"
            )
        return found

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged} = delivered {self.delivered} + returned {self.returned} + lost "
            f"{len(self.lost)} · duplicated {len(self.duplicated)} · unavoidable mail repeats {self.repeats} "
            f"(told {self.repeats_told}, at most {self.repeats_allowed}) · second rounds {self.second_rounds}"
        )


async def settled(
    database_url: str,
    receivers: Receivers,
    *,
    patience: float,
    still: float,
    moving: Callable[[], object] = lambda: None,
) -> list[str]:
    """Wait until nothing is under way any more, or nothing has moved (nor what ``moving`` tells of) for
    ``still`` seconds. What is left."""
    loop = asyncio.get_running_loop()
    until, last, since, calm = loop.time() + patience, "", loop.time(), 0
    left: list[str] = ["nothing could be asked"]
    while loop.time() < until:
        try:
            left, progress = await _look(database_url)
        except _SERVER:
            await asyncio.sleep(0.3)
            continue
        calm = calm + 1 if not left else 0
        if calm >= 3:
            return []
        state = (
            f"{left} {progress} {moving()} {sum(receivers.files.values())} {sum(receivers.mails.values())}"
        )
        if state != last:
            last, since = state, loop.time()
        elif loop.time() - since > still and not any("outbox" in each for each in left):
            return left
        await asyncio.sleep(0.2)
    return left


async def _look(database_url: str) -> tuple[list[str], str]:
    conn = await asyncpg.connect(database_url, timeout=5)
    try:
        left = [
            f"{rows[0]} in {schema}'s outbox"
            for schema, rows in zip(SCHEMAS, await conn.fetch(_OUTBOX), strict=True)
            if rows[0]
        ]
        for what, query in _PENDING.items():
            if count := await conn.fetchval(query):
                left.append(f"{count} {what}")
        if unheard := await conn.fetchval(_UNHEARD, *_bindings()):
            left.append(f"{unheard} events published and not handled")
        return left, str(tuple(await conn.fetchrow(_PROGRESS)))
    finally:
        await conn.close()


def _bindings() -> tuple[list[str], list[str], list[str]]:
    from libs.contracts.registry import PAYLOADS

    rows = [
        (model.exchange, kind, queue)
        for kind, model in PAYLOADS.items()
        for queue in TOPOLOGY.expected(model.exchange, kind)
    ]
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]


async def judge(
    database_url: str,
    sent: Sequence[Invoice],
    supplier: Supplier,
    receivers: Receivers,
    *,
    cut: Mapping[str, int],
    left: Sequence[str] = (),
) -> Verdict:
    """Compare what was acknowledged with what came. ``cut``: how often each delivery or notice may have come again."""
    verdict = Verdict()
    conn = await asyncpg.connect(database_url, timeout=10)
    try:
        rows = await conn.fetch(_STATUS)
        dead = await conn.fetch(_DEAD)
        rounds = await conn.fetch(ROUNDS)
        ghosts = await conn.fetch(_GHOSTS)
        twice = await conn.fetch(_TWICE)
        told = {row["delivery_id"] for row in await conn.fetch(_REPEATED)}
    finally:
        await conn.close()
    verdict.other += await _ledger(database_url)
    stored = [Stored(row["invoice_id"], _number(row), row["headline"] or "unknown") for row in rows]
    headlines: dict[str, list[str]] = {}
    for each in stored:
        headlines.setdefault(each.number, []).append(each.headline)
    verdict.notices = notices.judge(receivers.notices, stored, sent, cut=cut)
    told_of = {each.about for each in receivers.notices if notices.kind_of(each) not in notices.RECEIPTS}
    answered = {each.number for each in stored if each.invoice_id in told_of}
    buried = Counter(_number(row) for row in dead if not row["waits"])
    for invoice in sent:
        if invoice.number.startswith(POISON):
            # It must be open: a dead letter, with its cause, for a person to see to.
            verdict.poisoned += 1
            verdict.lost += [] if buried[invoice.number] == 1 else [invoice.number]
            continue
        _judge_one(verdict, invoice, supplier, receivers, headlines, answered)
    verdict.duplicated += [name for (_, name), times in receivers.files.items() if times > 1]
    verdict.repeats = sum(times - 1 for times in receivers.mails.values())
    verdict.again = [key for key, times in receivers.mails.items() if times > 1]
    verdict.repeats_told = len(told)
    verdict.untold = sum(id_of(key) not in told for key in verdict.again)
    verdict.repeats_allowed = sum(cut.get(which, 0) for which in map(id_of, receivers.mails))
    verdict.uncut = uncut(receivers.mails, cut)
    verdict.other += [
        f"dead letter of {row['queue']}: {row['cause']} ({row['filename']})"
        for row in dead
        if not str(row["filename"]).startswith(POISON)
    ]
    verdict.other += [
        f"{row['rounds']} second rounds of {row['filename']} in {row['queue']}"
        for row in rounds
        if row["rounds"] > 1
    ]
    verdict.second_rounds = len(rounds)
    verdict.other += [f"a ghost in track: {row['invoice_id']}" for row in ghosts]
    verdict.other += [f"told twice: {row['type']} of {row['invoice_id']}" for row in twice]
    verdict.other += [
        f"pushed {times} times, and not told: {key}"
        for key, times in receivers.pushed.times.items()
        if times > 1 and str(UUID(hex=key)) not in told
    ]
    verdict.duplicated += [
        f"{key} came {times} times more after it was acknowledged"
        for key, times in receivers.fetching.again.items()
    ]
    verdict.other += [f"strange mail: {each}" for each in receivers.strange]
    verdict.other += [f"left behind: {each}" for each in left]
    verdict.under_way = [each for each in left if each.endswith(MOVING)]
    return verdict


MOVING = ("outbox", "deliveries", "second rounds")


def _number(row: asyncpg.Record) -> str:
    """A file is called by the number of its invoice."""
    return str(row["filename"]).rpartition(".")[0]


async def _ledger(database_url: str) -> list[str]:
    """What the hub's own ledger says against it."""
    async with snapshots(DatabaseSettings(database_url, SECRET)) as found:
        books = await ledger.take(found)
    return [
        f"the ledger: {e.invoice_id} {e.problem}, {e.place.service}: {e.place.why}" for e in books.entries
    ]


def _judge_one(
    verdict: Verdict,
    invoice: Invoice,
    supplier: Supplier,
    receivers: Receivers,
    headlines: Mapping[str, Sequence[str]],
    answered: Collection[str],
) -> None:
    keys = receivers.numbers.get(invoice.number, set())
    if len(keys) > 1:
        verdict.duplicated.append(f"{invoice.number} came as {sorted(keys)}")
    if any(found != mark_of(invoice.xml) for found in receivers.bytes_of.get(invoice.number, ())):
        verdict.changed.append(invoice.number)
    if others := receivers.places.get(invoice.number, set()) - {invoice.to.place}:
        verdict.misdelivered.append(f"{invoice.number} came to {sorted(others)}, not {invoice.to.place}")
    pages = receivers.pages.get(invoice.number, set())
    # A page that the hub makes is the same each time.
    made = invoice.pdf is None and invoice.to.by in ("smtp", "exact")
    if len(pages) > 1 if made else pages - {mark_of(invoice.pdf)}:
        verdict.pages.append(invoice.number)
    if invoice.number not in supplier.acknowledged:
        verdict.unacknowledged += 1
        return
    verdict.acknowledged += 1
    shown = list(headlines.get(invoice.number, ()))
    delivered = invoice.end == "delivered"
    shows = {"folder": "arrived", "sftp": "arrived", "pull": "arrived", "exact": "imported"}
    expected = shows.get(invoice.to.by, "sent") if delivered else invoice.end
    if keys and delivered:
        verdict.delivered += 1
    elif not delivered and not keys and (invoice.twin or invoice.number in answered):
        verdict.returned += 1
    else:
        verdict.lost.append(f"{invoice.number} ({invoice.by}, shown as {shown})")
        return
    # The same bytes may come in anew after a return: a client that was not answered makes two of it.
    if (shown if delivered else sorted(set(shown))) != [expected]:
        verdict.other.append(f"status of {invoice.number} is {shown}, not {expected}")
