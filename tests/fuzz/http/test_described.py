"""Every API answers as its OpenAPI document says, whatever is asked of it.

Schemathesis makes requests out of the documents, right ones and wrong ones, and compares the answers: no 5xx but a 503 that
says when to come back, no status, media type or body that is not declared. The real apps of all services on a real
Postgres, in this process; nothing runs behind them, so nothing is mailed or delivered. ``POSTBODE_EXAMPLES`` sets how many
requests of each kind an operation gets (the soak takes 60), ``POSTBODE_EXAMPLES_SEED`` which.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Self, TypeVar

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from libs.db.pools import tenant
from libs.db.settings import DatabaseSettings
from libs.http.app import Readiness
from libs.messaging import MemoryTransport
from libs.runtime import app_of
from libs.settings import Settings
from services.ingest.access import accounts, keys
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from services.solo import Plan, hub

MANY = int(os.environ.get("POSTBODE_EXAMPLES", "1"))
SEED = int(os.environ.get("POSTBODE_EXAMPLES_SEED", "1"))
RIGHTS = ("invoice:write", "invoice:read", "party:read", "party:write", "account:admin", "operator")
BASE = "http://127.0.0.1"
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
_CALLS_OUT = {"POST /v1/sync/clients"}
"""Asks whoever stands at the address it is given."""
T = TypeVar("T")


@schemathesis.serializer("application/zip")
def _zipped(ctx: schemathesis.SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


class Apis:
    """The apps of all services as one, in a loop of its own: Hypothesis knows nothing of loops."""

    def __init__(self, database: DatabaseSettings) -> None:
        self._common = Settings(database_url=database.url, secret=database.secret, base_url=BASE)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._stack = contextlib.AsyncExitStack()
        self.run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _begin(self) -> None:
        plan = Plan(self._common, {"ingest": {"requests_per_second": 0}})
        services, resources = await self._stack.enter_async_context(hub(plan, MemoryTransport()))
        app = app_of(services, resources, Readiness())
        for service in services:
            for part in service.background:
                await self._stack.enter_async_context(part)
        self.document = app.openapi()
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, timeout=30)
        )
        pools = resources.pools
        claims = accounts.Claims(name="Bakker", email="bakker@bakker.example")
        account = await accounts.open_account(await pools.get("ingest", "worker"), claims)
        async with tenant(await pools.get("ingest", "api"), account) as conn:
            vault = vault_of(IngestSettings(**self._common.model_dump()))
            key, _ = await keys.add_key(conn, account, vault, "test", RIGHTS)
        self._headers = {"Authorization": f"Bearer {key}"}

    def ask(self, case: schemathesis.Case[Any]) -> Response:
        """Sent as it stands, with the key."""
        made = requests.Request(**case.as_transport_kwargs(base_url=BASE, headers=self._headers)).prepare()
        headers = {name: value for name, value in made.headers.items() if isinstance(value, str)}
        content = made.body if isinstance(made.body, bytes | str) else b""
        sent = self._http.build_request(str(made.method), str(made.url), headers=headers, content=content)
        return Response.from_httpx(self.run(self._http.send(sent)), verify=True)


@pytest.fixture
def apis(database: DatabaseSettings) -> Iterator[Apis]:
    with Apis(database) as found:
        yield found


def differences(apis: Apis, document: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """How often was asked, and by operation what was answered that is not declared."""
    wrong: dict[str, str] = {}
    asked = 0

    def work(case: schemathesis.Case[Any]) -> None:
        nonlocal asked
        answer = apis.ask(case)
        asked += 1
        assert answer.status_code < 500 or answer.headers.get("retry-after"), answer.text
        case.validate_response(answer, checks=CHECKS)

    quiet = settings(
        max_examples=MANY, deadline=None, database=None, phases=[Phase.generate], print_blob=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    modes = list(GenerationMode)
    for number, found in enumerate(schemathesis.openapi.from_dict(document).get_all_operations(), SEED):
        if not isinstance(found, Ok):
            raise found.err()
        operation = found.ok()
        if operation.label in _CALLS_OUT:
            continue
        # A short run takes right requests of one half, and wrong ones of the other.
        for mode in modes if MANY > 1 else [modes[number % 2]]:
            try:
                seed(SEED)(quiet(given(case=operation.as_strategy(generation_mode=mode))(work)))()
            except Unsatisfiable:
                pass  # there is nothing wrong to ask
            except (Exception, FailureGroup) as failed:  # noqa: BLE001 - all of them are told, not the first
                wrong[operation.label] = repr(failed)
    return asked, wrong


def test_every_answer_is_one_that_is_declared(apis: Apis) -> None:
    asked, wrong = differences(apis, apis.document)
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in sorted(wrong.items()))
    assert asked > 0.7 * MANY * sum(len(each) for each in apis.document["paths"].values())
    # And it would notice: a document that promises more than is given, and one that knows no such answer.
    promised = copy.deepcopy(apis.document)
    paths = {path: promised["paths"][path] for path in ("/v1/sync", "/v1/accounts/me")}
    (answer,) = paths["/v1/sync"]["get"]["responses"]["200"]["content"].values()
    answer["schema"] = {"type": "object", "required": ["moon"]}
    paths["/v1/accounts/me"] = {"get": paths["/v1/accounts/me"]["get"]}
    paths["/v1/accounts/me"]["get"]["responses"] = {"418": {"description": "a teapot"}}
    assert set(differences(apis, {**promised, "paths": paths})[1]) == {"GET /v1/sync", "GET /v1/accounts/me"}
