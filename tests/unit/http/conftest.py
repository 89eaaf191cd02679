from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog

from libs.telemetry import logs
from libs.testing.spans import recording
from tests.unit.http.sample import client


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client() as made:
        yield made


@pytest.fixture(autouse=True)
def log() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged meanwhile; nothing is printed."""
    with recording(0):
        # Once per process this sets up telemetry and with it the logs, which must not happen later.
        pass
    logs.configure("DEBUG", "json", "test")
    with structlog.testing.capture_logs() as entries:
        yield entries
    structlog.reset_defaults()
