"""In and out: a key or a password is traded for a session, a mailed link for a password."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from libs.errors import BadInput, Forbidden, HubError, NotFound, TooMany, Unauthenticated
from services.portal.company import Company
from services.portal.hub import Hub
from services.portal.sessions import Sessions, from_here
from services.portal.shell import Shell, onward_to

MOST_KEY = 200
"""Characters of what somebody signs in with."""


class Entrance:
    def __init__(self, hub: Hub, sessions: Sessions, shell: Shell, company: Company) -> None:
        self._hub = hub
        self._sessions = sessions
        self._shell = shell
        self._company = company

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route("/", self.front, methods=["GET"])
        router.add_api_route("/login", self.sign_in, methods=["POST"])
        router.add_api_route("/link", self.link, methods=["GET"])
        router.add_api_route("/link", self.use_link, methods=["POST"])
        router.add_api_route("/logout", self.sign_out, methods=["POST"])

    async def front(self, request: Request) -> Response:
        """The form to sign in with."""
        if self._sessions.token(request) is not None:
            return RedirectResponse("/invoices", 303)
        return self._shell.login(request)

    async def sign_in(self, request: Request) -> Response:
        """Take the key, if the hub takes it."""
        if not from_here(request):
            return self._shell.problem(request, "refused", 403)
        try:
            async with request.form(max_files=0, max_fields=5) as form:
                user, key = str(form.get("user", "")).strip(), str(form.get("key", ""))
                onward = onward_to(str(form.get("next", "")))
        except HTTPException:
            return self._shell.login(request, "broken_form", None, 400)
        # A password may begin or end with a blank; a key that was copied with one is the key.
        key = key if user else key.strip()
        fits = 0 < len(key) <= MOST_KEY and key.isprintable() and (bool(user) or key.isascii())
        if not fits or len(user) > MOST_KEY or ":" in user:
            return self._shell.login(request, "wrong_key" if key else "empty_key", onward, 422)
        try:
            token = await self._hub.sign_in(user, key, int(self._sessions.lasts.total_seconds()))
        except TooMany:
            return self._shell.login(request, "too_often", onward, 429)
        except Unauthenticated:
            return self._shell.login(request, "wrong_key", onward, 401)
        except Forbidden:
            return self._shell.login(request, "key_lacks_right", onward, 403)
        except HubError:
            return self._shell.problem(request, "away", 503)
        response = RedirectResponse(onward, 303)
        self._sessions.begin(response, token)
        return response

    async def link(self, request: Request) -> Response:
        """Where a link in a mail leads: choose a password. Looking uses nothing up: mail programs look too. The token
        stands behind ``#``, so it comes with the form and not before."""
        return self._link(request, "")

    def _link(self, request: Request, token: str, problem: str | None = None, status: int = 200) -> Response:
        page = self._shell.page(request, "link.html", status, token=token, problem=problem)
        page.headers["Content-Security-Policy"] += "; script-src 'self'"
        page.headers["Referrer-Policy"] = "no-referrer"
        return page

    async def use_link(self, request: Request) -> Response:
        """Choose the password, and sign in with it."""
        if not from_here(request):
            return self._shell.problem(request, "refused", 403)
        try:
            async with request.form(max_files=0, max_fields=5) as form:
                pasted, password = str(form.get("token", "")), str(form.get("key", ""))
        except HTTPException:
            return self._shell.login(request, "broken_form", None, 400)
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
            return self._shell.problem(request, "away", 503)
        response = RedirectResponse("/invoices", 303)
        self._sessions.begin(response, session)
        return response

    async def sign_out(self, request: Request) -> Response:
        if not from_here(request):
            return self._shell.problem(request, "refused", 403)
        token = self._sessions.token(request)
        if token is not None:
            try:
                await self._hub.sign_out(token)
            except Unauthenticated:
                pass  # it had ended already
            except HubError:
                return self._shell.problem(request, "not_out", 503)
            self._sessions.end(token)
        response = RedirectResponse("/", 303)
        self._sessions.drop(response)
        await self._company.leave(request, response)
        return response
