"""How long the oldest event of a queue has waited, told from what its consumer has in hand."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest

from libs import clock
from libs.contracts.envelope import ALONE, ATTEMPT
from libs.messaging.backlog import Waiting
from libs.messaging.pack import Unread


def made(seconds_ago: float, **more: object) -> Unread:
    at = int((clock.now() - timedelta(seconds=seconds_ago)).timestamp() * 1000)
    own = UUID(int=(at << 80) | (clock.uuid7().int & ((1 << 80) - 1)))
    return Unread(None, {"id": str(own), **more})


def test_the_oldest_in_hand_tells_and_grows_older(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting("q")
    assert waiting.seconds() == 0
    waiting.taken([made(5), made(90), made(1)])
    assert 89 < waiting.seconds() < 92
    later = clock.now() + timedelta(seconds=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert 149 < waiting.seconds() < 152, "the database is away: it is in hand, and grows older"


def test_when_all_is_done_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting("q")
    waiting.taken([made(90)])
    waiting.settled()
    assert waiting.seconds() > 89, "between two batches of a backlog it is what it was"
    later = clock.monotonic() + Waiting.QUIET
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert waiting.seconds() == 0


@pytest.mark.parametrize("more", [{ATTEMPT: 2}, {ALONE: True}])
def test_a_retry_says_nothing_about_the_queue(more: dict[str, object]) -> None:
    waiting = Waiting("q")
    waiting.taken([made(3600, **more), made(2)])
    assert waiting.seconds() < 4


def test_what_tells_no_time_is_left_out() -> None:
    waiting = Waiting("q")
    waiting.taken(
        [Unread(None, {"id": str(uuid4())}), Unread(b"not json", None), Unread(orjson.dumps([1]), [1])]
    )
    assert waiting.seconds() == 0
