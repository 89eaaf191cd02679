"""When the next batch may be cut: at a pace on average, and at once after a quiet while.

A batch costs much the same full or nearly empty, so under load they are cut ``seconds`` apart, and each finds company
(ADR 19). A pace that counted from batch to batch would make whoever comes behind another wait at every stage, also
where the machine has time. So what was not used is put by, up to ``credit`` batches.
"""

from __future__ import annotations

CREDIT = 8
"""Where somebody's invoice waits. Batches of a flood that is kept to its share come beside those of who sends now and then:
with three put by, both together had used up what there was, and many waited at each stage for the next."""


class Pacing:
    """Times in seconds, all on one clock. This is the generic cell rate algorithm (ITU-T I.371)."""

    __slots__ = ("_credit", "_next", "_seconds")

    def __init__(self, seconds: float, credit: int = 0) -> None:
        self._seconds = seconds
        self._credit = credit * seconds
        self._next = 0.0

    @property
    def due(self) -> float:
        """When the next batch may be cut that is not full."""
        return self._next - self._credit

    def cut(self, now: float) -> None:
        """One was cut."""
        self._next = max(self._next, now) + self._seconds
