"""Receivers' SFTP servers by the lane of deliveries, for those who look into folders.

Where a lane leads, and who logs in there, stands in its deliveries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from libs.db.types import Pool
from services.deliver import store
from services.deliver.channels.sftp import SftpChannel
from services.deliver.channels.sftp_session import Session

T = TypeVar("T")

# The last that was put there: it knows where that is.
_PARCEL_IN = """
SELECT d.receiver_id, d.receiver_name, p.body FROM delivery d JOIN parcel p USING (delivery_id)
 WHERE d.state IN ('handed_over', 'confirmed') AND d.channel = 'sftp' AND d.lane = $1 ORDER BY d.delivery_id DESC LIMIT 1
"""


class Afar:
    """What is seen and done there, as ``globe.Folders`` has it. ``pool`` has the worker role."""

    def __init__(self, pool: Pool, sftp: SftpChannel) -> None:
        self._pool = pool
        self._sftp = sftp

    async def names(self, lane: str) -> frozenset[str] | None:
        return await self._visit(lane, Session.names)

    async def texts(self, lane: str, names: Sequence[str]) -> dict[str, bytes]:
        return await self._visit(lane, lambda session: session.beginnings(names)) or {}

    async def take_away(self, lane: str, names: Sequence[str]) -> None:
        await self._visit(lane, lambda session: session.take_away(names))

    async def _visit(self, lane: str, do: Callable[[Session], Awaitable[T]]) -> T | None:
        row = await self._pool.fetchrow(_PARCEL_IN, lane)
        if row is None:
            return None
        parcel, _ = store.parcel_of(row)
        return await self._sftp.visit(lane, parcel.receiver.party_id, parcel.settings, do)
