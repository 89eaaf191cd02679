"""Batches are cut at a pace on average, and at once after a quiet while."""

from __future__ import annotations

import random

import pytest

from libs.messaging.handler import PROMPT
from libs.messaging.pacing import Pacing
from libs.messaging.shares import WINDOW_SECONDS


def test_under_load_batches_are_cut_at_the_pace() -> None:
    pacing, now = Pacing(0.05, credit=3), 100.0
    for _ in range(100):
        now = max(now, pacing.due)
        pacing.cut(now)
    assert now == pytest.approx(100 + 96 * 0.05), (
        "three of the hundred were put by, the first waited for nobody"
    )


def test_who_comes_behind_another_after_a_quiet_while_does_not_wait() -> None:
    pacing = Pacing(0.05, credit=3)
    for _ in range(3):
        assert pacing.due <= 100.0
        pacing.cut(100.0)
    pacing.cut(100.0)
    assert pacing.due == pytest.approx(100.05)


def test_no_more_is_put_by_than_the_credit() -> None:
    pacing = Pacing(0.05, credit=1)
    pacing.cut(100.0)
    pacing.cut(5000.0)
    assert pacing.due <= 5000.0
    pacing.cut(5000.0)
    assert pacing.due == pytest.approx(5000.05)


def test_without_credit_each_waits_for_the_one_before() -> None:
    pacing = Pacing(0.5)
    pacing.cut(100.0)
    assert pacing.due == pytest.approx(100.5)


def test_who_comes_now_and_then_beside_a_flood_at_its_share_seldom_waits() -> None:
    """Somebody's ten a second at random beside the batches of a flood: of a hundred, hardly one waits for the pace."""
    draw, now, waited = random.Random(1), 0.0, 0
    events = [n * WINDOW_SECONDS for n in range(700)]
    while now < 100:
        now += draw.expovariate(10)
        events.append(now)
    pacing = Pacing(PROMPT.seconds, PROMPT.credit)
    for at in sorted(events):
        waited += pacing.due > at
        pacing.cut(max(at, pacing.due))
    assert waited < len(events) / 50
