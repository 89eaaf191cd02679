"""A receiver that fetches its invoices, and the fault points of being asked for them.

It works as docs/receiving.md tells it to: list, read, store, acknowledge. It knows an invoice by the id it is listed under.
What it read and has not acknowledged may be listed again; what it was told is acknowledged may not.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from tests.crash.pushed import Came
from tests.crash.wrapping import wrap

PAUSE_SECONDS = 0.1
ANSWER_SECONDS = 0.1
"""So long after it was asked to, the hub has said that it is acknowledged."""


class Fetching:
    """``again``: how often an invoice was listed once more although the hub had said that it is acknowledged."""

    def __init__(self, came: Came) -> None:
        self.again: Counter[str] = Counter()
        self._came = came
        self._stored: set[str] = set()
        self._acknowledged: set[str] = set()
        self._asking: asyncio.Task[None] | None = None

    def begin(self, url: Callable[[], str], key: str) -> None:
        """Ask for ever, with this key, whatever becomes of whoever answers."""
        self._asking = asyncio.create_task(self._ask_for_ever(url, key))

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_for_ever(self, url: Callable[[], str], key: str) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(trust_env=False, timeout=5, limits=limits, headers=headers) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await self._round(http, f"{url()}/v1/deliveries/waiting")
                await asyncio.sleep(PAUSE_SECONDS)

    async def _round(self, http: httpx.AsyncClient, url: str) -> None:
        listed = (await http.get(url)).raise_for_status().json()["deliveries"]
        ids = [each["delivery_id"] for each in listed]
        self.again.update(self._acknowledged.intersection(ids))
        for each in ids:
            if each not in self._stored:
                self._keep(each, (await http.get(f"{url}/{each}")).raise_for_status().json())
        if ids:
            said = await http.post(f"{url}/acknowledged", json={"delivery_ids": ids})
            self._acknowledged.update(said.raise_for_status().json()["acknowledged"])

    def _keep(self, key: str, said: Any) -> None:
        found = {each["media_type"]: base64.b64decode(each["content"]) for each in said["data"]["documents"]}
        self._stored.add(key)
        self._came(key, found["application/xml"], found.get("application/pdf"))


def arm(hit: Callable[..., None], from_here: Callable[[str], None]) -> None:
    """A window before each answer, two around the commit of an acknowledgement, and one when that was answered.
    ``from_here`` says whose transactions follow, in the task of one request."""

    def answering(window: str) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            async def wrapped(*args: Any) -> Any:
                found = await original(*args)
                if found:
                    hit(window)
                return found

            return wrapped

        return make

    wrap("services.deliver.receivers.waiting:listed", answering("pull.listed.after"))
    wrap("services.deliver.receivers.waiting:one", answering("pull.read.after"))

    def acknowledging(original: Any) -> Any:
        async def wrapped(conn: Any, account_id: Any, ids: Sequence[Any]) -> Any:
            from_here("pull")
            asyncio.get_running_loop().call_later(ANSWER_SECONDS, hit, "pull.reply.after")
            return await original(conn, account_id, ids)

        return wrapped

    wrap("services.deliver.receivers.waiting:acknowledge", acknowledging)
