"""The receivers of the bench, in one process: Globe that takes files, a mail server, a collector of traces.

What comes is written down by its own key (file name, Message-ID) with the moment it was there: of a file the
moment it was renamed into sight (the file system notes it), of a mail the moment of the final dot. What a mail
or a file holds is compared with what was sent afterwards, when it disturbs nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TextIO, cast

import uvloop

from tests.bench.pipeline.board import Board, Count

LOOK_SECONDS = 0.02
_MESSAGE_ID = re.compile(rb"\r\nMessage-ID: <([^>\r]+)>", re.IGNORECASE)
_FILE_NAME = re.compile(rb'filename="([^"]+)\.xml"')


class Register:
    """``key, name, Unix time``, one a line."""

    def __init__(self, board: Board, log: TextIO) -> None:
        self._board = board
        self._log = log
        self._keys: set[str] = set()
        self._numbers: set[str] = set()

    def note(self, key: str, name: str, at: float) -> None:
        """``name``: the base name of the file, which holds the invoice's number."""
        number = name.split("_")[1]
        if key in self._keys or number in self._numbers:
            self._board.add(Count.repeated)
        else:
            self._board.add(Count.delivered)
        self._keys.add(key)
        self._numbers.add(number)
        self._log.write(f"{key}\t{name}\t{at:.6f}\n")

    def flush(self) -> None:
        self._log.flush()


class Globe:
    """Takes every pair out of its folder, soon after it is in sight."""

    def __init__(self, folders: Path, taken: Path, register: Register) -> None:
        self._folders = folders
        self._taken = taken
        self._register = register

    async def take_for_ever(self) -> None:
        while True:
            for folder in self._folders.iterdir():
                self._take(folder)
            self._register.flush()
            await asyncio.sleep(LOOK_SECONDS)

    def _take(self, folder: Path) -> None:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".xml")]
        for name in names:
            path = f"{folder}/{name}"
            at = os.stat(path).st_ctime  # noqa: PTH116  50,000 of them: a Path each costs more than the call
            os.rename(path, f"{self._taken}/{name}")  # noqa: PTH104
            self._register.note(name, name, at)


class MailServer(asyncio.Protocol):
    """SMTP (RFC 5321), as far as a client that sends invoices goes."""

    def __init__(self, register: Register, mails: Path) -> None:
        self._register = register
        self._mails = mails
        self._buffer = bytearray()
        self._in_data = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its class
        self._say(b"220 receiver ready")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        if self._in_data:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            self._keep(bytes(self._buffer[: end + 2]))
            del self._buffer[: end + 5]
            self._in_data = False
            self._say(b"250 2.0.0 kept")
            return True
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._command(line[:4].upper())
        return True

    def _command(self, verb: bytes) -> None:
        if verb == b"EHLO":
            self._say(b"250-receiver\r\n250-SIZE 50000000\r\n250 8BITMIME")
        elif verb == b"DATA":
            self._in_data = True
            self._say(b"354 go on")
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 bye")
            if self._transport is not None:
                self._transport.close()
        else:
            self._say(b"250 2.0.0 ok")

    def _say(self, line: bytes) -> None:
        if self._transport is not None:
            self._transport.write(line + b"\r\n")

    def _keep(self, mail: bytes) -> None:
        at = time.time()
        key, name = _MESSAGE_ID.search(mail), _FILE_NAME.search(mail)
        if key is None or name is None:
            sys.exit(f"a mail without Message-ID or XML: {mail[:500]!r}")
        self._register.note(key[1].decode(), name[1].decode(), at)
        self._register.flush()
        (self._mails / f"{name[1].decode()}.eml").write_bytes(mail)


class Collector(asyncio.Protocol):
    """Takes what is exported over OTLP/HTTP and forgets it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found:
            _, _, length = head.lower().partition(b"\r\ncontent-length: ")
            size = int(length.partition(b"\r")[0] or 0)
            if len(body) >= size and self._transport is not None:
                self._buffer = body[size:]
                self._board.add(Count.spans)
                self._transport.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
                )


async def _main(folder: Path, smtp_port: int, otlp_port: int) -> None:
    board = Board(folder / "board")
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    with (folder / "files.tsv").open("a") as files, (folder / "mails.tsv").open("a") as mails:
        mailed = Register(board, mails)
        await loop.create_server(lambda: MailServer(mailed, folder / "mails"), "127.0.0.1", smtp_port)
        await loop.create_server(lambda: Collector(board), "127.0.0.1", otlp_port)
        globe = Globe(folder / "folders", folder / "taken", Register(board, files))
        taking = asyncio.create_task(globe.take_for_ever())
        taking.add_done_callback(lambda _: stop.set())
        await stop.wait()
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking


if __name__ == "__main__":
    uvloop.run(_main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
