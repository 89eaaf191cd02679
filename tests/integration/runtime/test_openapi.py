"""The APIs of all services of this checkout, as one document."""

from __future__ import annotations

import re

import pytest

from libs.db.settings import DatabaseSettings
from libs.http import openapi
from libs.http.app import Readiness
from libs.http.problems import MEDIA_TYPE
from libs.messaging import Transport
from libs.runtime import app_of
from libs.settings import Settings
from services.solo import Plan, hub

OPEN = {
    # The services ask for it, and show a secret of their own.
    "/v1/tokens/introspect",
    # Strangers ask, and hold a link that was mailed.
    "/v1/accounts/sign-ups", "/v1/accounts/resets", "/v1/accounts/links",
}  # fmt: skip
"""What may be asked without credentials."""


@pytest.mark.parametrize("transport", ["memory"], indirect=True)
async def test_all_services_fit_into_one_document(database: DatabaseSettings, transport: Transport) -> None:
    common = Settings(database_url=database.url, secret=database.secret)
    async with hub(Plan(common), transport) as (services, resources):
        apart = {s.name: app_of([s], resources, Readiness()).openapi() for s in services if s.api is not None}
        together = app_of(services, resources, Readiness()).openapi()
    merged = openapi.merge_openapi(apart)
    assert set(merged["paths"]) == set(together["paths"])
    assert "/v1/submissions" in merged["paths"]
    refs = set(re.findall(r"'#/components/schemas/([^']+)'", str(merged)))
    assert refs <= set(merged["components"]["schemas"])
    operations = [
        (path, operation)
        for path, item in merged["paths"].items() if path.startswith("/v1/")
        for operation in item.values()
    ]  # fmt: skip
    assert len(operations) > 15
    for path, operation in operations:
        assert MEDIA_TYPE in operation["responses"]["default"]["content"], path
        assert bool(operation.get("security")) is (path not in OPEN), path
    ids = [operation["operationId"] for _, operation in operations]
    assert len(ids) == len(set(ids))
