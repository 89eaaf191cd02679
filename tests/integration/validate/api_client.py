"""A service's API with callers made up for the test: the token says who calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
from fastapi import APIRouter

from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal

ANNA, BERT, STAFF = UUID(int=0xA), UUID(int=0xB), UUID(int=0xFF)
_ALL = frozenset({"invoice:read", "invoice:write", "party:read", "party:write"})
CALLERS: Mapping[str, Principal] = {
    "anna": Principal(ANNA, None, _ALL, frozenset()),
    "bert": Principal(BERT, None, _ALL, frozenset()),
    "staff": Principal(STAFF, UUID(int=7), _ALL | {"operator"}, frozenset()),
    "reader": Principal(ANNA, None, frozenset({"invoice:read", "party:read"}), frozenset()),
    "nothing": Principal(ANNA, None, frozenset(), frozenset()),
}


class Known:
    async def authenticate(self, authorization: str | None) -> Principal:
        caller = CALLERS.get((authorization or "").removeprefix("Bearer "))
        if caller is None:
            raise Unauthenticated
        return caller


@asynccontextmanager
async def served(router: APIRouter) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app with just these routes; ``headers=as_("anna")`` says who calls."""
    app = create_app([router], title="test", identity=Known())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        yield client


def as_(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}
