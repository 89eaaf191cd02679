"""Everything that plans, applies and compares, put together once: for the service and for the command line."""

from __future__ import annotations

from uuid import UUID

from libs.db.types import Pool
from libs.service import Wake
from services.sync import verifying
from services.sync.applier import Applier
from services.sync.clients import Member, Seal
from services.sync.globe.reader import Globe
from services.sync.p2p.client import P2P, Account
from services.sync.planner import Planner
from services.sync.planning import Guard
from services.sync.runner import Runner
from services.sync.settings import SyncSettings
from services.sync.verifying import Comparison

PURPOSE = "sync credentials"
"""What the key that encrypts passwords is derived for."""


class Workshop:
    def __init__(self, settings: SyncSettings, pool: Pool, wake: Wake) -> None:
        """``pool`` has the worker role."""
        self.settings = settings
        self.pool = pool
        self.seal = Seal(settings.derive(PURPOSE))
        guard = Guard(settings.most_deactivations, settings.most_share)
        self.planner = Planner(pool, self.seal, self.connect, open_globe, guard)
        self.applier = Applier(settings, pool, self.seal, self.connect, open_globe, wake)
        self.runner = Runner(pool, self.planner, self.applier, wake, settings.look_seconds)

    def connect(self, account: Account) -> P2P:
        return P2P(account, at_once=self.settings.at_once, timeout=self.settings.request_seconds)

    async def verify(self, solution_id: UUID) -> Comparison:
        return await verifying.verify(self.pool, self.seal, self.connect, open_globe, solution_id)


def open_globe(member: Member) -> Globe:
    return Globe.at(member.source, member.code)
