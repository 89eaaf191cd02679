"""Every error of the hub, drawn once.

::

    HubError                       slug "internal"                 may be tried again
    ├── Refusal                    the caller must change something; never tried again
    │   ├── BadInput               400  what was sent cannot be used
    │   ├── Unauthenticated        401  no or wrong credentials
    │   ├── Forbidden              403  known caller, missing right
    │   ├── NotFound               404  nothing of that name that the caller may see
    │   ├── Conflict               409  clashes with what is there
    │   ├── TooLarge               413  over a limit of size
    │   ├── Unprocessable          422  read, but not an invoice the hub can take
    │   └── TooMany                429  over a limit of rate
    ├── Unavailable                503  something the hub leans on is away; try again later
    └── Word                       what a message handler may say (anything else it raises is transient)
        ├── Retry(after)           not now
        ├── Reject(code, words)    never: the sender must mend it
        └── Park(code, words)      waits for a fact or a person

A class docstring is the default message. ``slug`` is stable: clients and dashboards match on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar


class HubError(Exception):
    """Something went wrong inside the hub."""

    slug: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    transient: ClassVar[bool] = True

    def __init__(self, message: str | None = None, *, code: str | None = None, **extra: object) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.code = code or self.slug
        self.extra = extra
        super().__init__(self.message)


class Refusal(HubError):
    """The request cannot be done as asked."""

    slug = "refused"
    status = 400
    transient = False


class BadInput(Refusal):
    """What was sent cannot be used."""

    slug = "bad-input"


class Unauthenticated(Refusal):
    """No valid credentials were sent: use an API key, or user name and password."""

    slug = "unauthenticated"
    status = 401


class Forbidden(Refusal):
    """These credentials do not carry the right to do this."""

    slug = "forbidden"
    status = 403


class NotFound(Refusal):
    """There is nothing of that name here that you may see."""

    slug = "not-found"
    status = 404


class Conflict(Refusal):
    """This clashes with what is already there."""

    slug = "conflict"
    status = 409


class TooLarge(Refusal):
    """This is larger than the hub takes."""

    slug = "too-large"
    status = 413


class Unprocessable(Refusal):
    """This was read, but it is not an invoice the hub can take."""

    slug = "unprocessable"
    status = 422


class TooMany(Refusal):
    """Too many requests: wait and try again."""

    slug = "too-many-requests"
    status = 429


class Unavailable(HubError):
    """Something the hub needs is away: try again in a moment."""

    slug = "unavailable"
    status = 503


class Word(HubError):
    """What a message handler may say about one event."""

    slug = "word"


class Retry(Word):
    """Not now: try this event again later."""

    slug = "retry"

    def __init__(self, after: timedelta, message: str | None = None) -> None:
        super().__init__(message)
        self.after = after


class Reject(Word):
    """Never: the sender must mend the invoice and send it again."""

    slug = "reject"
    transient = False

    def __init__(self, code: str, words: Mapping[str, str]) -> None:
        """``words`` holds the message by language: ``{"nl": …, "en": …}``."""
        super().__init__(words.get("en"), code=code)
        self.words = dict(words)


class Park(Word):
    """The invoice waits for a fact or a person."""

    slug = "park"
    transient = False

    def __init__(self, code: str, words: Mapping[str, str]) -> None:
        """``words`` holds the message by language: ``{"nl": …, "en": …}``."""
        super().__init__(words.get("en"), code=code)
        self.words = dict(words)
