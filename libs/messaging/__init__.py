"""Messaging: events leave through the outbox, arrive through the inbox, and are never lost or doubled."""

from __future__ import annotations

from pathlib import Path

from libs.messaging import dead, inbox, outbox, redrive
from libs.messaging.amqp import AmqpTransport
from libs.messaging.consumer import Consumer
from libs.messaging.handler import AT_LEISURE, PROMPT, Decided, Handler, Pace, Plain
from libs.messaging.memory import MemoryTransport
from libs.messaging.relay import Relay
from libs.messaging.transport import Message, QueueMissing, Transport, TransportAway, Unroutable

MIGRATIONS = Path(__file__).parent / "migrations"
"""The first source of every service's migrations."""

__all__ = [
    "AT_LEISURE",
    "MIGRATIONS",
    "PROMPT",
    "AmqpTransport",
    "Consumer",
    "Decided",
    "Handler",
    "MemoryTransport",
    "Message",
    "Pace",
    "Plain",
    "QueueMissing",
    "Relay",
    "Transport",
    "TransportAway",
    "Unroutable",
    "dead",
    "inbox",
    "outbox",
    "redrive",
]
