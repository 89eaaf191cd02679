"""How much may be on its way over one session at an SFTP server."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from services.deliver.channels import sftp_session
from services.deliver.channels.sftp_session import Session


class Open:
    closed = False

    def is_closed(self) -> bool:
        return self.closed


def session() -> tuple[Session, Open]:
    ssh = Open()
    return Session(cast("Any", ssh), cast("Any", None), "in"), ssh


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_large_pair_goes_alone_and_those_behind_it_wait_their_turn() -> None:
    found, _ = session()
    most = sftp_session._MOST_BYTES
    inside: list[str] = []
    may_leave = {name: asyncio.Event() for name in ("small", "also small", "large", "last")}

    async def one(name: str, size: int) -> None:
        async with found.room(size):
            inside.append(name)
            await may_leave[name].wait()
        inside.remove(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one("small", most // 2))
        tasks.create_task(one("also small", most // 2))
        tasks.create_task(one("large", 3 * most))
        tasks.create_task(one("last", 1))
        await settle()
        assert inside == ["small", "also small"]
        may_leave["small"].set()
        await settle()
        assert inside == ["also small"]
        may_leave["also small"].set()
        await settle()
        assert inside == ["large"], "and none that came later before it"
        may_leave["large"].set()
        await settle()
        assert inside == ["last"]
        may_leave["last"].set()


async def test_whoever_gives_up_waiting_holds_up_nobody() -> None:
    found, _ = session()
    most = sftp_session._MOST_BYTES
    async with found.room(most):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), found.room(most):
                pass
    async with asyncio.timeout(1), found.room(most):
        pass


async def test_a_session_in_use_stays_fresh_however_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("libs.clock.monotonic", lambda: now[0])
    found, ssh = session()
    async with found.room(0):
        now[0] += 10 * sftp_session.IDLE_SECONDS
        assert found.fresh
    assert found.fresh
    now[0] += sftp_session.IDLE_SECONDS + 1
    assert not found.fresh
    async with found.room(0):
        ssh.closed = True
        assert not found.fresh
