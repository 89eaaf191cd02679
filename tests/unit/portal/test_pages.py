"""The pages against an API that is played here: what they show, and what they keep out."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import orjson
import pytest
import structlog
from starlette.requests import Request

from libs.http.app import create_app
from libs.http.principal import Authenticator
from libs.testing.spans import recording
from services.portal.hub import Hub
from services.portal.pages import Pages
from services.portal.sessions import REMEMBERED, Sessions

KEY = "pb_live_abc_secret"
TOKEN = "pb_sess_abc_token"
INVOICE = UUID("01a1fc1b-8bf5-7cec-8c81-e1767357795a")
BASIC = "Basic " + base64.b64encode(b"a@b.example: twaalf tekens of meer").decode()
EVIL = "<script>alert(1)</script>\"'&"


def words(text: str) -> dict[str, str]:
    return {"nl": f"{text} nl", "en": f"{text} en"}


def item(**more: Any) -> dict[str, Any]:
    return {
        "invoice_id": str(INVOICE), "status": "parked", "label": words("geparkeerd"), "reason": words(EVIL),
        "number": EVIL, "issue_date": "2026-11-02", "sender": EVIL, "receiver": EVIL, "filename": EVIL,
        "axes": {}, "received_at": "2026-11-03T09:01:00Z", "updated_at": "2026-11-03T09:05:00Z", **more,
    }  # fmt: skip


def detail() -> dict[str, Any]:
    finding = {
        "rule": "BR-1", "severity": "fatal", "line": 12, "seen": EVIL, "expected": None, "hint": None,
        "message": words(EVIL), "terms": [], "xpath": "",
    }  # fmt: skip
    moment = {
        "event_id": str(UUID(int=1)), "type": "invoice.rejected.v1", "label": words("Afgekeurd"),
        "words": words(EVIL), "at": "2026-11-03T09:02:00Z", "recorded_at": "2026-11-03T09:02:01Z",
        "source": "/postbode/validate", "axis": "validation", "sequence": 1, "value": "invalid",
        "channel": None, "receiver": None, "attempt": None, "proof": EVIL, "findings": [finding], "trace_id": None,
    }  # fmt: skip
    steps = [
        {"step": "received", "label": words("ontvangen"), "at": "2026-11-03T09:01:00Z"},
        {"step": "imported", "label": words("geïmporteerd"), "at": None},
    ]
    return item(steps=steps, timeline=[moment], trace_id="4bf9")


class Api:
    """The public APIs, played. Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.next: str | None = None
        self.status: int | None = None
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.away:
            raise httpx.ConnectError("away")
        if self.status is not None:
            return httpx.Response(self.status, json={"code": "x"})
        credentials = request.headers.get("authorization")
        if request.url.path == "/v1/accounts/links":
            used = orjson.loads(request.content)
            short = len(used["password"]) < 12
            status = 422 if short else 200 if used["token"] == "pb_link_1" else 404
            return httpx.Response(status, json={"user_name": "a@b.example"})
        if request.method == "POST" and credentials in (f"Bearer {KEY}", BASIC):
            assert request.url.path == "/v1/sessions"
            return httpx.Response(201, json={"token": TOKEN})
        if credentials != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"code": "unauthenticated"})
        if request.method == "DELETE":
            # Other services remember the caller for a while: this one goes on taking the token.
            assert request.url.path == "/v1/sessions/current"
            return httpx.Response(204)
        if request.url.path == "/v1/invoices":
            return httpx.Response(200, json={"invoices": [item()], "next": self.next})
        if request.url.path == f"/v1/invoices/{INVOICE}":
            return httpx.Response(200, json=detail())
        return httpx.Response(404, json={"code": "not-found"})


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with Hub("http://hub.example", transport=httpx.MockTransport(api)) as hub:
        app = create_app(
            [Pages(hub, Sessions(lasts=timedelta(hours=1), secure=False), page_size=25).router()],
            title="portal",
            identity=cast("Authenticator", None),
        )
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.example") as client:
            yield client


