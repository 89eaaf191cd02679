"""How many bytes of large requests are in hand at once.

A large body waits on disk until there is room for it, so memory does not grow with how many come together. Small ones are
never kept waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class Heavy:
    """``most`` bytes at once of what is larger than ``light``. In the order they came; one that is larger than ``most``
    has all of it for itself."""

    def __init__(self, *, most: int, light: int) -> None:
        self._most = most
        self._light = light
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        if size <= self._light:
            yield
            return
        size = min(size, self._most)
        if self._waiting or self._held + size > self._most:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave(size)
                raise
        else:
            self._held += size
        try:
            yield
        finally:
            self._leave(size)

    def _leave(self, size: int) -> None:
        self._held -= size
        while self._waiting and (
            self._waiting[0][1].done() or self._held + self._waiting[0][0] <= self._most
        ):
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._held += size
                turn.set_result(None)
