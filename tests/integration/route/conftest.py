"""route's API on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.service import Wake
from services.route import api
from services.route.loads import load_api
from services.route.settings import RouteSettings
from services.route.waits import parked_api, recall_api
from tests.integration.validate.api_client import served


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
async def hub(pools: Pools) -> AsyncIterator[httpx.AsyncClient]:
    pool, worker, wake = await pools.get("route", "api"), await pools.get("route", "worker"), Wake()
    router = APIRouter()
    router.include_router(api.routes(RouteSettings(), pool, worker, wake))
    router.include_router(load_api.routes(RouteSettings(), worker, wake))
    router.include_router(parked_api.routes(pool, worker, wake))
    router.include_router(recall_api.routes(worker, wake))
    async with served(router) as client:
        yield client
