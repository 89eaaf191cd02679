"""A revoked key stops everywhere within 30 seconds: at ingest and at a service that asks ingest over HTTP, on a clock that
the test moves."""

from __future__ import annotations

import functools
from typing import cast

import httpx
import pytest

from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.http.app import create_app
from libs.http.client import client
from libs.http.principal import CachedAuthenticator, Introspection
from libs.testing import builders
from services.validate.api import routes
from services.validate.settings import ValidateSettings
from tests.integration.ingest.door import replica


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_revoked_key_stops_everywhere_within_thirty_seconds(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time()
    remembering = functools.partial(CachedAuthenticator, time=time)
    monkeypatch.setattr("libs.runtime.CachedAuthenticator", remembering)
    async with replica(database) as door, client() as http, client() as asking:
        _, login = await door.supplier(scopes=("invoice:write", "invoice:read", "account:admin"))
        asked = Introspection(f"{door.url}/v1/tokens/introspect", door.settings.introspection_secret, asking)
        # A check reads no row, so there is no database.
        checks = routes(ValidateSettings(), cast("Pool", None))
        app = create_app([checks], title="validate", identity=remembering(asked))
        validate = httpx.ASGITransport(app)

        async def taken() -> tuple[int, int]:
            """By ingest, and by validate."""
            mine = await http.get(f"{door.url}/v1/accounts/me", headers=login)
            async with httpx.AsyncClient(transport=validate, base_url="http://validate.test") as other:
                theirs = await other.post("/v1/check", headers=login, content=builders.invoice())
            return mine.status_code, theirs.status_code

        assert await taken() == (200, 200)
        key = login["Authorization"].split("_")[2]
        gone = await http.delete(f"{door.url}/v1/keys/{key}", headers=login)
        assert gone.status_code == 200, gone.text
        time.now += 29.9
        remembered = await taken()
        assert remembered == (200, 200), "else the clock of this test moves nothing"
        time.now += 0.1
        assert await taken() == (401, 401)
        time.now += 3600
        assert await taken() == (401, 401)
