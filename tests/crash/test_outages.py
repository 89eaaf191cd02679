"""Whatever goes away comes back, and nothing is lost or doubled meanwhile. All outages in ``make soak``; here
the one that the run's seed chooses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from libs.db.settings import DatabaseSettings
from tests.crash import scale
from tests.crash.hub import Nursery
from tests.crash.outages import OUTAGES, Around
from tests.crash.seed import SEED

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)
CHOSEN = sorted(OUTAGES) if scale.SOAK else [random.Random(SEED).choice(sorted(OUTAGES))]


@pytest.mark.parametrize("name", CHOSEN)
async def test_nothing_is_lost_or_doubled(
    name: str, nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    await OUTAGES[name](Around(nursery, database, amqp_url, tmp_path, seed))
