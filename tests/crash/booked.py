"""Somebody's books at Exact Online, simulated, and the fault points around each call of a booking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.crash.wrapping import wrap

WINDOWS = ("exact.call.before", "exact.call.after")
"""Around each call; who: such as ``POST purchaseentry/PurchaseEntries``."""


def arm(hit: Callable[..., None]) -> None:
    """A window before each call to Exact, and one after it was answered and before anything of that is written down."""

    def make(original: Any) -> Any:
        async def wrapped(self: Any, method: str, url: str, *rest: Any) -> Any:
            who = f"{method} {'/'.join(urlsplit(url).path.split('/')[-2:]).partition('(')[0]}"
            hit("exact.call.before", who)
            answer = await original(self, method, url, *rest)
            hit("exact.call.after", who)
            return answer

        return wrapped

    wrap("services.deliver.exact.client:Books._ask", make)
