"""Ids come in the order in which they were made."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

import pytest

from libs import clock


def test_ids_of_one_process_ascend_also_within_a_millisecond() -> None:
    made = [clock.uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_ascend_while_the_clock_stands_still_or_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = clock.uuid7()
    for instant in (time.time_ns(), time.time_ns(), 0):
        monkeypatch.setattr("libs.clock.time.time_ns", lambda instant=instant: instant)
        following = clock.uuid7()
        assert following > first
        first = following


def test_threads_never_get_the_same_tick() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: clock.uuid7(), range(5_000)))
    assert len({each.int >> 62 for each in made}) == len(made)


def test_an_id_is_a_version_7_uuid_and_tells_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = clock.uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1
