"""A mail server that takes all it gets and says so at once; what goes to ``hangs.example`` it leaves unanswered for as long
as it is told. It counts Message-IDs, so that a bench of mails that were lost or came twice fails."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter

_ID = re.compile(rb"\r\nMessage-ID: <([^>]+)>", re.IGNORECASE)


class Sink:
    def __init__(self, hangs: float = 0.0) -> None:
        self.ids: Counter[bytes] = Counter()
        self.hangs = hangs
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._open):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._talk(reader, writer)
        self._open.discard(task)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"EHLO":
                writer.write(b"250-sink\r\n250-PIPELINING\r\n250 SIZE 50000000\r\n")
            elif word == b"RCPT" and b"@hangs.example" in line:
                await asyncio.sleep(self.hangs)
                writer.write(b"450 4.2.0 Sorry for the wait\r\n")
            elif word == b"DATA":
                writer.write(b"354 Go on\r\n")
                await self._text(reader)
                writer.write(b"250 2.0.0 Kept\r\n")
            elif word == b"QUIT":
                writer.write(b"221 Bye\r\n")
                return
            else:
                writer.write(b"250 OK\r\n")

    async def _text(self, reader: asyncio.StreamReader) -> None:
        text = bytearray()
        while not text.endswith(b"\r\n.\r\n") and text != b".\r\n":
            piece = await reader.read(1 << 18)
            if not piece:
                raise asyncio.IncompleteReadError(bytes(text[-80:]), None)
            text += piece
        found = _ID.search(text[:8192])
        if found:
            self.ids[found[1]] += 1
