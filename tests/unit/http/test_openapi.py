"""The document tells the truth about plain routes, errors and rights; all services fit into one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from libs.http import openapi
from libs.http.app import create_app
from libs.http.problems import MEDIA_TYPE
from tests.unit.http.sample import EXTRA, Callers, router


@pytest.fixture
async def document(http: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get("/openapi.json")).json()
    return found


def test_a_plain_route_is_in_it(document: dict[str, Any]) -> None:
    assert document["paths"]["/v1/plain/{name}"]["post"]["summary"] == "Plain"
    assert document["paths"]["/v1/plain/{name}"]["post"]["responses"]["202"]["description"] == "Taken"


def test_every_error_of_every_route_is_a_problem(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status == "default" or int(status) >= 400:
                    schema = response["content"][MEDIA_TYPE]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}, (path, status)
            assert "default" in operation["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_rights_and_their_refusals_are_told(document: dict[str, Any]) -> None:
    post = document["paths"]["/v1/items"]["post"]
    rights = ["invoice:write", "operator"]
    assert post["security"] == [{"key": rights}, {"password": rights}]
    assert {"401", "403", "413", "422"} <= set(post["responses"])
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["components"]["securitySchemes"]["password"]["scheme"] == "basic"
    free = document["paths"]["/v1/open"]["post"]
    assert "security" not in free
    assert not {"401", "403"} & set(free["responses"])


def test_describing_does_not_change_what_a_service_gave() -> None:
    assert "default" not in EXTRA["/v1/plain/{name}"]["post"]["responses"]


async def _plain(request: Request) -> Response:
    return Response(status_code=204)


def _service(title: str, *paths: str, model: dict[str, Any] | None = None) -> dict[str, Any]:
    made = APIRouter()
    for path in paths:
        made.add_api_route(path, _plain, methods=["GET"], response_model=None)
    document = create_app([made], title=title, identity=Callers()).openapi()
    if model is not None:
        document["components"]["schemas"]["Item"] = model
        for item in document["paths"].values():
            item["get"]["responses"]["200"] = {
                "description": "x", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}},
            }  # fmt: skip
    return document


def test_all_services_in_one() -> None:
    merged = openapi.merge_openapi(
        {
            "route": _service("route", "/v1/parties", "/v1/parties/{party_id}", model={"type": "string"}),
            "track": _service("track", "/v1/invoices", model={"type": "integer"}),
            "portal": _service("portal", "/invoices"),
        }
    )
    assert set(merged["paths"]) == {"/v1/parties", "/v1/parties/{party_id}", "/v1/invoices", "/invoices"}
    # Two services may call different things by one name: each keeps its own.
    ref = merged["paths"]["/v1/invoices"]["get"]["responses"]["200"]["content"]["application/json"]["schema"][
        "$ref"
    ]
    assert merged["components"]["schemas"][ref.rpartition("/")[2]] == {"type": "integer"}
    assert "Problem" in merged["components"]["schemas"]


def test_no_prefix_belongs_to_two() -> None:
    with pytest.raises(openapi.PrefixClash, match="/v1/parties"):
        openapi.merge_openapi(
            {"route": _service("route", "/v1/parties/{x}"), "track": _service("track", "/v1/parties")}
        )


def test_the_prefixes_of_a_router_include_its_plain_routes() -> None:
    assert openapi.prefixes(router()) == {
        "/v1/items",
        "/v1/open",
        "/v1/errors",
        "/v1/plain",
        "/v1/short",
        "/v1/stream",
        "/page",
    }
