"""Where a process that brings records to Purchase to Pay can be made to die.

===============  ======================================================================================
``sync-begin``   after: the run is marked as under way, nothing was looked at yet
``sync-start``   commit of the attempts that are about to be made
``sync-act``     before: nothing was sent; air: the request is under way; after: answered, and not written down
``sync-settle``  commit of what became of them
``sync-end``     commit of the end of the run
===============  ======================================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.crash.wrapping import wrap

WINDOWS: tuple[str, ...] = (
    "sync-begin.after",
    "sync-start.commit.before", "sync-start.commit.after",
    "sync-act.before", "sync-act.air", "sync-act.after",
    "sync-settle.commit.before", "sync-settle.commit.after",
    "sync-end.commit.before", "sync-end.commit.after",
)  # fmt: skip


def arm(hit: Callable[..., None], in_transaction_of: Callable[[str], Callable[[Any], Any]]) -> None:
    """Put these fault points in place. Raises ``NoSuchName`` when the code has moved on."""

    def beginning(original: Any) -> Any:
        async def work(self: Any) -> None:
            hit("sync-begin.after")
            await original(self)

        return work

    def acting(original: Any) -> Any:
        async def update(*args: Any, **named: Any) -> None:
            hit("sync-act.before")
            await original(*args, **named)
            hit("sync-act.after")

        return update

    def asking(original: Any) -> Any:
        async def ask(self: Any, method: str, path: str, **named: Any) -> Any:
            if not path.endswith("/Update"):
                return await original(self, method, path, **named)
            going = asyncio.ensure_future(original(self, method, path, **named))
            await asyncio.sleep(0.001)
            hit("sync-act.air")
            return await going

        return ask

    wrap("services.sync.applier:_Run.work", beginning)
    wrap("services.sync.applier:_Run._start", in_transaction_of("sync-start"))
    wrap("services.sync.p2p.client:P2P.update", acting)
    wrap("libs.http.session:Session.ask", asking)
    wrap("services.sync.applier:settle", in_transaction_of("sync-settle"))
    wrap("services.sync.applier:end", in_transaction_of("sync-end"))
