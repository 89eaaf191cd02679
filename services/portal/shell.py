"""What every page has: its frame, its words, its headers, and the ways a page can fail."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from libs.errors import BadInput, HubError, NotFound, Unauthenticated
from services.portal.sessions import Sessions, from_elsewhere
from services.portal.texts import Language, choose, day, instant, texts

_HERE = Path(__file__).parent
_LANGUAGE_COOKIE = "postbode-lang"

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


class Shell:
    """Renders. ``sessions``: whose cookie says that somebody is signed in."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
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

    async def static(self, name: str) -> Response:
        """The style sheet and the icon; their address changes with their content."""
        data = self._files.get(name)
        if data is None:
            raise NotFound
        kind = _KINDS[name.rpartition(".")[2]]
        forever = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(data, media_type=kind, headers={**_SECURITY, **forever})

    async def signed_in(self, request: Request, page: Callable[[str], Awaitable[Response]]) -> Response:
        token = self._sessions.token(request)
        if token is None:
            if from_elsewhere(request):
                # The browser kept the cookie back because another site linked here. Loading the page once
                # more, from itself, brings it along.
                return self.page(request, "opening.html")
            return RedirectResponse(f"/?next={request.url.path}", 303)
        try:
            return await page(token)
        except Unauthenticated:
            response = self.login(request, "session_over", onward_to(request.url.path), 401)
            self._sessions.drop(response)
            return response
        except NotFound:
            return self.problem(request, "not_found", 404)
        except BadInput:
            return RedirectResponse("/invoices", 303)
        except HubError:
            return self.problem(request, "away", 503)

    def login(
        self, request: Request, problem: str | None = None, onward: str | None = None, status: int = 200
    ) -> Response:
        onward = onward or onward_to(request.query_params.get("next", ""))
        return self.page(request, "login.html", status, problem=problem, next=onward)

    def problem(self, request: Request, what: str, status: int) -> Response:
        return self.page(request, "problem.html", status, what=what)

    def language(self, request: Request) -> Language:
        return choose(
            request.query_params.get("lang"),
            request.cookies.get(_LANGUAGE_COOKIE),
            request.headers.get("accept-language"),
        )

    def page(self, request: Request, template: str, status_code: int = 200, **data: Any) -> Response:
        asked, language = request.query_params.get("lang"), self.language(request)
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


def onward_to(wish: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    first, _, rest = wish.removeprefix("/").partition("/")
    if first == "invoices" and wish.startswith("/") and all(c.isalnum() or c == "-" for c in rest):
        return wish
    return "/invoices"
