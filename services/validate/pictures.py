"""Which bank accounts the PDF of an invoice names, found out beside everything else.

::

    look ─▶ those nobody has read yet, in a row ─▶ one after the other ─▶ a process of its own (pdf_reader.py)
    seen ◀── by the hash of the PDF, until others take its place ◀────────────┘ killed or silent: it has no text

Nobody waits for a PDF but the invoice that has it: where it is not read yet, that one alone comes again
(``handlers.py``). An invoice without a PDF starts nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import OrderedDict
from collections.abc import Iterable
from typing import Self
from uuid import UUID

import structlog

from libs.contracts.parts import DocumentRef
from libs.db.trouble import TRANSIENT
from libs.documents.store import DocumentStore
from libs.einvoice.printed import NOTHING, Printed, printed
from libs.errors import HubError
from services.validate.page import COMMAND

WAITING = 1_000
"""PDFs in the row; who comes then asks again later."""
KEPT = 4_000
"""PDFs of which it is known what they name."""
SECONDS = 30.0
"""For one PDF on the clock; its processor time is bounded by ``pdf_reader``."""

_log = structlog.get_logger(__name__)


class Pictures:
    """Reads PDFs in the background; used as a context manager, which ends its process."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._known: OrderedDict[str, Printed] = OrderedDict()
        self._waiting: OrderedDict[str, tuple[DocumentRef, UUID]] = OrderedDict()
        self._work: asyncio.Task[None] | None = None
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])
        await self._end()

    def seen(self, picture: DocumentRef) -> Printed | None:
        """What it names; None: not known yet."""
        return self._known.get(picture.sha256)

    async def look(self, asked: Iterable[tuple[DocumentRef, UUID]], patience: float = 0) -> None:
        """Have these PDFs read, of these accounts; wait for it so long, in seconds."""
        for picture, account in asked:
            if picture.sha256 in self._known:
                self._known.move_to_end(picture.sha256)
            elif len(self._waiting) < WAITING:
                self._waiting.setdefault(picture.sha256, (picture, account))
        if self._waiting and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._read_all())
        if self._work is not None and not self._work.done() and patience:
            await asyncio.wait([self._work], timeout=patience)

    async def _read_all(self) -> None:
        while self._waiting:
            name, (picture, account) = next(iter(self._waiting.items()))
            try:
                self._known[name] = await self._read(picture, account)
            except TRANSIENT as away:
                # The invoice comes again, and asks again.
                _log.warning("database away, PDF not read", error=repr(away))
            finally:
                del self._waiting[name]
            while len(self._known) > KEPT:
                self._known.popitem(last=False)

    async def _read(self, picture: DocumentRef, account: UUID) -> Printed:
        found = await self._documents.get([picture], [account])
        data = found.get(picture.document_id)
        if data is None or isinstance(data, HubError):
            # Whoever delivers it meets the same and says so; here there is nothing to compare.
            return NOTHING
        try:
            async with asyncio.timeout(SECONDS):
                text = await self._text(data)
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            _log.warning("PDF not read", document=str(picture.document_id), size=len(data))
            await self._end()
            return NOTHING
        return await asyncio.to_thread(printed, text)

    async def _text(self, data: bytes) -> str:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}
            )
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            raise OSError("no pipe")
        asked.write(len(data).to_bytes(4, "big") + data)
        await asked.drain()
        length = int.from_bytes(await answers.readexactly(4), "big")
        return (await answers.readexactly(length)).decode("utf-8", "replace")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
