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
    │   ├── Unsupported            415  in a form the hub does not read
    │   ├── Unprocessable          422  read, but not an invoice the hub can take
    │   └── TooMany                429  over a limit of rate
    ├── Unavailable                503  something the hub leans on is away; try again later
    └── Word                       what a message handler may say (anything else it raises is transient)
        ├── Retry(after)           not now
        ├── Reject(code, words)    never: the sender must mend it
        └── Park(code, words)      waits for a fact or a person

A class docstring is the default message, ``dutch`` the same in Dutch. ``slug`` is stable: clients and
dashboards match on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar


class HubError(Exception):
    """Something went wrong inside the hub."""

    slug: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    dutch: ClassVar[str] = "Er ging iets mis bij ons."
    transient: ClassVar[bool] = True

    def __init__(
        self, message: str | None = None, *, nl: str | None = None, code: str | None = None, **extra: object
    ) -> None:
        """``nl`` is ``message`` in Dutch: whatever a caller may see is told in both languages."""
        english = (type(self).__doc__ or "").strip().splitlines()[0]
        self.message = message or english
        self.words: Mapping[str, str] = (
            {"nl": nl, "en": self.message} if nl else {"nl": self.dutch, "en": english}
        )
        self.code = code or self.slug
        self.extra = extra
        super().__init__(self.message)


class Refusal(HubError):
    """This cannot be done as asked: the code says why."""

    slug = "refused"
    dutch = "Dit kan niet zoals gevraagd: de code zegt waarom."
    status = 400
    transient = False


class BadInput(Refusal):
    """What was sent cannot be used: mend it and send it again."""

    slug = "bad-input"
    dutch = "Wat gestuurd is, is niet te gebruiken: herstel het en stuur het opnieuw."


class Unauthenticated(Refusal):
    """No valid credentials came: send a whole API key that was not revoked (`Bearer pb_live_…`), or name and password."""

    slug = "unauthenticated"
    dutch = (
        "Er kwam geen geldige sleutel mee: stuur een hele API-sleutel die niet is ingetrokken "
        "(`Bearer pb_live_…`), of gebruikersnaam en wachtwoord."
    )
    status = 401


class Forbidden(Refusal):
    """These credentials do not carry the right to do this: use a key that does."""

    slug = "forbidden"
    dutch = "Deze sleutel heeft het recht hiervoor niet: gebruik een sleutel die het wel heeft."
    status = 403


class NotFound(Refusal):
    """There is nothing of that name here that you may see: check the id."""

    slug = "not-found"
    dutch = "Er is hier niets met die naam dat u mag zien: controleer het kenmerk."
    status = 404


class Conflict(Refusal):
    """This clashes with what is already there: look how it stands, and try again."""

    slug = "conflict"
    dutch = "Dit botst met wat er al is: kijk hoe het ervoor staat en probeer het opnieuw."
    status = 409


class TooLarge(Refusal):
    """This is larger than the hub takes: send less at a time."""

    slug = "too-large"
    dutch = "Dit is groter dan de hub aanneemt: stuur minder tegelijk."
    status = 413


class Unsupported(Refusal):
    """This is in a form the hub does not read: see its Content-Type and Content-Encoding."""

    slug = "unsupported"
    dutch = "Dit heeft een vorm die de hub niet leest: kijk naar Content-Type en Content-Encoding."
    status = 415


class Unprocessable(Refusal):
    """This was read, but it is not an invoice the hub can take: mend it and send it again."""

    slug = "unprocessable"
    dutch = (
        "Dit is gelezen, maar het is geen factuur die de hub kan aannemen: herstel het en stuur het opnieuw."
    )
    status = 422


class TooMany(Refusal):
    """Too many requests: wait and try again."""

    slug = "too-many-requests"
    dutch = "Te veel verzoeken: wacht even en probeer het opnieuw."
    status = 429


class Unavailable(HubError):
    """Something the hub needs is away: try again in a moment."""

    slug = "unavailable"
    dutch = "Iets wat de hub nodig heeft is even weg: probeer het zo opnieuw."
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
