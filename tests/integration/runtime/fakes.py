"""Parts that write down when they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from libs import runtime
from libs.http.principal import Principal
from libs.service import Resources, Service


@dataclass
class Stage:
    """What happened, in order, and how the parts of this test behave."""

    said: list[str] = field(default_factory=list)
    slow_batch: float = 0.0
    stubborn: bool = False
    """The consumer does not stop when told to."""
    dies: str = ""
    """The part that ends by itself."""
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the request under way is answered."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the part named in ``dies`` does."""

    def say(self, what: str) -> None:
        self.said.append(what)


class Part:
    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        self._stage.say(f"{self._name} runs")
        if self._stage.dies == self._name:
            await self._stage.ends.wait()
            raise RuntimeError(f"{self._name} is broken")
        await self._stopping.wait()
        if self._name == "consumer":
            if self._stage.stubborn:
                await asyncio.sleep(3600)
            await asyncio.sleep(self._stage.slow_batch)
        self._stage.say(f"{self._name} ended")

    def stop(self) -> None:
        self._stage.say(f"{self._name} told to stop")
        self._stopping.set()

    def wake(self) -> None:
        self._stage.say(f"{self._name} woken")


class Pools:
    async def get(self, schema: str, role: str) -> Any:
        return self

    async def execute(self, query: str) -> str:
        return "SELECT 1"

    async def fetch(self, query: str) -> list[Any]:
        return []


class Nobody:
    async def authenticate(self, authorization: str | None) -> Principal:
        raise AssertionError("nobody is asked here")


@dataclass
class Handler:
    queue: str = "fake.queue"


def install(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Let the runtime make these parts instead of real ones."""
    monkeypatch.setattr(runtime, "Relay", lambda *_, **__: Part(stage, "relay"))
    monkeypatch.setattr(runtime, "Consumer", lambda *_, **__: Part(stage, "consumer"))
    monkeypatch.setattr(runtime, "Runner", lambda _: Part(stage, "schedule"))


def resources() -> Resources:
    return Resources(
        transport=cast("Any", None),
        pools=cast("Any", Pools()),
        documents=cast("Any", None),
        identity=Nobody(),
        base_url="",
    )


@contextlib.asynccontextmanager
async def spoken(stage: Stage, name: str, entered: Any = None) -> AsyncIterator[Any]:
    """A listener or background worker. It holds a timeout, which only its own task may leave."""
    async with asyncio.timeout(3600):
        stage.say(f"{name} entered")
        yield entered
        stage.say(f"{name} left")


def service(stage: Stage, name: str = "fake", **changes: Any) -> Service:
    router = APIRouter()

    async def slow(request: Request) -> Response:
        stage.say("request")
        stage.arrived.set()
        await stage.answer.wait()
        stage.say("answered")
        return Response("done")

    router.add_route(f"/v1/{name}", slow, methods=["GET"])
    parts: dict[str, Any] = {
        "migrations": None,
        "api": router,
        "consumers": (Handler(),),
        "emits": ("fake.happened.v1",),
        "schedules": (cast("Any", type("S", (), {"name": "s"})()),),
        "listeners": (spoken(stage, "listener", 2525),),
        "workers": (spoken(stage, "worker"),),
        "background": (spoken(stage, "background"),),
        **changes,
    }
    return Service(name=name, **parts)


def url(running: runtime.Running, path: str) -> str:
    return f"http://127.0.0.1:{running.port}{path}"


def browser() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=10)
