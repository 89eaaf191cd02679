"""Packing and unpacking: one message carries 1..N events of one type as a CloudEvents JSON batch. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson

from libs.contracts.envelope import ALONE, Event
from libs.contracts.registry import UndecodableEvent, decode
from libs.ids import of_text
from libs.messaging.transport import Message

MOST_EVENTS = 200
MOST_BYTES = 256 * 1024
_NAMELESS = UUID("6f0f2d0e-7f4d-4c58-9f0a-6b1f0e1d9a55")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox row on its way out."""

    id: int
    exchange: str
    routing_key: str
    body: bytes
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Pack:
    """One message and the outbox rows in it."""

    message: Message
    ids: tuple[int, ...]


def pack(rows: Sequence[Waiting]) -> Iterator[Pack]:
    """Group rows by address, in order; a row bigger than a pack goes alone."""
    lanes: dict[tuple[str, str], list[Waiting]] = {}
    for row in rows:
        if row.alone:
            yield _pack([row])
            continue
        lane = lanes.setdefault((row.exchange, row.routing_key), [])
        if lane and (len(lane) >= MOST_EVENTS or sum(len(r.body) for r in lane) + len(row.body) > MOST_BYTES):
            yield _pack(lane)
            lane.clear()
        lane.append(row)
    for lane in lanes.values():
        if lane:
            yield _pack(lane)


def _pack(rows: Sequence[Waiting]) -> Pack:
    first = rows[0]
    return Pack(
        Message(
            exchange=first.exchange,
            routing_key=first.routing_key,
            body=b"[" + b",".join(row.body for row in rows) + b"]",
            message_id=f"{first.id}-{rows[-1].id}",
        ),
        tuple(row.id for row in rows),
    )


class Unread:
    """One element of a batch before anybody knows whether it can be read. ``body`` is given where it is no JSON,
    or at hand; elsewhere it is worked out when somebody keeps it, which is rare."""

    __slots__ = ("_body", "_named", "event_id", "raw")

    def __init__(self, body: bytes | None, raw: Any) -> None:
        self._body = body
        self.raw = raw
        own = self._id()
        self._named = own is not None
        self.event_id = own or uuid5(_NAMELESS, self.body.decode("utf-8", "replace"))
        """Its id; for what has none, one that follows from its bytes, so a repeat is still recognised."""

    def _id(self) -> UUID | None:
        try:
            return of_text(self.raw["id"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    @property
    def body(self) -> bytes:
        return orjson.dumps(self.raw) if self._body is None else self._body

    def attribute(self, name: str) -> str | None:
        value = self.raw.get(name) if self.is_object else None
        return str(value) if value is not None else None

    @property
    def is_object(self) -> bool:
        """Whether it has attributes at all."""
        return isinstance(self.raw, Mapping)

    @property
    def alone(self) -> bool:
        """Whether it is to be handled with nothing else in hand."""
        return self.is_object and self.raw.get(ALONE) is True

    @property
    def account(self) -> UUID | None:
        try:
            return UUID(self.attribute("account") or "")
        except ValueError:
            return None

    def read(self) -> Event:
        """Raises ``UndecodableEvent`` (or ``UnknownEvent``)."""
        return decode(self.raw, self.event_id if self._named else None)


def unpack(message: Message) -> list[Unread]:
    """The events of a message, not yet read. What is no batch at all is one unreadable event."""
    try:
        raw = orjson.loads(message.body)
    except orjson.JSONDecodeError:
        return [Unread(message.body, None)]
    if not isinstance(raw, list):
        return [Unread(message.body, raw)]
    if len(raw) == 1:
        return [Unread(message.body[1:-1].strip(), raw[0])]
    return [Unread(None, item) for item in raw]


def is_alone(body: bytes) -> bool:
    """Whether this event, as a row of an outbox has it, is to be handled with nothing else in hand."""
    return Unread(body, orjson.loads(body)).alone


__all__ = [
    "MOST_BYTES",
    "MOST_EVENTS",
    "Pack",
    "UndecodableEvent",
    "Unread",
    "Waiting",
    "is_alone",
    "pack",
    "unpack",
]
