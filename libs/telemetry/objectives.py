"""What is promised (docs/operations.md#alerts), counted where it happens: kept or missed.

Counters of their own, told from 0 on: Prometheus sees a counter grow only from the first value it scraped, and a
histogram has none before something happened. The first burst of refusals of a new process would raise no alert.
"""

from __future__ import annotations

from libs.telemetry import metrics

HANDED_OVER_WITHIN = 60.0
"""Seconds, for what waits for nothing."""
TOLD_WITHIN = 30.0
"""Seconds from a fact to the status people see."""

_TAKE_IN = frozenset({"/v1/submissions", "/v1/submissions:batch"})


def begin() -> None:
    """Every series whose growth is alerted on and whose labels are known beforehand is 0 now."""
    for objective in ("accept", "handover", "status"):
        for outcome in ("kept", "missed"):
            metrics.objectives.add(0, {"objective": objective, "outcome": outcome})
    metrics.documents_damaged.add(0)


def answered(method: str, route: str, status: int) -> None:
    """A request; ``status`` 0: the connection broke before there was an answer."""
    if method == "POST" and route in _TAKE_IN:
        _count("accept", missed=status >= 500 or status == 0)


def answered_mail(reply: int) -> None:
    """A mail to a key mailbox, or a recipient of one; told here, a 4xx of SMTP is trouble of ours: what an account does
    too often is not, and is not told."""
    _count("accept", missed=400 <= reply < 500)


def handed_over(channel: str, seconds: float, *, straight: bool) -> None:
    """``straight``: at the first attempt, and never parked. What a person had to do first is not our time."""
    if straight and channel != "sandbox":
        _count("handover", missed=seconds > HANDED_OVER_WITHIN)


def taken_up(queue: str, seconds: float) -> None:
    """A batch whose oldest event is ``seconds`` old."""
    if queue == "track.facts":
        _count("status", missed=seconds > TOLD_WITHIN)


def _count(objective: str, *, missed: bool) -> None:
    metrics.objectives.add(1, {"objective": objective, "outcome": "missed" if missed else "kept"})
