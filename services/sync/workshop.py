"""What everything that plans, applies and compares works with, for the service and for the command line alike."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from uuid import UUID

from libs import clock
from libs.db.types import Pool
from libs.errors import Conflict
from libs.service import Wake
from services.sync import checks, clients, timetable
from services.sync.clients import Member, Seal
from services.sync.given import GivenChange
from services.sync.globe.reader import Globe
from services.sync.p2p.client import P2P, Account
from services.sync.settings import CREDENTIALS, SyncSettings
from services.sync.sides import Connect, Sides, opened

"""What the key that encrypts passwords is derived for."""


class Workshop:
    def __init__(
        self, settings: SyncSettings, pool: Pool, wake: Wake, connect: Connect | None = None
    ) -> None:
        """``pool`` has the worker role. ``wake`` is called when events were committed."""
        self.settings = settings
        self.pool = pool
        self.wake = wake
        self.seal = Seal(settings.derive(CREDENTIALS))
        self.connect = connect or self._connect

    def _connect(self, account: Account) -> P2P:
        return P2P(account, at_once=self.settings.at_once, timeout=self.settings.request_seconds)

    async def add_client(self, account_id: UUID, name: str, account: Account) -> UUID:
        """Connect to a Purchase to Pay, and save it when that succeeds (R203)."""
        p2p = self.connect(account)
        try:
            await p2p.sign_in()
        finally:
            await p2p.close()
        async with self.pool.acquire() as conn:
            client_id = await clients.put_client(conn, self.seal, account_id, name, account)
            await clients.connected(conn, client_id)
        return client_id

    @contextlib.asynccontextmanager
    async def opened(self, solution_id: UUID, deleted: Collection[str] = ()) -> AsyncIterator[Sides]:
        """Both sides of a solution, checked; see ``sides.opened``."""
        async with self.pool.acquire() as conn:
            solution = await clients.solution(conn, self.seal, solution_id)
        async with opened(self.pool, solution, self.connect, open_globe, deleted) as sides:
            yield sides

    async def accept_cost_types(self, solution_id: UUID) -> bool:
        """Take EXACTGLOBE_ADMINS_SAME_COSTTYPES as it stands now, and say how (R218, C17)."""
        async with self.opened(solution_id) as sides, self.pool.acquire() as conn:
            await clients.remember_cost_types(conn, solution_id, sides.same_cost_types)
            return sides.same_cost_types

    async def activate(self, solution_id: UUID) -> datetime:
        """Let the schedule run a solution; returns when it does first. Raises ``Conflict`` when one of its Globe+ has a
        product update this connector does not support (R202)."""
        async with self.pool.acquire() as conn:
            found = await clients.solution(conn, self.seal, solution_id)
            refused = [each for each in found.members if not checks.supported(each.product_update)]
            if refused:
                told = ", ".join(f"{each.code} ({each.product_update})" for each in refused)
                supported = ", ".join(checks.SUPPORTED_UPDATES)
                raise Conflict(
                    f"The product update of these administrations is not supported: {told}; these are: {supported}.",
                    nl=f"De product update van deze administraties wordt niet ondersteund: {told}; wel: {supported}.",
                    code="unsupported-update",
                )
            following = timetable.following(found.every, found.at, found.timezone, clock.now())
            await clients.activate(conn, solution_id, True, following)
        return following

    async def change(self, solution_id: UUID, given: GivenChange) -> None:
        """Another schedule or other settings; what is not given stays. Raises ``BadInput`` where it cannot be."""
        async with self.pool.acquire() as conn, conn.transaction():
            found = await clients.solution(conn, self.seal, solution_id)
            every, timezone = given.every or found.every, given.timezone or found.timezone
            at = given.at or found.at
            timetable.checked(every, at, timezone)
            changed = given.settings.model_dump(exclude_unset=True) if given.settings else {}
            settings = {k: v for k, v in {**found.settings, **changed}.items() if v is not None}
            following = timetable.following(every, at, timezone, clock.now())
            await clients.change(conn, solution_id, every, at, timezone, settings, following)


def open_globe(member: Member) -> Globe:
    return Globe.at(member.source, member.code)