@pytest.fixture
async def signed_in(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    reply = await browser.post("/login", data={"key": KEY})
    assert (reply.status_code, reply.headers["location"]) == (303, "/invoices")
    return browser


def cookie_of(reply: httpx.Response) -> str:
    return next(c for c in reply.headers.get_list("set-cookie") if c.startswith("postbode="))


async def test_the_cookie_holds_the_session_and_never_the_key(browser: httpx.AsyncClient, api: Api) -> None:
    cookie = cookie_of(await browser.post("/login", data={"key": f"  {KEY} "}))
    assert cookie.startswith(f"postbode={TOKEN};")
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=3600"} <= set(cookie.split("; "))
    assert orjson.loads(api.asked[-1].content) == {"seconds": 3600, "scopes": ["invoice:read"]}


async def test_over_https_the_cookie_is_bound_to_host_and_https(api: Api) -> None:
    secure = Sessions(lasts=timedelta(hours=1), secure=True)
    async with Hub("http://hub.example", transport=httpx.MockTransport(api)) as hub:
        app = create_app([Pages(hub, secure, 25).router()], title="p", identity=cast("Authenticator", None))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://portal.example") as client:
            reply = await client.post("/login", data={"key": KEY})
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("__Host-postbode=")
    assert "Secure" in cookie.split("; ")


@pytest.mark.parametrize("token", ["", "nonsense", KEY, "pb_sess_" + "x" * 200])
async def test_a_cookie_that_is_not_ours_is_no_sign_in(
    browser: httpx.AsyncClient, api: Api, token: str
) -> None:
    reply = await browser.get("/invoices", headers={"Cookie": f"postbode={token}"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/?next=/invoices")
    assert api.asked == []


async def test_a_session_that_is_over_leads_to_the_form(browser: httpx.AsyncClient) -> None:
    reply = await browser.get("/invoices", headers={"Cookie": "postbode=pb_sess_old_token"})
    assert reply.status_code == 401
    assert "Uw sessie is voorbij" in reply.text
    assert 'postbode=""' in cookie_of(reply)


async def test_signing_out_ends_the_session_also_for_who_kept_the_cookie(
    signed_in: httpx.AsyncClient, api: Api
) -> None:
    kept = {"Cookie": f"postbode={TOKEN}"}
    assert (await signed_in.get("/invoices", headers=kept)).status_code == 200
    await signed_in.post("/logout")
    assert api.asked[-1].method == "DELETE"
    assert (await signed_in.get("/invoices", headers=kept)).status_code == 303


async def test_a_token_that_ended_is_refused_for_longer_than_services_remember() -> None:
    now = 0.0
    sessions = Sessions(lasts=timedelta(hours=1), secure=False, time=lambda: now)

    def opens(token: str) -> bool:
        cookies = [(b"cookie", f"postbode={token}".encode())]
        return sessions.token(Request({"type": "http", "headers": cookies})) is not None

    sessions.end("pb_sess_a")
    sessions.end("pb_sess_a")
    now = REMEMBERED
    sessions.end("pb_sess_b")
    assert (opens("pb_sess_a"), opens("pb_sess_b"), opens("pb_sess_c")) == (False, False, True)
    now = REMEMBERED + 1
    sessions.end("pb_sess_c")
    assert (opens("pb_sess_a"), len(sessions._ended)) == (True, 2)


async def test_signing_out_that_fails_says_so(signed_in: httpx.AsyncClient, api: Api) -> None:
    api.away = True
    reply = await signed_in.post("/logout")
    assert (reply.status_code, "nog ingelogd" in reply.text) == (503, True)
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="key"; filename="k"\r\n\r\nk\r\n--x--\r\n',
        ),
    ],
)
async def test_a_form_that_is_broken_is_told_on_a_page(
    browser: httpx.AsyncClient, kind: str, body: bytes
) -> None:
    reply = await browser.post("/login", content=body, headers={"Content-Type": kind})
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.status_code in (400, 422)
    assert 'name="key"' in reply.text


async def test_a_wrong_key_is_told_and_not_kept(browser: httpx.AsyncClient) -> None:
    reply = await browser.post("/login", data={"key": "pb_live_no", "next": f"/invoices/{INVOICE}"})
    assert reply.status_code == 401
    assert "niet geldig" in reply.text
    assert "set-cookie" not in reply.headers
    assert f'value="/invoices/{INVOICE}"' in reply.text
    assert "pb_live_no" not in reply.text


@pytest.mark.parametrize("key", ["", " ", "x" * 500, "pb_live_\x00", "sleutel€", "a\r\nHost: evil"])
async def test_what_cannot_be_a_key_is_not_even_asked(browser: httpx.AsyncClient, api: Api, key: str) -> None:
    assert (await browser.post("/login", data={"key": key})).status_code == 422
    assert api.asked == []


