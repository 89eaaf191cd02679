"""No API takes a control character in any field, whoever adds the next one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_type_hints
from unittest.mock import MagicMock

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

import services
from libs.settings import Settings

PROBES = ("a\x00b", "a\x00@b.nl", "a\x1b[2J@b.nl", "0\x00", "NL\n")
CURSORS = frozenset({"after"})
"""Not stored and not looked up as they are: ``paging.place`` refuses what it did not make."""


def routers() -> Iterator[APIRouter]:
    """The routes of every service, wired to nothing."""
    for found in pkgutil.walk_packages(services.__path__, "services."):
        if not found.name.endswith("api"):
            continue
        routes = getattr(importlib.import_module(found.name), "routes", None)
        if routes is not None:
            hints = get_type_hints(routes)
            yield routes(*(_stand_in(hints[name]) for name in inspect.signature(routes).parameters))


def _stand_in(hint: Any) -> Any:
    return hint() if inspect.isclass(hint) and issubclass(hint, Settings) else MagicMock()


def taken(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[str]:
    """The probes this type lets through, in any of its fields."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            for probe in taken(field.annotation, tuple(field.metadata)):
                yield f"{annotation.__name__}.{name}: {probe!r}"
        return
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[annotation, *metadata] if metadata else annotation)
    for probe in PROBES:
        for value in (probe, [probe], {"x": probe}):
            try:
                adapter.validate_python(value)
            except ValidationError:
                continue
            yield repr(probe)
    for model in _models(annotation):
        yield from taken(model)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for inner in get_args(annotation):
        if inspect.isclass(inner) and issubclass(inner, BaseModel):
            yield inner
        else:
            yield from _models(inner)


ROUTES = sorted(
    (
        (f"{min(route.methods or ())} {route.path}", route)
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute)
    ),
    key=lambda pair: pair[0],
)


def test_the_routes_are_found() -> None:
    assert {"POST /v1/accounts", "POST /v1/keys", "POST /v1/parties"} <= {name for name, _ in ROUTES}


@pytest.mark.parametrize("route", [route for _, route in ROUTES], ids=[name for name, _ in ROUTES])
def test_no_field_takes_a_control_character(route: APIRoute) -> None:
    fields = [
        field
        for field in (
            *route.dependant.path_params,
            *route.dependant.query_params,
            *route.dependant.body_params,
        )
        if field.name not in CURSORS
    ]
    let_through = [
        f"{field.name}: {probe}"
        for field in fields
        for probe in taken(field.field_info.annotation, tuple(field.field_info.metadata))
    ]
    assert let_through == []
