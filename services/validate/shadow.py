"""A shadow run: invoices judged by the rules that hold and by another release of them, and what would change.

Nothing is written: not a verdict, not an event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.documents.postgres import PostgresDocuments
from services.validate import store
from services.validate.judgement import Judgement, judge

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Change:
    """One invoice that another release treats otherwise: verdicts, and the rules that come (``breaks``) and go
    (``mends``), warnings too: they make a valid invoice one with warnings."""

    invoice: str
    pack: str
    now: str
    then: str
    breaks: tuple[str, ...]
    mends: tuple[str, ...]


def tried(invoice: str, data: bytes, release: str) -> Change | None:
    """What would change; None where nothing does that matters to a sender. Raises ``Refusal`` for what is no invoice."""
    return compared(invoice, judge(data), judge(data, release=release))


def compared(invoice: str, now: Judgement, then: Judgement) -> Change | None:
    before, after = _told(now), _told(then)
    come, gone = after - before, before - after
    if now.verdict == then.verdict and all(severity != "fatal" for severity, _ in come | gone):
        return None
    return Change(
        invoice,
        now.rule_pack,
        now.verdict,
        then.verdict,
        tuple(rule for _, rule in sorted(come)),
        tuple(rule for _, rule in sorted(gone)),
    )


def _told(judgement: Judgement) -> frozenset[tuple[str, str]]:
    """What was found, the fatal first when sorted."""
    return frozenset((finding.severity, finding.rule) for finding in judgement.findings)


async def stored(settings: DatabaseSettings, since: datetime) -> AsyncIterator[tuple[UUID, bytes | None]]:
    """Every invoice judged since then whose original lies in the database, and that original; None where it cannot be
    had."""
    pools = Pools(settings)
    try:
        pool = await pools.get("validate", "worker")
        documents = PostgresDocuments(pool)
        after = (since, UUID(int=0))
        while True:
            async with pool.acquire() as conn:
                found = await store.judged_after(conn, after, _AT_ONCE)
            if not found:
                return
            data = await documents.get([ref for *_, ref in found], [account for _, _, account, _ in found])
            for decided_at, invoice_id, _, ref in found:
                after = (decided_at, invoice_id)
                body = data.get(ref.document_id)
                yield invoice_id, body if isinstance(body, bytes) else None
    finally:
        await pools.close()