async def test_a_key_that_may_not_read_says_which_right_it_lacks(
    browser: httpx.AsyncClient, api: Api
) -> None:
    api.status = 403
    reply = await browser.post("/login", data={"key": KEY})
    assert reply.status_code == 403
    assert "invoice:read" in reply.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_forms_of_other_sites_are_refused(
    signed_in: httpx.AsyncClient, headers: Mapping[str, str], path: str
) -> None:
    reply = await signed_in.post(path, data={"key": KEY}, headers=dict(headers))
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers
    assert (await signed_in.get("/invoices")).status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://portal.example"}])
async def test_our_own_forms_are_taken(signed_in: httpx.AsyncClient, headers: Mapping[str, str]) -> None:
    reply = await signed_in.post("/logout", headers=dict(headers))
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    assert (await signed_in.get("/invoices")).status_code == 303


@pytest.mark.parametrize(
    "wish",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/invoices/../x", "/invoices//evil", "javascript:1",
     "/invoicesx", "/login"],
)  # fmt: skip
async def test_signing_in_leads_nowhere_else(browser: httpx.AsyncClient, wish: str) -> None:
    reply = await browser.post("/login", data={"key": KEY, "next": wish})
    assert reply.headers["location"] == "/invoices"


async def test_signing_in_leads_on_to_the_invoice_asked_for(browser: httpx.AsyncClient) -> None:
    asked = await browser.get(f"/invoices/{INVOICE}")
    assert asked.headers["location"] == f"/?next=/invoices/{INVOICE}"
    form = await browser.get(asked.headers["location"])
    assert f'name="next" value="/invoices/{INVOICE}"' in form.text
    reply = await browser.post("/login", data={"key": KEY, "next": f"/invoices/{INVOICE}"})
    assert reply.headers["location"] == f"/invoices/{INVOICE}"


@pytest.mark.proves("R48a")
async def test_the_list_shows_number_status_receiver_and_reason(signed_in: httpx.AsyncClient) -> None:
    page = (await signed_in.get("/invoices")).text
    assert f'href="/invoices/{INVOICE}"' in page
    assert "geparkeerd nl" in page
    assert "3 nov 2026 10:01" in page


@pytest.mark.proves("R53", "R56")
async def test_the_detail_shows_steps_times_sources_and_findings(signed_in: httpx.AsyncClient) -> None:
    page = (await signed_in.get(f"/invoices/{INVOICE}")).text
    assert "3 nov 2026 10:02" in page
    assert "Controle" in page
    assert "Regel 12" in page
    assert "niet gemeld" in page


@pytest.mark.parametrize("path", ["/invoices", f"/invoices/{INVOICE}"])
async def test_nothing_from_an_invoice_becomes_markup(signed_in: httpx.AsyncClient, path: str) -> None:
    page = (await signed_in.get(path)).text
    assert "alert(1)" in page
    assert "<script" not in page
    assert "alert(1)&lt;/script&gt;&#34;&#39;&amp;" in page


@pytest.mark.parametrize("path", ["/", "/invoices", f"/invoices/{INVOICE}", "/invoices/nonsense"])
async def test_no_page_may_run_scripts_or_be_framed(signed_in: httpx.AsyncClient, path: str) -> None:
    for reply in (await signed_in.get(path), await signed_in.get(path, headers={"Cookie": ""})):
        policy = reply.headers.get("content-security-policy", "")
        if reply.status_code != 303:
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert " style=" not in reply.text
        assert reply.headers["cache-control"] == "no-store"


async def test_languages(signed_in: httpx.AsyncClient) -> None:
    assert '<html lang="nl">' in (await signed_in.get("/invoices")).text
    english = {"Accept-Language": "fr, en-GB;q=0.8, nl;q=0.5"}
    assert '<html lang="en">' in (await signed_in.get("/invoices", headers=english)).text
    asked = await signed_in.get("/invoices?lang=en&status=parked")
    assert '<html lang="en">' in asked.text
    assert 'href="/invoices?status=parked&amp;lang=nl"' in asked.text
    assert '<html lang="en">' in (await signed_in.get("/invoices")).text


