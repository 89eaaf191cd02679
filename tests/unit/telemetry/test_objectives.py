"""What counts as a promise kept or missed, and that a process says 0 before anything happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from prometheus_client import REGISTRY

from libs.telemetry import objectives
from libs.testing.spans import recording

SERIES = {(o, e) for o in ("accept", "handover", "status") for e in ("kept", "missed")}


@pytest.fixture(autouse=True)
def counting() -> Iterator[None]:
    with recording(0):
        yield


def counted() -> dict[tuple[str, str], float]:
    return {
        (sample.labels["objective"], sample.labels["outcome"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "postbode_objectives_total"
    }


def test_all_are_there_from_the_start() -> None:
    assert counted().keys() == SERIES
    assert [s for f in REGISTRY.collect() for s in f.samples if s.name == "postbode_documents_damaged_total"]


post = partial(objectives.answered, "POST", "/v1/submissions")
folder = partial(objectives.handed_over, "folder", straight=True)


@pytest.mark.parametrize(
    ("happens", "counts"),
    [
        (partial(post, 202), ("accept", "kept")),
        (partial(post, 422), ("accept", "kept")),  # What the caller did wrong is no trouble of ours.
        (partial(post, 503), ("accept", "missed")),
        (partial(post, 0), ("accept", "missed")),
        (partial(objectives.answered, "POST", "/v1/submissions:batch", 500), ("accept", "missed")),
        (partial(objectives.answered, "GET", "/v1/submissions", 500), None),
        (partial(objectives.answered, "POST", "/v1/parties", 500), None),
        (partial(objectives.answered_mail, 250), ("accept", "kept")),
        (partial(objectives.answered_mail, 552), ("accept", "kept")),
        (partial(objectives.answered_mail, 451), ("accept", "missed")),
        (partial(folder, 60), ("handover", "kept")),
        (partial(folder, 60.1), ("handover", "missed")),
        # Parked for days, then delivered: that is a person's time.
        (partial(objectives.handed_over, "folder", 9999, straight=False), None),
        (partial(objectives.handed_over, "sandbox", 9999, straight=True), None),
        (partial(objectives.taken_up, "track.facts", 30), ("status", "kept")),
        (partial(objectives.taken_up, "track.facts", 31), ("status", "missed")),
        (partial(objectives.taken_up, "route.validated", 31), None),
    ],
)
def test_what_is_kept_and_what_is_missed(happens: Callable[[], None], counts: tuple[str, str] | None) -> None:
    before = counted()
    happens()
    grown = {series for series, value in counted().items() if value > before[series]}
    assert grown == ({counts} if counts else set())
