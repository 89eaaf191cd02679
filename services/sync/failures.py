"""An error nobody expected gets a name, so that whoever waits for a plan or a run is told, and it is not tried for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

from libs.db.trouble import NOT_NOW
from libs.errors import HubError

_NAMED: tuple[type[Exception], ...] = (HubError, *NOT_NOW)
_log = structlog.get_logger(__name__)


class Unexpected(HubError):
    """Something happened that nobody expected: the log says what. Nothing is lost; try again, and tell us if it stays."""

    slug = "sync-unexpected"
    dutch = "Er gebeurde iets wat niemand verwachtte: in het log staat wat. Er is niets verloren; probeer het opnieuw."


@contextlib.contextmanager
def named(what: str, of: str) -> Iterator[None]:
    """Around a piece of work. Raises ``Unexpected`` for what is neither ours nor a database that is away just now."""
    try:
        yield
    except _NAMED:
        raise
    except Exception as error:
        _log.error("unexpected error", work=what, of=of, exc_info=error)
        kind = type(error).__name__
        raise Unexpected(
            f"Something happened that nobody expected ({kind}): the log says what. Nothing is lost; try again, and tell "
            "us if it stays.",
            nl=f"Er gebeurde iets wat niemand verwachtte ({kind}): in het log staat wat. Er is niets verloren; probeer het "
            "opnieuw, en laat het ons weten als het blijft.",
        ) from error
