"""A plain route that is reached by the short way is like any other to whoever calls it."""

from __future__ import annotations

import httpx
import pytest
import structlog

from libs.http.shortcut import plain
from tests.unit.http.sample import ERRORS, EXTRA, router


def test_the_short_way_leads_to_described_plain_routes_without_parameters_alone() -> None:
    assert set(plain([router()], EXTRA)) == {("POST", "/v1/short")}


@pytest.mark.parametrize("kind", sorted(ERRORS))
async def test_errors_are_the_same_problems_as_by_the_usual_way(http: httpx.AsyncClient, kind: str) -> None:
    short = await http.post("/v1/short", content=kind)
    usual = await http.get(f"/v1/errors/{kind}")
    assert short.status_code == usual.status_code
    assert short.headers["content-type"] == usual.headers["content-type"] == "application/problem+json"
    trace = {"trace_id": ""}
    assert short.json() | trace == usual.json() | trace
    changing = {"x-request-id", "traceresponse"}
    assert [pair for pair in short.headers.items() if pair[0] not in changing] == [
        pair for pair in usual.headers.items() if pair[0] not in changing
    ]


async def test_it_is_named_by_its_route(
    http: httpx.AsyncClient, log: list[structlog.typing.EventDict]
) -> None:
    assert (await http.post("/v1/short?secret=1", content=b"four")).json() == {"bytes": 4}
    (line,) = [each for each in log if each["event"] == "request"]
    assert (line["route"], line["status"]) == ("/v1/short", 202)


async def test_other_methods_are_refused_as_everywhere(http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/short")
    assert (reply.status_code, reply.json()["code"]) == (405, "method-not-allowed")
