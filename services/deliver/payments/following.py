"""Reading what is paid from Exact Online on a schedule, or when somebody asks (R110–R114).

Calls are of the use *polling*: they leave room for bookings and are put off while one waits. One reading of one link at a
time, over all workers; it takes a call for each thousand terms that changed.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from libs import clock
from libs.db.types import Pool
from libs.service import Wake
from services.deliver.exact import links
from services.deliver.exact.client import Calling
from services.deliver.exact.trouble import Denied, Lapsed, NotNow, Stopped, Trouble
from services.deliver.payments import fetching, terms
from services.deliver.payments.fetching import Reading

LATER = timedelta(minutes=10)
REFUSED = timedelta(hours=1)
"""After Exact said no: ten errors an hour block the key."""

_log = structlog.get_logger(__name__)


class Following:
    """``look`` reads all that is due. ``pool`` has the worker role."""

    def __init__(self, pool: Pool, calling: Calling, wake: Wake, every: timedelta) -> None:
        self._pool = pool
        self._calling = calling
        self._wake = wake
        self._every = every

    async def look(self) -> None:
        while (reading := await fetching.claim(self._pool)) is not None:
            try:
                await self._read(reading)
            except NotNow as wait:
                await fetching.stop(self._pool, reading, None, wait.wait.until)
            except Stopped:
                # Ended, it is read no more; with another division it goes on in that.
                await fetching.stop(self._pool, reading, None, clock.now())
            except Trouble as trouble:
                _log.warning("payments could not be read", link_id=str(reading.link_id), error=str(trouble))
                after = REFUSED if isinstance(trouble, Denied | Lapsed) else LATER
                await fetching.stop(self._pool, reading, str(trouble)[:300], clock.now() + after)

    async def _read(self, reading: Reading) -> None:
        link = (await links.of(self._pool, [reading.link_id]))[reading.link_id]
        if not link.usable:
            await fetching.stop(self._pool, reading, "the link does not hold", clock.now() + REFUSED)
            return

        async def may() -> bool:
            return await links.holds(self._pool, reading.link_id, reading.division)

        books = self._calling.books(link.grant, reading.division, "polling", may=may)
        pages = books.pages(terms.ENDPOINT, select=terms.SELECT, filter=f"Timestamp gt {reading.high}L")
        async for page in pages:
            if not await fetching.keep(self._pool, reading, terms.known(page)):
                return
        if await fetching.tell(self._pool, reading):
            self._wake()
        await fetching.end(self._pool, reading, self._every)
