"""The pages: sign in, list, one invoice. Rendered here; none needs a script."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jinja2
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from libs.errors import BadInput, Forbidden, HubError, NotFound, TooMany, Unauthenticated
from services.portal.hub import Hub
from services.portal.sessions import Sessions, from_elsewhere, from_here
from services.portal.texts import STATUSES, Language, choose, day, instant, texts

_HERE = Path(__file__).parent
_LANGUAGE_COOKIE = "postbode-lang"
_MOST_KEY = 200

_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Vary": "Cookie, Accept-Language",
}

TONES = {
    "received": "moving", "sent": "good", "arrived": "good", "imported": "good", "paid": "good",
    "parked": "waits", "rejected": "bad", "quarantined": "bad", "returned": "bad", "bounced": "bad",
    "undeliverable": "bad", "duplicate": "waits",
}  # fmt: skip
"""How a status looks; the label says it too, for whoever sees no colours."""

_MOMENT_TONES = {
    "handed_over": "good", "confirmed": "good", "imported": "good", "paid": "good", "valid": "good",
    "invalid": "bad", "quarantined": "bad", "returned": "bad", "bounced": "bad", "undeliverable": "bad",
    "parked": "waits", "partly_paid": "good", "reversed": "waits",
}  # fmt: skip


class Pages:
    """Everything the routes share."""

    def __init__(self, hub: Hub, sessions: Sessions, page_size: int) -> None:
        self._hub = hub
        self._sessions = sessions
        self._page_size = page_size
        self._files = {path.name: path.read_bytes() for path in (_HERE / "static").iterdir()}
        version = hashlib.sha256(b"".join(self._files[name] for name in sorted(self._files))).hexdigest()[:12]
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(version=version, tones=TONES, moment_tones=_MOMENT_TONES)

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.front, methods=["GET"])
        router.add_api_route("/login", self.sign_in, methods=["POST"])
        router.add_api_route("/link", self.link, methods=["GET"])
        router.add_api_route("/link", self.use_link, methods=["POST"])
        router.add_api_route("/logout", self.sign_out, methods=["POST"])
        router.add_api_route("/invoices", self.invoices, methods=["GET"])
        router.add_api_route("/invoices/{invoice_id}", self.invoice, methods=["GET"])
        router.add_api_route("/static/{name}", self.static, methods=["GET"])
        return router

    async def front(self, request: Request) -> Response:
        """The form to sign in with."""
        if self._sessions.token(request) is not None:
            return RedirectResponse("/invoices", 303)
        return self._login(request)

    async def sign_in(self, request: Request) -> Response:
        """Take the key, if the hub takes it."""
        if not from_here(request):
            return self._problem(request, "refused", 403)
        try:
            async with request.form(max_files=0, max_fields=5) as form:
                user, key = str(form.get("user", "")).strip(), str(form.get("key", ""))
                onward = _onward(str(form.get("next", "")))
        except HTTPException:
            return self._login(request, "broken_form", None, 400)
        # A password may begin or end with a blank; a key that was copied with one is the key.
        key = key if user else key.strip()
        fits = 0 < len(key) <= _MOST_KEY and key.isprintable() and (bool(user) or key.isascii())
        if not fits or len(user) > _MOST_KEY or ":" in user:
            return self._login(request, "wrong_key" if key else "empty_key", onward, 422)
        try:
            token = await self._hub.sign_in(user, key, int(self._sessions.lasts.total_seconds()))
        except TooMany:
            return self._login(request, "too_often", onward, 429)
        except Unauthenticated:
            return self._login(request, "wrong_key", onward, 401)
        except Forbidden:
            return self._login(request, "key_lacks_right", onward, 403)
        except HubError:
            return self._problem(request, "away", 503)
        response = RedirectResponse(onward, 303)
        self._sessions.begin(response, token)
        return response

    async def link(self, request: Request) -> Response:
        """Where a link in a mail leads: choose a password. Looking uses nothing up: mail programs look too. The token
        stands behind ``#``, so it comes with the form and not before."""
        return self._link(request, "")

    def _link(self, request: Request, token: str, problem: str | None = None, status: int = 200) -> Response:
        page = self._page(request, "link.html", status, token=token, problem=problem)
        page.headers["Content-Security-Policy"] += "; script-src 'self'"
        page.headers["Referrer-Policy"] = "no-referrer"
        return page

    async def use_link(self, request: Request) -> Response:
        """Choose the password, and sign in with it."""
        if not from_here(request):
            return self._problem(request, "refused", 403)
        try:
            async with request.form(max_files=0, max_fields=5) as form:
                pasted, password = str(form.get("token", "")), str(form.get("key", ""))
        except HTTPException:
            return self._login(request, "broken_form", None, 400)
        # Whatever of the mail was pasted: the token is at the end of the link in it.
        token = pasted.strip().rpartition("#")[2]
        try:
            user = await self._hub.use_link(token, password)
            session = await self._hub.sign_in(user, password, int(self._sessions.lasts.total_seconds()))
        except NotFound:
            return self._link(request, token, "link_over", 404)
        except BadInput:
            return self._link(request, token, "too_short", 422)
        except HubError:
            return self._problem(request, "away", 503)
        response = RedirectResponse("/invoices", 303)
        self._sessions.begin(response, session)
        return response

    async def sign_out(self, request: Request) -> Response:
        if not from_here(request):
            return self._problem(request, "refused", 403)
        token = self._sessions.token(request)
        if token is not None:
            try:
                await self._hub.sign_out(token)
            except Unauthenticated:
                pass  # it had ended already
            except HubError:
                return self._problem(request, "not_out", 503)
            self._sessions.end(token)
        response = RedirectResponse("/", 303)
        self._sessions.drop(response)
        return response

    async def invoices(self, request: Request) -> Response:
        """Every invoice the account sent, newest first (R48a)."""
        status = request.query_params.get("status")
        status = status if status in STATUSES else None
        after = request.query_params.get("after")

        async def page(token: str) -> Response:
            found = await self._hub.invoices(token, status=status, after=after, limit=self._page_size)
            return self._page(
                request, "invoices.html", invoices=found["invoices"], next=found["next"], status=status,
                statuses=STATUSES, first=after is None,
            )  # fmt: skip

        return await self._signed_in(request, page)

    async def invoice(self, request: Request, invoice_id: str) -> Response:
        """One invoice: where it is, and everything that happened to it (R53, R56)."""
        try:
            wanted = UUID(invoice_id)
        except ValueError:
            return self._problem(request, "not_found", 404)

        async def page(token: str) -> Response:
            return self._page(request, "invoice.html", invoice=await self._hub.invoice(token, wanted))

        return await self._signed_in(request, page)

    async def static(self, name: str) -> Response:
        """The style sheet and the icon; their address changes with their content."""
        data = self._files.get(name)
        if data is None:
            raise NotFound
        kind = _KINDS[name.rpartition(".")[2]]
        forever = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(data, media_type=kind, headers={**_SECURITY, **forever})

    async def _signed_in(self, request: Request, page: Callable[[str], Awaitable[Response]]) -> Response:
        token = self._sessions.token(request)
        if token is None:
            if from_elsewhere(request):
                # The browser kept the cookie back because another site linked here. Loading the page once
                # more, from itself, brings it along.
                return self._page(request, "opening.html")
            return RedirectResponse(f"/?next={request.url.path}", 303)
        try:
            return await page(token)
        except Unauthenticated:
            response = self._login(request, "session_over", _onward(request.url.path), 401)
            self._sessions.drop(response)
            return response
        except NotFound:
            return self._problem(request, "not_found", 404)
        except BadInput:
            return RedirectResponse("/invoices", 303)
        except HubError:
            return self._problem(request, "away", 503)

    def _login(
        self, request: Request, problem: str | None = None, onward: str | None = None, status: int = 200
    ) -> Response:
        onward = onward or _onward(request.query_params.get("next", ""))
        return self._page(request, "login.html", status, problem=problem, next=onward)

    def _problem(self, request: Request, what: str, status: int) -> Response:
        return self._page(request, "problem.html", status, what=what)

    def _page(self, request: Request, template: str, status_code: int = 200, **data: Any) -> Response:
        asked = request.query_params.get("lang")
        language = choose(
            asked, request.cookies.get(_LANGUAGE_COOKIE), request.headers.get("accept-language")
        )
        other: Language = "en" if language == "nl" else "nl"
        here = request.url if request.method == "GET" else request.url.replace(path="/", query="")
        switch = here.include_query_params(lang=other)
        html = self._templates.get_template(template).render(
            t=texts(language),
            lang=language,
            other=other,
            switch=f"{switch.path}?{switch.query}",
            signed_in=self._sessions.token(request) is not None,
            day=lambda text: day(date.fromisoformat(text), language),
            instant=lambda text: instant(datetime.fromisoformat(text), language),
            **data,
        )
        response = HTMLResponse(html, status_code, headers=_SECURITY)
        if asked == language:
            response.set_cookie(
                _LANGUAGE_COOKIE, language, max_age=31536000, httponly=True, samesite="lax",
                secure=self._sessions.secure,
            )  # fmt: skip
        return response


def _onward(wish: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    first, _, rest = wish.removeprefix("/").partition("/")
    if first == "invoices" and wish.startswith("/") and all(c.isalnum() or c == "-" for c in rest):
        return wish
    return "/invoices"