async def test_filter_and_paging_are_asked_of_the_api(signed_in: httpx.AsyncClient, api: Api) -> None:
    api.next = "c/x=&1"
    page = (await signed_in.get("/invoices?status=parked&after=abc")).text
    assert dict(api.asked[-1].url.params) == {"status": "parked", "after": "abc", "limit": "25"}
    assert 'href="/invoices?status=parked&amp;after=c/x%3D%261"' in page
    assert (await signed_in.get("/invoices?status=nonsense")).status_code == 200
    assert "status" not in api.asked[-1].url.params


async def test_a_link_from_web_mail_opens_once_the_browser_lets_the_cookie_through(
    signed_in: httpx.AsyncClient,
) -> None:
    path = f"/invoices/{INVOICE}"
    held_back = await signed_in.get(path, headers={"Cookie": "", "Sec-Fetch-Site": "cross-site"})
    assert (held_back.status_code, 'http-equiv="refresh"' in held_back.text) == (200, True)
    again = await signed_in.get(path, headers={"Cookie": "", "Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 303


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, 401), (404, 404), (400, 303), (422, 303), (403, 503), (500, 503), (503, 503)],
)
async def test_what_the_api_says_no_to(
    signed_in: httpx.AsyncClient, api: Api, status: int, expected: int
) -> None:
    api.status = status
    reply = await signed_in.get(f"/invoices/{INVOICE}")
    assert reply.status_code == expected
    if status == 401:  # the key was revoked since
        assert 'postbode=""' in cookie_of(reply)


async def test_the_api_away_is_a_page_that_says_so(signed_in: httpx.AsyncClient, api: Api) -> None:
    api.away = True
    reply = await signed_in.get("/invoices")
    assert reply.status_code == 503
    assert "Uw facturen zijn veilig" in reply.text


async def test_static_files_and_no_others(browser: httpx.AsyncClient) -> None:
    css = await browser.get("/static/portal.css")
    assert css.headers["content-type"].startswith("text/css")
    assert "immutable" in css.headers["cache-control"]
    assert len(css.content) < 16_000
    assert (await browser.get("/static/icon.svg")).headers["content-type"] == "image/svg+xml"
    for path in ("/static/..%2fpages.py", "/static/pages.py", "/static/"):
        assert (await browser.get(path)).status_code == 404


async def test_a_mailed_link_leads_to_a_password_and_in(browser: httpx.AsyncClient, api: Api) -> None:
    page = await browser.get("/link")
    assert api.asked == [], "looking uses nothing up"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = await browser.get("/static/link.js")
    assert script.headers["content-type"].startswith("text/javascript")
    # Without a script the link is pasted; whatever was, it writes no HTML.
    assert 'id="paste">' in page.text
    wrong = await browser.post("/link", data={"token": 'pb_link_3"><b>', "key": " twaalf tekens of meer"})
    assert "pb_link_3&#34;&gt;&lt;b&gt;" in wrong.text
    for token, password, status in (
        ("pb_link_1", "kort", 422),
        ("pb_link_2", " twaalf tekens of meer", 404),
        ("http://portal.example/link#pb_link_1 ", " twaalf tekens of meer", 303),
    ):
        reply = await browser.post("/link", data={"token": token, "key": password})
        assert reply.status_code == status
    assert TOKEN in reply.headers["set-cookie"]
    elsewhere = await browser.post("/link", data={"token": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 403


async def test_the_token_of_a_mailed_link_is_in_no_log_and_no_span(browser: httpx.AsyncClient) -> None:
    with recording() as recorded, structlog.testing.capture_logs() as log:
        for key in ("kort", " twaalf tekens of meer"):
            reply = await browser.post("/link", data={"token": "pb_link_1", "key": key})
            assert "pb_link" not in str(reply.url) + reply.headers.get("location", "")
    assert recorded.spans
    told = "".join(span.to_json() for span in recorded.spans) + repr(log)
    assert "/link" in told
    assert "pb_link" not in told


async def test_a_user_signs_in_with_a_password(browser: httpx.AsyncClient, api: Api) -> None:
    good = {"user": "a@b.example", "key": " twaalf tekens of meer"}
    assert (await browser.post("/login", data=good)).status_code == 303
    assert api.asked[-1].headers["authorization"] == BASIC
    assert (await browser.post("/login", data=good | {"user": "a:b@b.example"})).status_code == 422
    api.status = 429
    assert "te vaak geprobeerd" in (await browser.post("/login", data=good)).text
