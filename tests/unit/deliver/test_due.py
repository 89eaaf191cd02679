"""Which channels are woken, and which are left alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.deliver.attempts.due import LATELY_SECONDS, Due
from services.deliver.parcel import Channel

ALL: tuple[Channel, ...] = ("folder", "smtp", "https")


@dataclass
class Time:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def due(time: Time) -> Due:
    return Due(ALL, time)


def woken(due: Due) -> set[Channel]:
    """And they look."""
    found = {channel for channel in ALL if due[channel].is_set()}
    for channel in found:
        due[channel].clear()
    return found


def test_a_commit_wakes_what_was_planned_and_nobody_else(due: Due) -> None:
    due.planned({"folder"})
    assert woken(due) == set(), "it is not committed yet"
    due.committed()
    assert woken(due) == {"folder"}


def test_another_s_commit_before_takes_nothing_away(due: Due) -> None:
    """A result is committed between plan and commit: who looks then finds nothing, and is woken again."""
    due.planned({"folder"})
    due.committed()
    assert woken(due) == {"folder"}
    due.committed()
    assert woken(due) == {"folder"}


def test_what_was_planned_long_ago_is_left_to_the_look_of_every_second(due: Due, time: Time) -> None:
    due.planned({"folder"})
    time.now += LATELY_SECONDS + 0.01
    due.planned({"smtp"})
    due.committed()
    assert woken(due) == {"smtp"}


def test_a_commit_of_facts_alone_wakes_nobody(due: Due) -> None:
    due.committed()
    assert woken(due) == set()


def test_whoever_changes_what_is_due_wakes_all(due: Due) -> None:
    due.everywhere()
    assert woken(due) == set(ALL)


def test_a_channel_this_process_does_not_serve_is_no_trouble(due: Due) -> None:
    due.planned({"sandbox", "smtp"})
    due.committed()
    assert woken(due) == {"smtp"}
