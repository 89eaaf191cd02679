"""``/_sim``: what people do in the product's screens, and what a test wants to know or break. No part of the API."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sims.p2p.entities import ENTITIES
from tests.sims.p2p.environment import Environment
from tests.sims.p2p.faults import Fault
from tests.sims.p2p.settings import Settings

PREFIX = "/_sim"
_FAULTS = TypeAdapter(list[Fault])


class Admin:
    """Everything by its path below ``/_sim``."""

    def __init__(self, environment: Environment) -> None:
        self._env = environment

    def routes(self) -> list[Route]:
        return [
            Route(f"{PREFIX}/settings", self.settings, methods=["GET", "PATCH"]),
            Route(f"{PREFIX}/faults", self.faults, methods=["GET", "PUT"]),
            Route(f"{PREFIX}/records/{{entity}}", self.records, methods=["GET", "POST"]),
            Route(f"{PREFIX}/records/{{entity}}/{{key:path}}", self.record, methods=["GET", "DELETE"]),
            Route(f"{PREFIX}/journal", self.journal, methods=["GET", "DELETE"]),
            Route(f"{PREFIX}/tokens", self.tokens, methods=["DELETE"]),
        ]

    async def settings(self, request: Request) -> Response:
        """PATCH: those that are given."""
        if request.method == "PATCH":
            given = self._env.settings.model_dump() | await request.json()
            try:
                self._env.change(Settings.model_validate(given))
            except ValidationError as error:
                return JSONResponse({"error": str(error)}, 422)
        return JSONResponse(self._env.settings.model_dump())

    async def faults(self, request: Request) -> Response:
        """PUT: these instead of those that were planned."""
        if request.method == "PUT":
            try:
                self._env.plan(_FAULTS.validate_json(await request.body()))
            except ValidationError as error:
                return JSONResponse({"error": str(error)}, 422)
        return JSONResponse([fault.model_dump() for fault in self._env.faults])

    async def records(self, request: Request) -> Response:
        """POST: a list of records as people keep them; fields that are left out are empty."""
        name = request.path_params["entity"]
        if name not in ENTITIES:
            return JSONResponse({"error": f"no {name}"}, 404)
        if request.method == "GET":
            bodies, _ = self._env.storage.page(name, 1, 10**9, None, None)
            return Response(f"[{','.join(bodies)}]", media_type="application/json")
        records = await request.json()
        model = ENTITIES[name].model
        empty = {
            field.alias or field_name: None
            if field.is_required()
            else field.get_default(call_default_factory=True)
            for field_name, field in model.model_fields.items()
        }
        with self._env.storage.transaction():
            for record in records:
                self._env.keep(name, {**empty, **record})
        return JSONResponse({"kept": len(records)})

    async def record(self, request: Request) -> Response:
        name, key = request.path_params["entity"], request.path_params["key"]
        if request.method == "DELETE":
            return JSONResponse({"removed": self._env.storage.remove(name, key)})
        found = self._env.storage.get(name, key)
        return JSONResponse(found, 200 if found is not None else 404)

    async def journal(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._env.storage.forget_journal()
            return JSONResponse([])
        after = int(request.query_params.get("after", "0"))
        return JSONResponse(self._env.storage.journal(after))

    async def tokens(self, request: Request) -> Response:
        """All of them are worth nothing from now on."""
        self._env.revoke()
        return JSONResponse({})
