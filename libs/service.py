"""The shape every service has, so that serve, solo and the tests run the same thing.

``await services.<name>.app.build(settings, resources)`` returns a ``Service``. ``serve`` runs parts of one,
solo runs all of all, a test runs one. Only ``app.py`` wires; nothing else builds resources.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from libs.contracts.topology import Rounds

if TYPE_CHECKING:
    from fastapi import APIRouter

    from libs.db.migrate import Migrations
    from libs.db.pools import Pools
    from libs.documents.store import DocumentStore
    from libs.http.principal import Authenticator
    from libs.messaging.handler import Handler
    from libs.messaging.transport import Transport


Part: TypeAlias = Literal["api", "worker", "relay"]
"""``api`` is HTTP and listeners, ``worker`` consumers, schedules and workers, ``relay`` the outbox. Background runs
beside both ``api`` and ``worker``."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something done again and again, ``every`` so often; one run at a time, errors logged and counted."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


class Wake:
    """Call it after a commit that emitted events: the relay of this process need not wait for its poll."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def connect(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def __call__(self) -> None:
        for listener in self._listeners:
            listener()


@dataclass(frozen=True, slots=True)
class Resources:
    """What a service is given: the shared infrastructures, already started."""

    transport: Transport
    pools: Pools
    documents: DocumentStore
    identity: Authenticator
    base_url: str
    """Where people reach the public APIs, without a trailing slash; printed in mails and links."""
    rounds: Rounds = field(default_factory=Rounds)
    """Of events the broker gave up on."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service, built."""

    name: str
    migrations: Migrations | None
    """None: a service that keeps nothing (portal)."""
    api: APIRouter | None = None
    consumers: Sequence[Handler[Any, Any]] = ()
    emits: Sequence[str] = ()
    """Event types this service's relay publishes, such as ``invoice.received.v1``; the relay refuses to
    start while a queue that one of them must reach is missing."""
    share: float = 0
    """Events a second that its relay sends on of one account while others are about; 0: no bound."""
    schedules: Sequence[Schedule] = ()
    listeners: Sequence[AbstractAsyncContextManager[Any]] = field(default=())
    """Servers other than HTTP (ingest: SMTP), where the API is served: entered at start, left first at shutdown,
    while HTTP stops taking."""
    workers: Sequence[AbstractAsyncContextManager[Any]] = field(default=())
    """Long-running work beside the consumers (deliver: dispatcher, sync: runner): entered and left like
    listeners. Not where only the API is served: those who answer reach neither receivers nor books."""
    background: Sequence[AbstractAsyncContextManager[Any]] = field(default=())
    """What requests and listeners lean on (ingest: the group commit): entered before them, left when the
    last of them is done."""
    openapi_extra_paths: Mapping[str, Any] = field(default_factory=dict)
    """OpenAPI path items of plain Starlette routes of ``api``, which FastAPI cannot describe."""
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    """Bytes of a body at paths that take more than others, and do not hold it in memory."""
    checks: Mapping[Part, Mapping[str, Callable[[], Awaitable[None]]]] = field(default_factory=dict)
    """What a part of this service needs beside database and broker before it should get work: each raises what is
    wrong."""
    identity: Authenticator | None = None
    """Set by the one service that keeps the credentials: in its process nobody asks over HTTP."""
    wake: Wake = field(default_factory=Wake)
    """The runtime connects it to this service's relay."""
