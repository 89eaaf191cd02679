"""What every test has one of is made while the test before still runs, and removed while the next one does.

::

    test n    take ─▶ runs ──────────────▶ give_back
    thread            makes the next one            removes the last one

Databases and virtual hosts take their servers longer than a short test takes; the processor beside the one that
runs the test has the time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """One spare, always. ``make`` and ``remove`` run in one thread, in the order they were asked for."""

    def __init__(self, make: Callable[[], T], remove: Callable[[T], None]) -> None:
        self._make = make
        self._remove = remove
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._spare: Future[T] | None = None
        self._removed: Future[None] | None = None

    def take(self) -> T:
        """One that nobody has. Raises what ``make`` raised."""
        taken = self._spare or self._thread.submit(self._make)
        self._spare = self._thread.submit(self._make)
        return taken.result()

    def give_back(self, used: T) -> None:
        """Have it removed. Raises what the removal before this one raised."""
        before, self._removed = self._removed, self._thread.submit(self._remove, used)
        if before is not None:
            before.result()

    def close(self) -> None:
        """Remove the spare and wait for everything."""
        if self._spare is not None and self._spare.exception() is None:
            self._remove(self._spare.result())
        self._thread.shutdown()
        if self._removed is not None:
            self._removed.result()
