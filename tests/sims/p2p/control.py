"""The switches, for a test or a demo: a client of ``/_sim``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from tests.sims.p2p.faults import Fault
from tests.sims.p2p.limits import most_in_any

Effect = Literal["created", "changed", "unchanged", "none"]


@dataclass(frozen=True)
class Entry:
    """One request. ``at``: seconds since 1970; ``status``: 0 when nothing was answered; ``effect``: what it
    did, whatever was answered; ``body``: of a write that was carried out."""

    seq: int
    at: float
    method: str
    entity: str
    external_id: str | None
    status: int
    code: str | None
    effect: Effect
    fault: str | None
    body: str | None


class Control:
    """``address``: the server's, without the API's base path."""

    def __init__(self, address: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{address}/_sim", timeout=60, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def until_up(self, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await self._http.get("/settings")
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
                else:
                    return

    async def set(self, **settings: Any) -> None:
        """Settings by their names (``settings.py``), such as ``rate_limit={"requests": 10, "seconds": 1}``."""
        (await self._http.patch("/settings", json=settings)).raise_for_status()

    async def plan(self, *faults: Fault) -> None:
        """These faults and no others."""
        (await self._http.put("/faults", json=[fault.model_dump() for fault in faults])).raise_for_status()

    async def planned(self) -> list[Fault]:
        """What has not struck yet."""
        return [Fault.model_validate(each) for each in (await self._http.get("/faults")).json()]

    async def keep(self, entity: str, *records: dict[str, Any]) -> None:
        """Somebody saves these in the screens: no rule of the API is asked. Also how a test fills it fast."""
        (await self._http.post(f"/records/{entity}", json=records)).raise_for_status()

    async def setting(self, name: str, value: str) -> None:
        """A system parameter or feature, such as ``EXACTGLOBE_ADMINS_SAME_COSTTYPES``."""
        await self.keep("SystemSetting", {"externalId": name, "value": value})

    async def remove(self, entity: str, key: str) -> bool:
        return bool((await self._http.delete(f"/records/{entity}/{key}")).json()["removed"])

    async def all(self, entity: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._http.get(f"/records/{entity}")).json()
        return found

    async def find(self, entity: str, key: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await self._http.get(f"/records/{entity}/{key}")).json()
        return found

    async def revoke_tokens(self) -> None:
        (await self._http.delete("/tokens")).raise_for_status()

    async def journal(self, after: int = 0) -> list[Entry]:
        """Every request since, in order."""
        found: list[Entry] = []
        while True:
            reply = await self._http.get("/journal", params={"after": found[-1].seq if found else after})
            part = [Entry(**each) for each in reply.json()]
            if not part:
                return found
            found += part

    async def forget_journal(self) -> None:
        (await self._http.delete("/journal")).raise_for_status()


def writes(journal: Sequence[Entry]) -> list[Entry]:
    """Those that were carried out, answered or not."""
    return [entry for entry in journal if entry.effect != "none"]


def repeated(journal: Sequence[Entry]) -> list[Entry]:
    """Writes that left a record as it was: applied a second time, or for nothing."""
    return [entry for entry in journal if entry.effect == "unchanged"]


def busiest(journal: Sequence[Entry], seconds: float) -> int:
    """The most requests that were let through in any stretch of ``seconds``."""
    return most_in_any([entry.at for entry in journal if entry.code != "rate_limited"], seconds)
