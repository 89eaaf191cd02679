"""Runs services: their APIs, consumers, relays, schedules, listeners and workers, and stops them in order.

::

    start   relays ▸ background ▸ consumers ▸ schedules ▸ listeners, workers ▸ HTTP ▸ ready
    stop    not ready ▸ listeners closed, workers finish, HTTP takes nothing new and answers what it has
            ▸ consumers finish their batch, hand back the rest ▸ schedules ▸ background ▸ relays

What is in hand when the signal comes is finished; what is not is handed back. It takes at most
``drain_seconds``, less after a second signal: leaving early is safe, for whatever is unfinished then is
uncommitted or unacknowledged and comes again. Pools and transport belong to whoever made them and are closed
after this.

A part that ends by itself takes the process down, in the same order, with exit code 1 and the reason in the
log: an orchestrator restarts a dead process, but never finds a dead part.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import FastAPI

from libs import readiness
from libs.contracts.topology import TOPOLOGY
from libs.http import openapi
from libs.http.app import MAX_BODY, Readiness, create_app
from libs.http.principal import CachedAuthenticator
from libs.http.server import Server, listen
from libs.messaging import Consumer, Relay
from libs.schedules import Runner
from libs.service import Part, Resources, Service

ALL_PARTS: frozenset[Part] = frozenset({"api", "worker", "relay"})

DRAIN_SECONDS = 30.0
CLOSE_SECONDS = 2.0
"""What is still open after the drain's time is given this long."""

_log = structlog.get_logger(__name__)


