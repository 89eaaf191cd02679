"""Runs services: their APIs, consumers, relays, schedules and listeners, and stops them in order.

::

    start   pools ▸ relays ▸ consumers ▸ schedules ▸ listeners ▸ HTTP ▸ ready
    stop    not ready ▸ listeners ▸ HTTP ▸ consumers ▸ schedules ▸ relays      (SIGTERM, SIGINT)

What is in hand when the signal comes is finished; what is not is handed back. A part that ends by itself
takes the process down with exit code 1 and the reason in the log: an orchestrator restarts a dead process,
but never finds a dead part.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import structlog
import uvicorn

from libs.contracts.topology import TOPOLOGY
from libs.http.app import Readiness, create_app
from libs.http.principal import CachedAuthenticator
from libs.messaging import Consumer, Relay
from libs.service import Resources, Schedule, Service

Part = Literal["api", "worker", "relay"]
ALL_PARTS: frozenset[Part] = frozenset({"api", "worker", "relay"})
"""``worker`` is consumers, schedules and listeners; ``api`` includes ingest's listeners."""

DRAIN_SECONDS = 30.0
S = TypeVar("S")
_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the runtime decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Running:
    """A running hub, for whoever started it in its own event loop."""

    port: int = 0
    listening: list[Any] = field(default_factory=list)
    """What each listener yielded on entering, in order; ingest's is its SMTP port."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)


async def run(
    services: Sequence[Service],
    resources: Resources,
    parts: frozenset[Part] = ALL_PARTS,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    signals: bool = True,
    started: Callable[[Running], Awaitable[None] | None] | None = None,
) -> int:
    """Run until a signal or ``Running.stop``. Returns the exit code: 0, or 1 when a part failed."""
    running = Running()
    if signals:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.stop.set)
    readiness = Readiness({"database": _database_check(resources, services)})
    relays = await _relays(services, resources) if "relay" in parts else []
    consumers = await _consumers(services, resources) if "worker" in parts else []
    schedules = [s for service in services for s in service.schedules] if "worker" in parts else []
    tasks = {asyncio.create_task(relay.run(), name="relay") for relay in relays}
    tasks |= {asyncio.create_task(consumer.run(), name="consumer") for consumer in consumers}
    clocks = {asyncio.create_task(_repeat(s), name=f"schedule {s.name}") for s in schedules}
    server, serving = None, None
    listeners = contextlib.AsyncExitStack()
    try:
        for service in services:
            # A listener belongs to whoever answers from outside or works in the background.
            if parts & {"worker", "api"}:
                for listener in service.listeners:
                    running.listening.append(await listeners.enter_async_context(listener))
        if "api" in parts:
            listening = socket.create_server((host, port), reuse_port=False, backlog=2048)
            running.port = listening.getsockname()[1]
            server = _server(services, resources, readiness)
            serving = asyncio.create_task(server.serve(sockets=[listening]), name="http")
            tasks.add(serving)
            await _until_serving(server, serving)
        if started is not None:
            answer = started(running)
            if answer is not None:
                await answer
        return await _until_stopped(running.stop, tasks | clocks)
    finally:
        readiness.draining = True
        await _drain(listeners, server, serving, consumers, relays, tasks, clocks)


async def _until_serving(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    # uvicorn offers a flag and no event.
    while not server.started and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _until_stopped(stop: asyncio.Event, tasks: set[asyncio.Task[None]]) -> int:
    waiting = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    dead = done - {waiting}
    for task in dead:
        _log.error("a part ended by itself", part=task.get_name(), exc_info=task.exception())
    return 1 if dead else 0


async def _drain(
    listeners: contextlib.AsyncExitStack,
    server: uvicorn.Server | None,
    serving: asyncio.Task[None] | None,
    consumers: Sequence[Consumer[Any, Any]],
    relays: Sequence[Relay],
    tasks: set[asyncio.Task[None]],
    clocks: set[asyncio.Task[None]],
) -> None:
    async def in_order() -> None:
        if server is not None and serving is not None:
            server.should_exit = True
            await asyncio.wait({serving})
        await listeners.aclose()
        for clock in clocks:
            clock.cancel()
        await asyncio.gather(*clocks, return_exceptions=True)
        for consumer in consumers:
            consumer.stop()
        await asyncio.gather(*(t for t in tasks if t.get_name() == "consumer"), return_exceptions=True)
        for relay in relays:
            relay.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        await asyncio.wait_for(in_order(), DRAIN_SECONDS)
    except TimeoutError:
        # Safe to leave: whatever is unfinished is uncommitted or unacknowledged, and comes again.
        _log.warning("drain took too long, leaving", seconds=DRAIN_SECONDS)
    for task in (*tasks, *clocks):
        task.cancel()
    await asyncio.gather(*tasks, *clocks, return_exceptions=True)


def _server(services: Sequence[Service], resources: Resources, readiness: Readiness) -> uvicorn.Server:
    own = next((s.identity for s in services if s.identity is not None), None)
    app = create_app(
        [s.api for s in services if s.api is not None],
        title="Postbode" if len(services) > 1 else f"Postbode {services[0].name}",
        identity=CachedAuthenticator(own) if own else resources.identity,
        readiness=readiness,
    )
    return _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False,
            timeout_graceful_shutdown=10, timeout_keep_alive=30,
        )
    )  # fmt: skip


def _talks(service: Service) -> bool:
    """Whether a service has an outbox: any that emits or consumes (retries leave through it too)."""
    return bool(service.emits or service.consumers)


async def _relays(services: Sequence[Service], resources: Resources) -> list[Relay]:
    relays = []
    for service in filter(_talks, services):
        pool = await resources.pools.get(service.name, "worker")
        relay = Relay(pool, resources.transport, TOPOLOGY, schema=service.name, emits=service.emits)
        service.wake.connect(relay.wake)
        relays.append(relay)
    return relays


async def _consumers(services: Sequence[Service], resources: Resources) -> list[Consumer[Any, Any]]:
    return [
        Consumer(
            handler,
            await resources.pools.get(service.name, "worker"),
            resources.transport,
            schema=service.name,
            wake=service.wake,
        )
        for service in services
        for handler in service.consumers
    ]


async def _repeat(schedule: Schedule) -> None:
    """One run at a time. A run that fails is logged; the next one comes all the same."""
    seconds = schedule.every.total_seconds()
    while True:
        (result,) = await asyncio.gather(schedule.run(), return_exceptions=True)
        if isinstance(result, asyncio.CancelledError):
            raise result
        if isinstance(result, BaseException):
            _log.error("schedule failed", schedule=schedule.name, exc_info=result)
        # Jitter keeps replicas from doing the same thing at the same instant.
        await asyncio.sleep(seconds * random.uniform(0.9, 1.1))  # noqa: S311


def _database_check(resources: Resources, services: Sequence[Service]) -> Callable[[], Awaitable[None]]:
    names = [s.name for s in services if s.migrations is not None]

    async def check() -> None:
        for name in names[:1]:
            await (await resources.pools.get(name, "worker")).execute("SELECT 1")

    return check
