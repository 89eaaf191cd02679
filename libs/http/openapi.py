"""The OpenAPI document of an app, and one of all.

FastAPI describes its own routes. Added here: plain Starlette routes (a service says what they are), the one
shape of every error, and which errors a route can answer because of what it asks for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from libs.errors import HubError
from libs.http.problems import MEDIA_TYPE, Problem

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_REF = {"$ref": "#/components/schemas/Problem"}

_WITH_CREDENTIALS = {"401": "No valid credentials", "403": "The credentials lack the right"}
_WITH_BODY = {"413": "Too large"}
_WITH_PARAMETERS = {"422": "A field is missing or not in its form"}
_ALWAYS = {"503": "Something the hub needs is away; see Retry-After", "default": "Any other error"}


class PrefixClash(HubError):
    """Two services claim the same paths."""

    slug = "prefix-clash"
    transient = False


def document(app: FastAPI, extra_paths: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The app's OpenAPI document. ``extra_paths``: path items of plain routes, as OpenAPI writes them."""
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path, item in (extra_paths or {}).items():
        made["paths"].setdefault(path, {}).update(copy.deepcopy(dict(item)))
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for item in made["paths"].values():
        for method in _METHODS:
            if method in item:
                _errors(item[method])
    return made


def _errors(operation: dict[str, Any]) -> None:
    wanted = dict(_ALWAYS)
    if operation.get("security"):
        wanted |= _WITH_CREDENTIALS
    if operation.get("requestBody"):
        wanted |= _WITH_BODY
    if operation.get("requestBody") or operation.get("parameters"):
        wanted |= _WITH_PARAMETERS
    responses = operation.setdefault("responses", {})
    # FastAPI's own form of a 422 is not what this hub sends.
    responses.pop("422", None)
    for status, words in wanted.items():
        responses.setdefault(status, {"description": words, "content": {MEDIA_TYPE: {"schema": _REF}}})


def templates(app: FastAPI) -> dict[Any, str]:
    """The path template of every endpoint, plain ones included."""
    return {
        endpoint: path
        for route in iter_route_contexts(app.routes)
        if (endpoint := getattr(route, "endpoint", None)) is not None
        and (path := getattr(route, "path", None))
    }


def prefixes(router: APIRouter, extra_paths: Iterable[str] = ()) -> set[str]:
    """The first two steps of every path: ``/v1/invoices``. Pages count by their first step."""
    paths = {str(getattr(route, "path", "")) for route in iter_route_contexts(router.routes)} | set(
        extra_paths
    )
    return {_prefix(path) for path in paths if path}


def _prefix(path: str) -> str:
    steps = path.strip("/").split("/")
    return "/" + "/".join(steps[: 2 if steps[0].startswith("v") and steps[0][1:].isdigit() else 1])


def no_clash(claimed: Mapping[str, Iterable[str]]) -> None:
    """Raises ``PrefixClash`` when a prefix belongs to two; ``claimed``: prefixes by service."""
    owner: dict[str, str] = {}
    for service, paths in claimed.items():
        for path in paths:
            if owner.setdefault(path, service) != service:
                raise PrefixClash(f"{path} belongs to {owner[path]} and to {service}")


def merge_openapi(documents: Mapping[str, Mapping[str, Any]], *, title: str = "Postbode") -> dict[str, Any]:
    """One document of the documents of all services, by name. Raises ``PrefixClash``.

    Schemas of the same name and content are one; of the same name and other content, each gets its
    service's name in front.
    """
    no_clash({name: {_prefix(path) for path in each["paths"]} for name, each in documents.items()})
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    found: dict[str, list[Any]] = {}
    for each in documents.values():
        for name, schema in each.get("components", {}).get("schemas", {}).items():
            if schema not in found.setdefault(name, []):
                found[name].append(schema)
    clashing = {name for name, schemas in found.items() if len(schemas) > 1}
    for service, each in documents.items():
        renamed = {name: f"{service.capitalize()}{name}" for name in clashing}
        whole = _renamed(copy.deepcopy(dict(each)), renamed)
        merged["paths"].update(whole["paths"])
        components = whole.get("components", {})
        merged["components"]["securitySchemes"].update(components.get("securitySchemes", {}))
        for name, schema in components.get("schemas", {}).items():
            merged["components"]["schemas"][renamed.get(name, name)] = schema
    return merged


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                head, _, name = inner.rpartition("/")
                value[key] = f"{head}/{names.get(name, name)}"
            else:
                _renamed(inner, names)
    elif isinstance(value, list):
        for inner in value:
            _renamed(inner, names)
    return value