@dataclass
class Running:
    """A running hub, for whoever started it in its own event loop."""

    port: int = 0
    listening: list[Any] = field(default_factory=list)
    """What each listener yielded on entering, in order; ingest's is its SMTP port."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    readiness: Readiness = field(default_factory=Readiness)


async def run(
    services: Sequence[Service],
    resources: Resources,
    parts: frozenset[Part] = ALL_PARTS,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    signals: bool = True,
    started: Callable[[Running], Awaitable[None] | None] | None = None,
    drain_seconds: float = DRAIN_SECONDS,
    grace_seconds: float = 0.0,
    max_body: int = MAX_BODY,
    health_port: int | None = None,
) -> int:
    """Run until a signal or ``Running.stop``. Returns the exit code: 0, or 1 when a part failed.

    ``port`` serves the API; where ``parts`` has none, ``health_port`` serves health and metrics alone, and None
    nothing. ``started`` is called once everything runs; what it awaits is cancelled when the process is to stop.
    With ``grace_seconds`` all goes on for that long after a signal while ``/readyz`` already says 503, so that
    a load balancer can turn away. Raises what made the start fail (a port in use, a database away), after
    stopping what ran already.
    """
    running = Running(readiness=Readiness(readiness.checks(services, resources, parts)))
    process = _Process(services, resources, parts, running, drain_seconds)
    with _on_signals(process.signalled) if signals else contextlib.nullcontext():
        try:
            await process.start(host, port if "api" in parts else health_port, max_body)
            _log.info(
                "started", services=[s.name for s in services], parts=sorted(parts), port=running.port or None
            )
            await process.until_stopped(started)
        finally:
            await process.stop(grace_seconds)
    _log.info("stopped", failed=process.failed)
    return 1 if process.failed else 0


@dataclass
class _Task:
    """A part that runs until told to stop."""

    task: asyncio.Task[None]
    stop: Callable[[], None]


class _Process:
    def __init__(
        self,
        services: Sequence[Service],
        resources: Resources,
        parts: frozenset[Part],
        running: Running,
        drain_seconds: float,
    ) -> None:
        self.failed = False
        self._services = services
        self._resources = resources
        self._parts = parts
        self._running = running
        self._drain_seconds = drain_seconds
        self._relays: list[_Task] = []
        self._consumers: list[_Task] = []
        self._schedules: list[_Task] = []
        self._http: list[_Task] = []
        # Entered and left by the task that calls run(): a context may hold a task group or a timeout.
        self._background = contextlib.AsyncExitStack()
        self._doors = contextlib.AsyncExitStack()
        self._deadline: asyncio.Timeout | None = None

    def signalled(self) -> None:
        if self._running.stop.is_set() and self._deadline is not None:
            _log.warning("asked to stop again: leaving now")
            self._deadline.reschedule(asyncio.get_running_loop().time())
        self._running.stop.set()

    # ------------------------------------------------------------------ start

    async def start(self, host: str, port: int | None, max_body: int) -> None:
        openapi.no_clash(
            {s.name: openapi.prefixes(s.api, s.openapi_extra_paths) for s in self._services if s.api}
        )
        if "relay" in self._parts:
            await self._start_relays()
        if self._parts & {"worker", "api"}:
            for service in self._services:
                for context in service.background:
                    await self._background.enter_async_context(context)
        if "worker" in self._parts:
            await self._start_consumers()
            for service in self._services:
                for schedule in service.schedules:
                    runner = Runner(schedule)
                    self._schedules.append(_begin(f"schedule {schedule.name}", runner.run(), runner.stop))
        for service in self._services:
            for listener in service.listeners if "api" in self._parts else ():
                self._running.listening.append(await self._doors.enter_async_context(listener))
            for worker in service.workers if "worker" in self._parts else ():
                await self._doors.enter_async_context(worker)
        if port is not None:
            await self._start_http(host, port, max_body)

    async def _start_relays(self) -> None:
        for service in self._services:
            # Whoever only consumes has an outbox too: retries leave through it.
            if service.emits or service.consumers:
                pool = await self._resources.pools.get(service.name, "worker")
                relay = Relay(
                    pool, self._resources.transport, TOPOLOGY, schema=service.name, emits=service.emits,
                    share=service.share,
                )  # fmt: skip
                service.wake.connect(relay.wake)
                self._relays.append(_begin(f"relay {service.name}", relay.run(), relay.stop))

    async def _start_consumers(self) -> None:
        for service in self._services:
            for handler in service.consumers:
                pool = await self._resources.pools.get(service.name, "worker")
                consumer = Consumer(
                    handler,
                    pool,
                    self._resources.transport,
                    schema=service.name,
                    wake=service.wake,
                    rounds=self._resources.rounds,
                )
                self._consumers.append(_begin(f"consumer {handler.queue}", consumer.run(), consumer.stop))

    async def _start_http(self, host: str, port: int, max_body: int) -> None:
        listening = listen(host, port)
        self._running.port = listening.getsockname()[1]
        served = self._services if "api" in self._parts else ()
        app = app_of(served, self._resources, self._running.readiness, max_body=max_body)
        server = Server(app, finish_seconds=self._drain_seconds / 2)
        serving = _begin("http", server.serve(sockets=[listening]), server.leave)
        self._http.append(serving)
        await server.until_started(serving.task)

    # ------------------------------------------------------------------ run

    async def until_stopped(self, started: Callable[[Running], Awaitable[None] | None] | None) -> None:
        parts = {part.task for part in self._parts_running()}
        waiting = asyncio.create_task(self._running.stop.wait(), name="stop")
        telling = asyncio.create_task(self._tell(started), name="started")
        ends: set[asyncio.Task[Any]] = {waiting, *parts}
        try:
            await asyncio.wait({telling, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                await telling
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                self._look_at(parts)
        finally:
            waiting.cancel()
            telling.cancel()
            await asyncio.gather(waiting, telling, return_exceptions=True)

    async def _tell(self, started: Callable[[Running], Awaitable[None] | None] | None) -> None:
        answer = started(self._running) if started is not None else None
        if answer is not None:
            await answer

    def _parts_running(self) -> list[_Task]:
        return [*self._http, *self._consumers, *self._schedules, *self._relays]

    def _look_at(self, tasks: set[asyncio.Task[None]], *, told_to_stop: bool = False) -> None:
        """Note which of these ended by themselves, or badly."""
        for task in tasks:
            if not task.done():
                continue
            # Cancelled by nobody here is as bad as failed: a library's own cancellation got through.
            error = None if task.cancelled() else task.exception()
            if error is not None or not told_to_stop:
                self.failed = True
                _log.error("a part ended by itself", part=task.get_name(), exc_info=error)

    # ------------------------------------------------------------------ stop

    async def stop(self, grace_seconds: float) -> None:
        self._running.readiness.draining = True
        known_dead = {part.task for part in self._parts_running() if part.task.done()}
        if grace_seconds and not self.failed:
            await asyncio.sleep(grace_seconds)
        try:
            async with asyncio.timeout(self._drain_seconds) as self._deadline:
                await self._drain()
        except TimeoutError:
            _log.warning("the drain took too long: leaving", seconds=self._drain_seconds)
            await self._abandon()
        self._look_at({part.task for part in self._parts_running()} - known_dead, told_to_stop=True)

    async def _drain(self) -> None:
        for http in self._http:
            http.stop()
        await self._doors.aclose()
        for parts in (self._http, self._consumers, self._schedules):
            await _finish(parts)
        await self._background.aclose()
        await _finish(self._relays)

    async def _abandon(self) -> None:
        tasks = [part.task for part in self._parts_running()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stack in (self._doors, self._background):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await stack.aclose()


def app_of(
    services: Sequence[Service], resources: Resources, ready: Readiness, *, max_body: int = MAX_BODY
) -> FastAPI:
    """The HTTP app of these services. Where the credentials are kept in this process, nobody is asked."""
    own = next((s.identity for s in services if s.identity is not None), None)
    return create_app(
        [s.api for s in services if s.api is not None],
        title=f"Postbode {services[0].name}" if len(services) == 1 else "Postbode",
        identity=CachedAuthenticator(own) if own else resources.identity,
        readiness=ready,
        max_body=max_body,
        larger_bodies={path: most for s in services for path, most in s.larger_bodies.items()},
        openapi_extra_paths={path: item for s in services for path, item in s.openapi_extra_paths.items()},
    )


def _begin(name: str, work: Coroutine[Any, Any, None], stop: Callable[[], None]) -> _Task:
    return _Task(asyncio.create_task(work, name=name), stop)


async def _finish(parts: Sequence[_Task]) -> None:
    for part in parts:
        part.stop()
    await asyncio.gather(*(part.task for part in parts), return_exceptions=True)


@contextlib.contextmanager
def _on_signals(handler: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
