"""Fills both sides with the same: an administration of Globe+, and in Purchase to Pay what a sync would make of it.

Prints the administration's address.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from zoneinfo import ZoneInfo

from libs import clock
from services.sync.globe.reader import Globe as Reader
from services.sync.mappings import KINDS
from services.sync.mappings.field import Scope, compose
from services.sync.p2p.client import bare
from tests.sims.globe import Fill, Globe
from tests.sims.p2p import Control

CHUNK = 2_000


async def fill(postgres_url: str, address: str, records: int) -> str:
    today = clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).date()
    plan = Fill("001", "Een BV", 1, records, today=today)
    made = await Globe(postgres_url).create(plan.company())
    await made.load(plan.rows())
    reader = Reader.at(made.reader_url.replace("postgresql://", "postgresql+psycopg://"), "001")
    scope = Scope("001", today)
    async with Control(address) as control:
        for kind in KINDS:
            ids = [each.record_id for each in reader.stamps(kind.name)]
            for start in range(0, len(ids), CHUNK):
                rows = reader.rows(kind.name, ids[start : start + CHUNK], today)
                made_there: list[dict[str, Any]] = [
                    bare(compose(kind, row, scope)) for row in rows.values() if kind.skip(row, scope) is None
                ]
                if made_there:
                    await control.keep(kind.resource, *made_there)
    reader.close()
    return made.url


if __name__ == "__main__":
    print(asyncio.run(fill(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
