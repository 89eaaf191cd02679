"""deliver on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.deliver.attempts import dispatcher
from tests.integration.deliver.stage import Sink, Stage


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What became due by a test's own hand is looked for at once, and not within a second."""
    monkeypatch.setattr(dispatcher, "IDLE_SECONDS", 0.1)


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
async def stage(pools: Pools, sink: Sink, tmp_path: Path) -> Stage:
    return Stage(pools, await pools.get("deliver", "worker"), tmp_path / "folders", sink)
