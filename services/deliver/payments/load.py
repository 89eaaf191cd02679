"""A bank statement from bytes to facts: read and matched without a transaction, then written in one, or not at all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.db.types import Pool
from libs.errors import Conflict
from libs.messaging import outbox
from services.deliver.payments import bills, camt, movements, sheet, sources
from services.deliver.payments.lines import Line
from services.deliver.payments.matching import Left, Matched, match
from services.deliver.payments.movements import Movement

AT_ONCE = 1
"""Files read side by side: each holds a processor and up to some hundred megabytes."""
_turns = asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each line. ``written``: False for a rehearsal."""

    found: Sequence[Matched | Left]
    written: bool

    @property
    def matched(self) -> list[Matched]:
        return [each for each in self.found if isinstance(each, Matched)]

    @property
    def left(self) -> list[Left]:
        return [each for each in self.found if isinstance(each, Left) and each.reason != "repeated"]

    @property
    def repeated(self) -> int:
        return Counter(each.reason for each in self.found if isinstance(each, Left))["repeated"]

    @property
    def entries(self) -> int:
        return len({each.line.number for each in self.found})


def read(data: bytes, told: sheet.Told) -> list[Line]:
    """The lines of a file of either form."""
    start = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    looks_like_xml = start.startswith(b"<") or (b"<\x00" in data[:10] or b"\x00<" in data[:10])
    return camt.read(data) if looks_like_xml else sheet.read(data, told)


async def load(
    pool: Pool, data: bytes, told: sheet.Told, by: tuple[UUID, UUID | None], *, rehearsal: bool
) -> Report:
    """Take a statement of this account. ``pool`` has the worker role. Raises ``Unprocessable`` and ``TooLarge`` for the
    file, ``Conflict`` where the account's source is another; then nothing was written."""
    account_id = by[0]
    sources.by_hand_or_file(await sources.of(pool, account_id))
    async with _turns:
        lines = await asyncio.to_thread(read, data, told)
        known = await movements.taken(pool, account_id, [line.key for line in lines])
        before = await movements.told(pool, account_id, {line.day for line in lines if line.day})
        of_account = await bills.of(pool, account_id)
        found = await asyncio.to_thread(match, lines, of_account, known, before)
        del of_account
    if rehearsal:
        return Report(found, written=False)
    wanted = [_movement(each, by) for each in found if isinstance(each, Matched)]
    async with pool.acquire() as conn, conn.transaction():
        sources.by_hand_or_file(await sources.held(conn, account_id))
        recorded = await movements.record(conn, wanted)
        if recorded.left:
            raise _meanwhile()
        await outbox.append(conn, recorded.events)
    return Report(found, written=True)


def _meanwhile() -> Conflict:
    return Conflict(
        "Something else became known of these invoices during the load. Nothing was taken: load the file again.",
        nl="Van deze facturen werd tijdens het laden iets anders bekend. Er is niets verwerkt: laad het bestand nog eens.",
        code="meanwhile",
    )


def _movement(found: Matched, by: tuple[UUID, UUID | None]) -> Movement:
    line = found.line
    said = " · ".join(filter(None, [line.other or line.own, " ".join(line.named), line.text]))
    return Movement(
        delivery_id=found.bill.delivery_id,
        side=found.bill.side,
        source="file",
        evidence=said[:300] or "bank statement",
        by=by,
        amount=found.amount,
        paid_on=line.day,
        entry=line.key,
    )
