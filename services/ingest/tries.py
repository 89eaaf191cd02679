"""How often one address may be tried: passwords, and mails to it. Counted alike whether anybody has that address."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from libs.errors import TooMany
from libs.http.quota import OverQuota, Quota

_EVERYBODY = UUID(int=0)


class TooManyTries(TooMany):
    """This was asked too often for this address: wait as long as Retry-After says, and try again."""

    slug = "too-many-tries"
    dutch = (
        "Dit is te vaak gevraagd voor dit adres: wacht zo lang als Retry-After zegt, en probeer het opnieuw."
    )


class Tries:
    """``burst`` at once and one every ``seconds`` for each address; ``all_burst`` and one every ``all_seconds`` for all
    together, for what strangers may ask."""

    def __init__(
        self, *, burst: int, seconds: float, all_burst: int = 0, all_seconds: float = float("inf")
    ) -> None:
        self._each = Quota("address", per_second=1 / seconds, burst=burst)
        self._all = Quota("all", per_second=1 / all_seconds, burst=all_burst)

    def count(self, address: str) -> None:
        """Raises ``TooManyTries``."""
        try:
            self._each.take(uuid5(NAMESPACE_URL, f"mailto:{address}"))
            self._all.take(_EVERYBODY)
        except OverQuota as over:
            raise TooManyTries(retry_after=over.extra["retry_after"]) from over
