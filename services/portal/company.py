"""*Mijn Bedrijf*: API keys, upload addresses and the people of an account (R14, R15), for its owners.

The session of the other pages may only read invoices, so that whoever steals it cannot send and cannot make keys. Here a
password is asked once more and traded for a session of its own, with more rights and a quarter of an hour to live, in
a cookie of its own. What a form did is shown after a redirect; only a new key is shown at once, because it is shown once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from libs import clock
from libs.errors import BadInput, Conflict, Forbidden, HubError, NotFound, TooMany, Unauthenticated
from services.portal.hub import Hub
from services.portal.sessions import Sessions, from_elsewhere, from_here
from services.portal.shell import Shell

HOME = "/company"
RIGHTS = ("invoice:read", "account:admin")
KEY_RIGHTS = ("invoice:write", "invoice:read")
"""What a key that is made here may do: what a supplier's program needs. Others are made by API."""
HOURS = (24, 168, 720, 8760)
"""For how long an old key or address goes on beside the new one: a day, a week, a month, a year."""
ROLES = ("owner", "bookkeeper", "reader")
_MOST = 200

Act = Callable[[str, FormData], Awaitable[Response | None]]
"""Does what a form asks, with the session's token; None: show the page."""


class Company:
    def __init__(self, hub: Hub, sessions: Sessions, shell: Shell) -> None:
        self._hub = hub
        self._sessions = sessions
        self._shell = shell

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route(HOME, self.show, methods=["GET"])
        router.add_api_route(f"{HOME}/open", self.open, methods=["POST"])
        for path, what in (
            ("keys", self.make_key),
            ("keys/{name}/rotate", self.rotate_key),
            ("keys/{name}/revoke", self.revoke_key),
            ("mailboxes", self.make_mailbox),
            ("mailboxes/{name}/rotate", self.rotate_mailbox),
            ("mailboxes/{name}/revoke", self.revoke_mailbox),
            ("users", self.invite),
            ("users/{name}/role", self.set_role),
            ("users/{name}/remove", self.remove_user),
        ):
            router.add_api_route(f"{HOME}/{path}", what, methods=["POST"])

    async def show(self, request: Request) -> Response:
        """Everything on one page, or the form that asks for the password."""
        token = self._sessions.token(request)
        if token is None and from_elsewhere(request):
            return self._shell.page(request, "opening.html")
        return await self._whole(request, token)

    async def open(self, request: Request) -> Response:
        """The password of an owner opens it."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        user, password = _text(form, "user"), str(form.get("key", ""))
        if not 0 < len(password) <= _MOST or not password.isprintable() or not user or ":" in user:
            return self._door(request, "wrong_password", 422)
        try:
            token = await self._hub.sign_in(user, password, int(self._sessions.lasts.total_seconds()), RIGHTS)
        except TooMany:
            return self._door(request, "too_often", 429)
        except Unauthenticated:
            return self._door(request, "wrong_password", 401)
        except Forbidden:
            return self._door(request, "no_owner", 403)
        except HubError:
            return self._shell.problem(request, "away", 503)
        response = RedirectResponse(HOME, 303)
        self._sessions.begin(response, token)
        return response

    async def leave(self, request: Request, response: Response) -> None:
        """Signing out ends this session too; one that cannot be ended now ends by itself, and is refused here at once."""
        token = self._sessions.token(request)
        if token is None:
            return
        self._sessions.end(token)
        self._sessions.drop(response)
        with contextlib.suppress(HubError):
            await self._hub.sign_out(token)

    async def make_key(self, request: Request) -> Response:
        async def act(token: str, form: FormData) -> Response:
            rights = [right for right in KEY_RIGHTS if form.get(right)]
            label = _text(form, "label") or "API key"
            made = await self._hub.make_key(token, label, rights, sandbox=bool(form.get("sandbox")))
            return self._page(request, "key.html", made=made)

        return await self._do(request, act)

    async def rotate_key(self, request: Request, name: str) -> Response:
        async def act(token: str, form: FormData) -> Response:
            made = await self._hub.rotate_key(token, name, _hours(form))
            return self._page(request, "key.html", made=made)

        return await self._do(request, act)

    async def revoke_key(self, request: Request, name: str) -> Response:
        return await self._do(request, lambda token, _: self._hub.revoke_key(token, name))

    async def make_mailbox(self, request: Request) -> Response:
        return await self._do(request, lambda token, _: self._hub.make_mailbox(token))

    async def rotate_mailbox(self, request: Request, name: str) -> Response:
        return await self._do(
            request, lambda token, form: self._hub.rotate_mailbox(token, name, _hours(form))
        )

    async def revoke_mailbox(self, request: Request, name: str) -> Response:
        return await self._do(request, lambda token, _: self._hub.revoke_mailbox(token, name))

    async def invite(self, request: Request) -> Response:
        return await self._do(
            request,
            lambda token, form: self._hub.invite(
                token, _text(form, "email"), _text(form, "role"), self._shell.language(request)
            ),
        )

    async def set_role(self, request: Request, name: str) -> Response:
        return await self._do(
            request, lambda token, form: self._hub.set_role(token, name, _text(form, "role"))
        )

    async def remove_user(self, request: Request, name: str) -> Response:
        return await self._do(request, lambda token, _: self._hub.remove_user(token, name))

    async def _do(self, request: Request, act: Act) -> Response:
        """What a form asks: done, then the page; or the page with why not."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        token = self._sessions.token(request)
        if token is None:
            return self._door(request, None, 401)
        try:
            shown = await act(token, form)
        except Unauthenticated:
            return self._over(request)
        except (BadInput, Conflict, Forbidden, NotFound, TooMany) as refused:
            return await self._whole(request, token, refused)
        except HubError:
            return self._shell.problem(request, "away", 503)
        return shown or RedirectResponse(HOME, 303)

    async def _form(self, request: Request) -> FormData | Response:
        if not from_here(request):
            return self._shell.problem(request, "refused", 403)
        try:
            async with request.form(max_files=0, max_fields=10) as form:
                return form
        except HTTPException:
            return self._shell.problem(request, "broken_form", 400)

    async def _whole(self, request: Request, token: str | None, refused: HubError | None = None) -> Response:
        if token is None:
            return self._door(request)
        try:
            found = await self._hub.company(token)
        except Unauthenticated:
            return self._over(request)
        except Forbidden:
            return self._over(request, "no_owner", 403)
        except HubError:
            return self._shell.problem(request, "away", 503)
        now = clock.now().isoformat()
        found["keys"] = [
            key for key in found["keys"] if not key["revoked_at"] and not (key["expires_at"] or "9") < now
        ]
        return self._page(
            request, "company.html", refused.status if refused else 200, refused=refused and refused.words,
            hours=HOURS, roles=ROLES, rights=KEY_RIGHTS, **found,
        )  # fmt: skip

    def _over(self, request: Request, why: str = "company_over", status: int = 401) -> Response:
        response = self._door(request, why, status)
        self._sessions.drop(response)
        return response

    def _door(self, request: Request, problem: str | None = None, status: int = 200) -> Response:
        return self._page(request, "company_door.html", status, problem=problem)

    def _page(self, request: Request, template: str, status: int = 200, **data: object) -> Response:
        page = self._shell.page(request, template, status, **data)
        page.headers["Cache-Control"] = "no-store"
        return page


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _hours(form: FormData) -> int:
    wanted = _text(form, "hours")
    return int(wanted) if wanted in map(str, HOURS) else HOURS[0]
