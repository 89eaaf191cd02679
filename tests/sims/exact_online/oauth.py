"""OAuth 2: consent gives a code, a code gives tokens, and each refresh token is spent by its use (reference §3.1)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.sims.exact_online.clock import Clock
from tests.sims.exact_online.errors import Refused, wrong
from tests.sims.exact_online.settings import Settings
from tests.sims.exact_online.users import User
from tests.sims.exact_online.values import new_guid
from tests.sims.exact_online.wire import Answer, json_answer

_DAY = 86_400


@dataclass(frozen=True)
class App:
    """As registered in the app centre. ``redirect_uris``: https, compared letter by letter."""

    redirect_uris: tuple[str, ...]
    client_id: str = field(default_factory=new_guid)
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    webhook_secret: str = field(default_factory=lambda: secrets.token_urlsafe(12))


@dataclass(eq=False)
class Link:
    """What one consent of one person gave one app. Its newest tokens, and whether it still holds."""

    app: App
    user: User
    alive: bool = True
    refresh: str = ""
    issued: float = 0.0


@dataclass(frozen=True)
class _Code:
    app: App
    user: User
    redirect_uri: str
    issued: float


class _Denied(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        self.answer = json_answer(status, {"error": error, "error_description": description})


class Links:
    """All apps, codes, links and tokens."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._apps: dict[str, App] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[Link, float]] = {}
        self._refresh: dict[str, Link] = {}
        self._links: list[Link] = []

    def register(self, app: App) -> App:
        if not all(each.startswith("https://") for each in app.redirect_uris):
            raise ValueError("a redirect URI is https")
        self._apps[app.client_id] = app
        return app

    def of(self, user: User) -> list[Link]:
        """Those that hold."""
        return [link for link in self._links if link.user is user and link.alive]

    # ------------------------------------------------------------------ consent

    def asked(self, query: Mapping[str, str]) -> App:
        """The app a browser was sent for. Raises 400, shown to the person: nothing is sent to an unknown address."""
        app = self._apps.get(query.get("client_id", ""))
        if app is None:
            raise wrong("client_id is not known.")
        if query.get("redirect_uri") not in app.redirect_uris:
            raise wrong("redirect_uri is not the registered one.")
        if query.get("response_type") != "code":
            raise wrong("response_type is code.")
        if query.get("force_login", "0") not in ("0", "1"):
            raise wrong("force_login is 0 or 1.")
        return app

    def consented(self, app: App, user: User, redirect_uri: str) -> str:
        """The code for the redirect."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(app, user, redirect_uri, self._clock.now())
        return code

    # ------------------------------------------------------------------ tokens

    def token(self, form: Mapping[str, str]) -> Answer:
        """The token endpoint's answer to a form."""
        try:
            app = self._client(form)
            match form.get("grant_type"):
                case "authorization_code":
                    return self._exchange(app, form)
                case "refresh_token":
                    return self._renew(app, form)
            raise _Denied(400, "unsupported_grant_type", "grant_type")
        except _Denied as denied:
            return denied.answer

    def _client(self, form: Mapping[str, str]) -> App:
        app = self._apps.get(form.get("client_id", ""))
        given = form.get("client_secret", "")
        if app is None or not hmac.compare_digest(app.secret.encode(), given.encode()):
            raise _Denied(401, "invalid_client", "client_id or client_secret is wrong")
        return app

    def _exchange(self, app: App, form: Mapping[str, str]) -> Answer:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.app is not app or code.redirect_uri != form.get("redirect_uri"):
            raise _Denied(400, "invalid_grant", "code is not good")
        if self._clock.now() >= code.issued + self._settings.code_seconds or not code.user.active:
            raise _Denied(400, "invalid_grant", "code is too old")
        if self._settings.consent_replaces:
            for earlier in self.of(code.user):
                if earlier.app is app:
                    earlier.alive = False
        link = Link(app, code.user)
        self._links.append(link)
        return self._issue(link)

    def _renew(self, app: App, form: Mapping[str, str]) -> Answer:
        given = form.get("refresh_token", "")
        link = self._refresh.get(given)
        if link is None or link.app is not app:
            raise _Denied(400, "invalid_grant", "refresh_token is not known")
        if given != link.refresh and self._settings.reuse_ends_link:
            link.alive = False
        if given != link.refresh or not link.alive or not link.user.active:
            raise _Denied(400, "invalid_grant", "refresh_token is spent, or its link has ended")
        age = self._clock.now() - link.issued
        if age >= self._settings.refresh_days * _DAY:
            raise _Denied(401, "invalid_grant", "refresh_token has lapsed")
        if age < self._settings.refresh_from:
            raise not_expired()
        return self._issue(link)

    def _issue(self, link: Link) -> Answer:
        link.issued = self._clock.now()
        link.refresh = secrets.token_urlsafe(32)
        access = secrets.token_urlsafe(32)
        self._refresh[link.refresh] = link
        self._access[access] = link, link.issued + self._settings.access_seconds
        return json_answer(
            200,
            {
                "access_token": access,
                "token_type": "bearer",
                "expires_in": str(self._settings.access_seconds),
                "refresh_token": link.refresh,
            },
        )

    def who(self, authorization: str) -> tuple[Link | None, bool]:
        """Whose token that is, and whether it is still good."""
        scheme, _, token = authorization.partition(" ")
        found = self._access.get(token) if scheme.lower() == "bearer" else None
        if found is None:
            return None, False
        link, until = found
        return link, self._clock.now() < until and link.alive and link.user.active


def not_expired() -> _Denied:
    return _Denied(401, "unauthorized_client", "Access Token not expired")


def too_early() -> Answer:
    """What a refresh before its time is answered."""
    return not_expired().answer


def unauthorised() -> Refused:
    return Refused(401, "The access token is not good (any more).", {"WWW-Authenticate": "Bearer"})
