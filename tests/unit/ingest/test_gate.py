"""Who may hand over now: whoever floods is turned away for next to nothing, and nobody is let in by memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from starlette.requests import Request

from libs.db.types import Pool
from libs.errors import Unauthenticated
from libs.http.principal import Principal
from libs.http.quota import OverQuota, Quota
from services.ingest.backlog import Backlog
from services.ingest.submit import Gate


class Identity:
    """Knows one key until it is revoked."""

    def __init__(self) -> None:
        self.asked = 0
        self.revoked = False

    async def authenticate(self, authorization: str | None) -> Principal:
        self.asked += 1
        if self.revoked or authorization != "Bearer known":
            raise Unauthenticated
        return Principal(UUID(int=1), None, frozenset({"invoice:write"}), frozenset(), None)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def request(identity: Identity, login: str = "Bearer known") -> Request:
    app = SimpleNamespace(state=SimpleNamespace(identity=identity))
    return Request({"type": "http", "app": app, "headers": [(b"authorization", login.encode())]})


async def test_over_the_quota_nobody_is_asked_who_it_is_and_a_revoked_key_is_not_let_in() -> None:
    identity, time = Identity(), Time()
    quota = Quota("account", per_second=1, burst=2, time=time)
    gate = Gate(quota, Backlog(cast("Pool", None), seconds=0))
    for _ in range(2):
        await gate.enter(request(identity))
    for _ in range(50):
        with pytest.raises(OverQuota):
            await gate.enter(request(identity))
    assert identity.asked == 2
    with pytest.raises(Unauthenticated):
        await gate.enter(request(identity, "Bearer other"))
    identity.revoked = True
    time.now += 1
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await gate.enter(request(identity))
