"""A status as JSON, the way its row keeps it, and back. Pure.

``from_json(to_json(status)) == status``; what is absent is left out. Keys a newer release adds are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from libs.contracts.parts import Words
from services.track.status import Fact, Status

_OPTIONAL = ("code", "number", "sender", "receiver", "filename")


def to_json(status: Status) -> dict[str, Any]:
    """Axes in the order of their names: equal statuses have equal bytes."""
    return {axis: _fact_to_json(status[axis]) for axis in sorted(status)}


def from_json(axes: Mapping[str, Mapping[str, Any]]) -> Status:
    return {axis: _fact_from_json(axis, fact) for axis, fact in axes.items()}


def _fact_to_json(fact: Fact) -> dict[str, Any]:
    found: dict[str, Any] = {
        "sequence": fact.sequence,
        "event_id": str(fact.event_id),
        "value": fact.value,
        "at": fact.at.isoformat(),
        "source": fact.source,
        "nl": fact.words.nl,
        "en": fact.words.en,
    }
    if fact.issue_date is not None:
        found["issue_date"] = fact.issue_date.isoformat()
    for name in _OPTIONAL:
        value = getattr(fact, name)
        if value is not None:
            found[name] = value
    return found


def _fact_from_json(axis: str, found: Mapping[str, Any]) -> Fact:
    issued = found.get("issue_date")
    return Fact(
        axis=axis,
        sequence=found["sequence"],
        event_id=UUID(found["event_id"]),
        value=found["value"],
        at=datetime.fromisoformat(found["at"]),
        source=found["source"],
        words=Words(nl=found["nl"], en=found["en"]),
        issue_date=date.fromisoformat(issued) if issued else None,
        **{name: found.get(name) for name in _OPTIONAL},
    )
