"""From the type on the wire to the model, and back.

A type nobody here knows (a later version) is ``UnknownEvent``: the consumer keeps it as a dead letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from libs.contracts import invoice, masterdata, party
from libs.contracts.envelope import Event, Payload, from_attributes
from libs.errors import HubError

PAYLOADS: Mapping[str, type[Payload]] = {
    model.type: model for model in (*invoice.ALL, *party.ALL, *masterdata.ALL)
}


class UndecodableEvent(HubError):
    """This event cannot be read."""

    slug = "undecodable-event"
    transient = False


class UnknownEvent(UndecodableEvent):
    """This event is of a type or version this release does not know."""

    slug = "unknown-event"


def decode(raw: Mapping[str, Any], event_id: UUID | None = None) -> Event:
    """One parsed CloudEvent to an ``Event``; ``event_id``: its id, for whoever has read it already. Raises
    ``UnknownEvent`` or ``UndecodableEvent``."""
    if not isinstance(raw, dict | Mapping):  # the first is what it is, and asking for the other costs
        raise UndecodableEvent("a CloudEvent is a JSON object")
    kind = raw.get("type")
    model = PAYLOADS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise UnknownEvent(f"no model for event type {kind!r}")
    try:
        return from_attributes(raw, model.model_validate(raw.get("data")), event_id)
    except (KeyError, TypeError, ValueError) as bad:
        raise UndecodableEvent(f"{kind}: {bad}") from bad
