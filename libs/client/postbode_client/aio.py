"""The client for programs on an event loop: ``Client``, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from postbode_client import answers, wire
from postbode_client.answers import Item, Receipt
from postbode_client.batch import Batch
from postbode_client.parcels import File
from postbode_client.patience import Patience


class AsyncClient:
    """As ``Client``: the same arguments, the same answers and the same errors."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience: float = 300.0,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._patience = patience
        self._http = httpx.AsyncClient(**wire.options(url, key), timeout=timeout, transport=transport)

    async def submit(
        self, *files: File, key: str | None = None, fields: Mapping[str, str] | None = None
    ) -> Receipt:
        """See ``Client.submit``."""
        name = key or str(uuid4())
        said = await self._ask(wire.submit(files, name, fields), name)
        return answers.receipt(said.value(), repeat="postbode-repeat" in said.headers)

    async def submit_zip(self, path: Path, key: str | None = None) -> AsyncIterator[Item]:
        """See ``Client.submit_zip``."""
        name = key or str(uuid4())
        batch = Batch((await asyncio.to_thread(path.stat)).st_size, name, Patience(self._patience, name))
        while not batch.ended:
            try:
                async with self._http.stream(**batch.ask().options(), content=_read(path)) as answer:
                    if answer.status_code == 200:
                        async for line in answer.aiter_lines():
                            if item := batch.line(line):
                                yield item
                        wait = batch.over()
                    else:
                        await answer.aread()
                        wait = batch.refused(wire.reply(answer))
            except httpx.HTTPError as error:
                wait = batch.failed(error)
            await asyncio.sleep(wait)

    async def submission(self, submission_id: str) -> Receipt:
        """See ``Client.submission``."""
        return answers.receipt((await self._ask(wire.submission(submission_id))).value())

    async def invoice(self, invoice_id: str) -> Mapping[str, Any]:
        """See ``Client.invoice``."""
        return (await self._ask(wire.invoice(invoice_id))).value()

    async def _ask(self, ask: wire.Ask, key: str | None = None) -> wire.Reply:
        patience = Patience(self._patience, key)
        while True:
            try:
                said = wire.reply(await self._http.request(**ask.options()))
            except httpx.HTTPError as error:
                wait = patience.after_failure(error)
            else:
                if not said.later:
                    return said
                wait = patience.after(said)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _read(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, 1 << 20):
            yield piece
