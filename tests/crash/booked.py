"""The fault points around each call to Exact Online, and around telling what is paid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.crash.wrapping import wrap

WINDOWS = ("exact.call.before", "exact.call.after", "exact.told.before", "exact.told.after")
"""Around each call; who: such as ``POST purchaseentry/PurchaseEntries``. ``told``: what is paid was told, before and after
that is committed."""


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

    def telling(window: str) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            async def wrapped(*args: Any) -> Any:
                found = await original(*args)
                hit(window)
                return found

            return wrapped

        return make

    wrap("services.deliver.payments.fetching:_tell", telling("exact.told.before"))
    wrap("services.deliver.payments.fetching:tell", telling("exact.told.after"))
