from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog

from libs.testing.logged import logged
from tests.unit.http.sample import client


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client() as made:
        yield made


@pytest.fixture(autouse=True)
def log() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged meanwhile; nothing is printed."""
    with logged("DEBUG") as entries:
        yield entries
