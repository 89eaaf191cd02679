"""Consent and tokens at Exact Online (OAuth 2, RFC 6749; exact.md §3.1): what is asked and what the answers mean. Pure.

The person signs in at Exact, never here (R102).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode

from services.deliver.results import line

Country = Literal["nl", "be", "de", "fr", "es", "uk"]
HOSTS: Mapping[Country, str] = {
    "nl": "https://start.exactonline.nl",
    "be": "https://start.exactonline.be",
    "de": "https://start.exactonline.de",
    "fr": "https://start.exactonline.fr",
    "es": "https://start.exactonline.es",
    "uk": "https://start.exactonline.co.uk",
}
HOLDS = timedelta(seconds=600)
"""An access token."""
NOT_BEFORE = timedelta(seconds=570)
"""After its issue; before that a refresh is refused (401 *Access Token not expired*)."""
REFRESH = timedelta(seconds=575)
"""From this age on, counted from its answer, a token is renewed before it is used: past ``NOT_BEFORE`` for sure, and with
time left for the call."""
IDLE = timedelta(days=5)
"""A link that was not used for so long is renewed: an unused refresh token is said to lapse after 30 days."""


@dataclass(frozen=True, slots=True)
class App:
    """The hub as Exact knows it."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token, and what it is renewed with: once, and then never again."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)

    def packed(self) -> bytes:
        return json.dumps([self.access, self.refresh]).encode()

    @classmethod
    def unpacked(cls, data: bytes) -> Pair:
        access, refresh = json.loads(data)
        return cls(access, refresh)


@dataclass(frozen=True, slots=True)
class TooEarly:
    """The token holds still; it was not renewed and nothing was spent."""


@dataclass(frozen=True, slots=True)
class NoMore:
    """What it was to be renewed with is worth nothing: only a new consent helps."""

    said: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Neither yes nor no."""

    said: str


def consent_url(base: str, app: App, state: str) -> str:
    """Where the person signs in and consents; ``force_login`` so that nobody links whoever was signed in last."""
    asked = {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "response_type": "code",
        "state": state,
        "force_login": "1",
    }
    return f"{base}/api/oauth2/auth?{urlencode(asked)}"


def exchange(app: App, code: str) -> dict[str, str]:
    """The form that turns a code into tokens."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
        **_who(app),
    }


def renewal(app: App, refresh: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh, **_who(app)}


def _who(app: App) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.secret}


def answer(status: int, content: bytes) -> Pair | TooEarly | NoMore | Unclear:
    """What the token endpoint said. ``expires_in`` is the text "600", and not relied on."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    found = found if isinstance(found, dict) else {}
    if status == 200:
        access, refresh = found.get("access_token"), found.get("refresh_token")
        if isinstance(access, str) and isinstance(refresh, str) and access and refresh:
            return Pair(access, refresh)
        return Unclear("200 without tokens")
    told = line(f"{status} {found.get('error', '')} {found.get('error_description', '')}", 200)
    if "not expired" in told.lower():
        return TooEarly()
    # A wrong secret (invalid_client) is the operator's to mend: the link may hold.
    if status in (400, 401) and found.get("error") in ("invalid_grant", "unauthorized_client"):
        return NoMore(told)
    return Unclear(told)
