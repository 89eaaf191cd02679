"""Writes the verdicts of a plan down as they come, and remembers what needs no second look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from libs.db.types import Connection
from services.sync import memory, plans
from services.sync.mappings import Kind
from services.sync.planning import Verdict
from services.sync.sides import Sides


class GivenUp(Exception):
    """Somebody stopped the making of this plan."""


class Made:
    """Writes verdicts down as they come, and remembers what needs nothing to be done."""

    def __init__(self, sides: Sides, plan_id: UUID, seconds: float) -> None:
        """``seconds``: how long the maker is taken to be alive without a word."""
        self._pool = sides.pool
        self._sides = sides
        self._plan_id = plan_id
        self._seconds = seconds
        self._sequence = 0
        self.counts: Counter[str] = Counter()

    async def add(self, kind: Kind, verdicts: Sequence[Verdict]) -> None:
        items = [each for each in verdicts if each.action != "none"]
        self.counts.update(each.action for each in verdicts)
        async with self._pool.acquire() as conn, conn.transaction():
            if not await plans.alive(conn, self._plan_id, self._seconds):
                raise GivenUp
            await plans.add_items(conn, self._plan_id, self._sides.account_id, self._sequence, items)
            self._sequence += len(items)
            await self._settle(conn, kind, verdicts)

    async def _settle(self, conn: Connection, kind: Kind, verdicts: Sequence[Verdict]) -> None:
        """What is alike, and what a rule leaves out until it changes, needs no second look."""
        for code in dict.fromkeys(each.administration for each in verdicts):
            own = [each for each in verdicts if each.administration == code]
            quiet = [each for each in own if each.stamp and _settled(each)]
            records = [
                (
                    each.record_id,
                    each.external_id,
                    each.stamp,
                    each.ours if each.action == "none" else "",
                    each.before if each.action == "none" and kind.name == "supplier" else None,
                )
                for each in quiet
                if each.external_id
            ]
            await memory.remember(
                conn, self._sides.client_id, self._sides.account_id, code, kind.name, records
            )
            waiting = [each.record_id for each in own if each.stamp and not _settled(each)]
            await memory.unstamp(conn, self._sides.client_id, code, kind.name, waiting)
            over = [each.record_id for each in own if not each.stamp and not each.ours and _over(kind, each)]
            await memory.forget(conn, self._sides.client_id, code, kind.name, over)


def _settled(verdict: Verdict) -> bool:
    return verdict.action == "none" or (
        verdict.action == "skip"
        and verdict.rule in ("R237", "R243", "R244", "C6", "R230", "R260", "R261", "undone")
    )


def _over(kind: Kind, verdict: Verdict) -> bool:
    """A deletion that leads to nothing: told once, then forgotten."""
    return verdict.action in ("none", "skip") and verdict.rule == kind.delete_rule
