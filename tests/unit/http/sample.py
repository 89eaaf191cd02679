"""A small app with every kind of route, and callers for it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.parts import Words
from libs.errors import HubError, TooMany, Unauthenticated, Unavailable, Unprocessable
from libs.http.app import Readiness, create_app
from libs.http.paging import After, Limit, cursor, link_next
from libs.http.principal import Principal, requires
from libs.http.responses import json_response

ACCOUNT = UUID("01900000-0000-7000-8000-000000000001")
MAX_BODY = 1000


class Callers:
    """``Bearer reader`` may read, ``Bearer writer`` may write too; ingest is away for ``Bearer away``."""

    async def authenticate(self, authorization: str | None) -> Principal:
        scopes = {
            "Bearer reader": {"invoice:read"},
            "Bearer writer": {"invoice:read", "invoice:write"},
            "Bearer operator": {"operator"},
        }
        if authorization == "Bearer away":
            raise Unavailable("credentials cannot be checked", code="identity-away")
        if authorization not in scopes:
            raise Unauthenticated
        return Principal(ACCOUNT, None, frozenset(scopes[authorization]), frozenset())


class Item(BaseModel):
    number: int = Field(ge=0)
    secret: str = ""


class Oops(HubError):
    """The inside is on fire at 10.0.0.7."""


Reader = Annotated[Principal, Depends(requires("invoice:read"))]
Writer = Annotated[Principal, Depends(requires("invoice:write", "operator"))]


def router() -> APIRouter:
    made = APIRouter()

    @made.get("/v1/items/{item_id}")
    async def get_item(item_id: UUID, principal: Reader) -> dict[str, str]:
        return {"item": str(item_id), "account": str(principal.account_id)}

    @made.get("/v1/items")
    async def get_items(
        request: Request, response: Response, limit: Limit = 2, after: After = None
    ) -> list[int]:
        response.headers.update(link_next(request.url, cursor(7)))
        return [limit, len(after or "")]

    @made.post("/v1/items", status_code=201)
    async def post_item(item: Item, principal: Writer) -> Item:
        return item

    @made.post("/v1/open")
    async def post_open(item: Item) -> Item:
        return item

    @made.get("/v1/errors/{kind}")
    async def get_error(kind: str) -> None:
        raise ERRORS[kind]

    async def plain(request: Request) -> Response:
        return json_response({"bytes": len(await request.body())}, status_code=202)

    async def stream(request: Request) -> Response:
        async def half(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise RuntimeError("in the middle")

        return half  # type: ignore[return-value]

    async def page(request: Request) -> Response:
        return Response("<p>", media_type="text/html", headers={"Cache-Control": "max-age=60"})

    async def short(request: Request) -> Response:
        body = await request.body()
        if body in SHORT_ERRORS:
            raise ERRORS[SHORT_ERRORS[body]]
        return json_response({"bytes": len(body)}, status_code=202)

    made.add_route("/v1/short", short, methods=["POST"])
    made.add_route("/v1/plain/{name}", plain, methods=["POST"])
    made.add_route("/v1/stream", stream, methods=["GET"])
    made.add_route("/page", page, methods=["GET"])
    return made


ERRORS: dict[str, Exception] = {
    "unprocessable": Unprocessable(
        "line 3 is no invoice", code="not-xml", line=3, status=200, words=Words(nl="Nee", en="No")
    ),
    "too-many": TooMany(retry_after=7),
    "unavailable": Unavailable("the broker is away", code="broker-away"),
    "inside": Oops(),
    "unexpected": ValueError("password=hunter2"),
    "value": asyncpg.CharacterNotInRepertoireError("invalid byte sequence for encoding: 0x00"),
    "connection": ConnectionRefusedError("10.0.0.7:5432 refused"),
    "shutdown": asyncpg.AdminShutdownError("terminating connection"),
    "timeout": asyncpg.QueryCanceledError("canceling statement"),
}

SHORT_ERRORS = {name.encode(): name for name in ERRORS}

_TAKES = {
    "post": {
        "summary": "Plain",
        "requestBody": {"content": {}},
        "responses": {"202": {"description": "Taken"}},
    }
}
EXTRA = {"/v1/plain/{name}": _TAKES, "/v1/short": _TAKES}


def client(readiness: Readiness | None = None) -> httpx.AsyncClient:
    app = create_app(
        [router()],
        title="sample",
        identity=Callers(),
        readiness=readiness,
        max_body=MAX_BODY,
        openapi_extra_paths=EXTRA,
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample")


async def never() -> None:
    await asyncio.sleep(3600)
