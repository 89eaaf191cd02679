"""Readiness: by name, within a time, at once when draining."""

from __future__ import annotations

import asyncio

import pytest

from libs.errors import Unavailable
from libs.http.app import Readiness
from tests.unit.http.sample import client, never


async def fine() -> None:
    pass


async def broken() -> None:
    raise Unavailable("postgres://admin:hunter2@db is away")


async def test_ready_when_every_check_passes() -> None:
    async with client(Readiness({"database": fine})) as http:
        reply = await http.get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "failing": {}})


async def test_what_fails_is_named_without_its_secrets() -> None:
    readiness = Readiness({"database": broken, "broker": never, "fine": fine}, seconds=0.05)
    async with client(readiness) as http:
        reply = await http.get("/readyz")
        assert (await http.get("/livez")).status_code == 200
    assert reply.status_code == 503
    assert reply.json()["failing"] == {"database": "Unavailable", "broker": "TimeoutError"}
    assert "hunter2" not in reply.text


async def test_draining_says_no_without_asking() -> None:
    readiness = Readiness({"broker": never}, draining=True, seconds=60)
    async with client(readiness) as http:
        reply = await asyncio.wait_for(http.get("/readyz"), 1)
    assert reply.status_code == 503
    assert reply.json()["failing"] == {"process": "draining"}


async def test_metrics_are_prometheus_text() -> None:
    async with client() as http:
        reply = await http.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert "# TYPE" in reply.text


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_machines_paths_are_in_no_openapi(path: str) -> None:
    async with client() as http:
        assert path not in (await http.get("/openapi.json")).json()["paths"]
