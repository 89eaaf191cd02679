"""Every error is a problem document with a stable code, and shows nothing of the inside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import structlog
from opentelemetry.trace import StatusCode

from libs.errors import HubError, Refusal, Unavailable
from libs.http import problems
from libs.testing.spans import recording


def _every(kind: type[HubError]) -> set[type[HubError]]:
    return {kind}.union(*(_every(each) for each in kind.__subclasses__() if each.__module__ == "libs.errors"))


def check(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == problems.MEDIA_TYPE
    body: dict[str, Any] = reply.json()
    assert body["type"] == f"/problems/{code}"
    assert body["code"] == code
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["words"].keys() == {"nl", "en"}
    assert body["words"]["nl"] != body["words"]["en"]
    assert all(body["words"].values())
    assert body["trace_id"] == reply.headers["traceresponse"][3:35]
    return body


async def test_a_refusal_adds_its_own_members_and_cannot_replace_the_others(http: httpx.AsyncClient) -> None:
    body = check(await http.get("/v1/errors/unprocessable"), 422, "not-xml")
    assert body["line"] == 3
    assert body["words"] == {"nl": "Nee", "en": "No"}
    assert body["detail"] == "line 3 is no invoice"
    assert body["title"] == "Unprocessable Content"


async def test_who_you_are_and_what_you_may(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/items", json={"number": 1})
    assert "name and password" in check(reply, 401, "unauthenticated")["words"]["en"]
    assert reply.headers["www-authenticate"] == 'Bearer realm="postbode"'
    reply = await http.post("/v1/items", json={"number": 1}, headers={"Authorization": "Bearer reader"})
    refused = check(reply, 403, "forbidden")
    assert refused["scope"] == "invoice:write"
    assert all("invoice:write" in said for said in refused["words"].values())
    assert 'error="insufficient_scope", scope="invoice:write"' in reply.headers["www-authenticate"]
    for either in ("Bearer writer", "Bearer operator"):
        reply = await http.post("/v1/items", json={"number": 1}, headers={"Authorization": either})
        assert reply.status_code == 201
    reply = await http.post("/v1/items", json={"number": 1}, headers={"Authorization": "Bearer away"})
    check(reply, 503, "identity-away")


@pytest.mark.parametrize(("kind", "status", "seconds"), [("too-many", 429, "7"), ("unavailable", 503, "5")])
async def test_when_to_come_back(http: httpx.AsyncClient, kind: str, status: int, seconds: str) -> None:
    reply = await http.get(f"/v1/errors/{kind}")
    assert reply.status_code == status
    assert reply.headers["retry-after"] == seconds


@pytest.mark.parametrize("kind", ["connection", "shutdown", "timeout"])
async def test_a_database_that_is_away_is_not_a_fault(http: httpx.AsyncClient, kind: str) -> None:
    reply = await http.get(f"/v1/errors/{kind}")
    check(reply, 503, "unavailable")
    assert "10.0.0.7" not in reply.text


async def test_a_value_the_database_cannot_hold_is_the_callers_to_mend(http: httpx.AsyncClient) -> None:
    body = check(await http.get("/v1/errors/value"), 422, "invalid-value")
    assert set(body["words"]) == {"nl", "en"}
    assert "0x00" not in str(body)


@pytest.mark.parametrize(("kind", "hidden"), [("unexpected", "hunter2"), ("inside", "10.0.0.7")])
async def test_nothing_of_the_inside_is_shown(
    http: httpx.AsyncClient, kind: str, hidden: str, log: list[structlog.typing.EventDict]
) -> None:
    with recording(0) as spans:
        reply = await http.get(f"/v1/errors/{kind}")
    body = check(reply, 500, "internal")
    assert hidden not in reply.text
    # But we know: the error in the log and a span, in the trace the caller can name.
    assert any(entry["log_level"] == "error" and "exc_info" in entry for entry in log)
    (failure,) = spans.spans
    assert failure.status.status_code is StatusCode.ERROR
    assert f"{failure.context.trace_id:032x}" == body["trace_id"]


async def test_fields_are_named_and_what_was_sent_is_not_sent_back(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/open", json={"number": "4711-geheim"})
    body = check(reply, 422, "invalid-request")
    assert body["fields"][0]["field"] == "number"
    assert body["fields"][0]["in"] == "body"
    assert body["fields"][0]["words"]["nl"].startswith("moet een geheel getal zijn")
    assert "geheim" not in reply.text


async def test_what_is_not_json_is_bad_input(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/open", content=b"{", headers={"Content-Type": "application/json"})
    check(reply, 400, "not-json")


@pytest.mark.parametrize("error", _every(Refusal) | {Unavailable}, ids=lambda error: error.__name__)
def test_every_error_a_caller_may_see_has_words_of_its_own(error: type[HubError]) -> None:
    assert error.dutch
    assert error().words == {"nl": error.dutch, "en": error().message}
    assert error("What now.", nl="Wat nu.").words == {"nl": "Wat nu.", "en": "What now."}
    # Half a translation is none: then both languages say what the class says.
    assert error("What now.").words == error().words


async def test_unknown_paths_and_methods(http: httpx.AsyncClient) -> None:
    assert "/v1/nothing" in check(await http.get("/v1/nothing"), 404, "not-found")["detail"]
    reply = await http.delete("/v1/plain/x")
    check(reply, 405, "method-not-allowed")
    assert "POST" in reply.headers["allow"]


async def test_too_many_fields_do_not_make_a_long_answer(http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/items", params={"limit": 201, "after": "x" * 501})
    assert {field["field"] for field in check(reply, 422, "invalid-request")["fields"]} == {"limit", "after"}


async def test_a_browser_that_is_lost_gets_a_page_and_a_program_a_problem(http: httpx.AsyncClient) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = await http.get("/no<where>", headers=browser)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in page.text
    assert "where" not in page.text
    for path, headers in (("/nowhere", {}), ("/v1/nowhere", browser)):
        assert (await http.get(path, headers=headers)).json()["code"] == "not-found"
    assert (await http.post("/nowhere", headers=browser)).json()["code"] == "not-found"
