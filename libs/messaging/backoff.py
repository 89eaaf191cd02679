"""When a failed event is tried again. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

MOST_ATTEMPTS = 10
"""About an hour and a half in all; what still fails then is a dead letter."""

_FIRST = 1.0
_FACTOR = 4.0
_LONGEST = 900.0


def next_try(attempt: int, *, chance: Callable[[], float] = random.random) -> timedelta | None:
    """How long to wait after attempt ``attempt`` (from 1) failed: 1 s × 4 each time up to 15 minutes, a
    quarter less or more so that events that failed together do not come back together. None: give up."""
    if attempt >= MOST_ATTEMPTS:
        return None
    seconds = min(_FIRST * _FACTOR ** (attempt - 1), _LONGEST)
    return timedelta(seconds=seconds * (0.75 + chance() / 2))
