"""The envelope every event travels in: CloudEvents 1.0, structured JSON.

One event is one CloudEvent; what crosses the broker is a CloudEvents *batch* (a JSON array) of 1..N
events of one type. Packing and unpacking is the business of the relay and the consumer alone.

Attributes beside the standard ones (CloudEvents extension names are lower case, no separators):

==================  ====================================================================
``account``         the account the event belongs to: tenancy, fairness, counts
``correlationid``   the submission the invoice came in with
``causationid``     the id of the event that led to this one
``traceparent``     W3C trace context of the span that made the event: consumers *link* to it
``hubattempt``      how often a consumer has tried this event and put it back (1 = first time)
``hubalone``        true: its consumer shall hold nothing else while it handles this one
==================  ====================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict

from libs import clock
from libs.ids import of_text

ATTEMPT, ALONE = "hubattempt", "hubalone"


class Frozen(BaseModel):
    """A value that crosses a service border: immutable; unknown fields are ignored (a newer producer)."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Payload(Frozen, ABC):
    """The data of one event type. Subclasses name their ``type`` (with version) and ``exchange``."""

    type: ClassVar[str]
    exchange: ClassVar[str]

    @property
    @abstractmethod
    def subject(self) -> str:
        """What the event is about, the CloudEvents ``subject``: the invoice id for ``invoice.*``."""


@dataclass(slots=True)
class Event:
    """One fact with its envelope. Nobody changes one: to have that watched (``frozen``) would cost more than all else about
    making it, and one invoice makes a dozen."""

    id: UUID
    source: str
    time: datetime
    account: UUID
    data: Payload
    correlation_id: str | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None
    attempt: int = 1
    heard: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The CloudEvent it was read from, with what this release does not know of it."""
    carried: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """By field of ``data``, parts handed on from the event that caused it, as they were said there: what this release
    does not know of them goes on too, and nothing is written anew."""

    @property
    def type(self) -> str:
        return self.data.type

    @property
    def subject(self) -> str:
        return self.data.subject

    def again(self) -> Event:
        """The same event (same id), counted as tried once more."""
        return replace(self, attempt=self.attempt + 1)

    def traced(self, traceparent: str | None) -> Event:
        """The same event with a trace context."""
        # Spelled out: looking its fields up costs more than all else about an event that is passed on.
        return Event(
            self.id,
            self.source,
            self.time,
            self.account,
            self.data,
            self.correlation_id,
            self.causation_id,
            traceparent,
            self.attempt,
            self.heard,
            self.carried,
        )

    def as_said(self) -> bytes:
        """The CloudEvent as JSON bytes as whoever emitted it said it: how it was tried is no part of that."""
        if self.heard is None:
            return replace(self, attempt=1).encode()
        return orjson.dumps(
            {name: value for name, value in self.heard.items() if name not in (ATTEMPT, ALONE)}
        )

    def encode(self) -> bytes:
        """The CloudEvent as JSON bytes; absent attributes are left out."""
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "account": self.account,
        }
        if self.correlation_id is not None:
            event["correlationid"] = self.correlation_id
        if self.causation_id is not None:
            event["causationid"] = self.causation_id
        if self.traceparent is not None:
            event["traceparent"] = self.traceparent
        if self.attempt != 1:
            event[ATTEMPT] = self.attempt
        if self.carried:
            own = self.data.model_dump_json(exclude=set(self.carried)).encode()
            between = b"," if len(own) > len("{}") else b""
            event["data"] = orjson.Fragment(own[:-1] + between + orjson.dumps(self.carried)[1:])
        else:
            event["data"] = orjson.Fragment(self.data.model_dump_json())
        # The ids of rows are of a kind of their own, which orjson does not know for one of its.
        return orjson.dumps(event, default=str)


def new_event(
    data: Payload,
    *,
    source: str,
    account: UUID,
    cause: Event | None = None,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    time: datetime | None = None,
) -> Event:
    """A fresh event. With ``cause`` the correlation is taken over and the causation set."""
    return Event(
        id=clock.uuid7(),
        source=source,
        time=time or clock.now(),
        account=account,
        data=data,
        correlation_id=correlation_id or (cause.correlation_id if cause else None),
        causation_id=cause.id if cause else None,
        traceparent=traceparent,
        carried=_carried(data, cause) if cause and cause.heard else None,
    )


def _carried(data: Payload, cause: Event) -> Mapping[str, Any]:
    said, theirs = (cause.heard or {}).get("data") or {}, vars(cause.data)
    return {
        name: said[name]
        for name, value in vars(data).items()
        if value is not None and theirs.get(name) is value and name in said
    }


def from_attributes(raw: Mapping[str, Any], data: Payload, event_id: UUID | None = None) -> Event:
    """Rebuild the envelope of a decoded CloudEvent; ``event_id``: its id, read already. Raises ``KeyError`` or
    ``ValueError``."""
    cause = raw.get("causationid")
    return Event(
        id=event_id or of_text(raw["id"]),
        source=raw["source"],
        time=datetime.fromisoformat(raw["time"]),
        account=of_text(raw["account"]),
        data=data,
        correlation_id=raw.get("correlationid"),
        causation_id=of_text(cause) if cause else None,
        traceparent=raw.get("traceparent"),
        attempt=int(raw.get(ATTEMPT, 1)),
        heard=raw,
    )
