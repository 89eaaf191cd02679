"""The load generator: unique invoices over kept-alive HTTP/1.1 connections, in a process of its own.

An invoice is a template with its number put in, a request is one write, an answer is looked at for its status
alone: about a tenth of a millisecond each, where an HTTP client library takes one or more.

*Closed loop*: at most ``in_flight`` invoices are between the door and the receiver. *Open loop*: arrivals at
random times (Poisson), whatever the hub does.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

from tests.bench.pipeline.board import Board, Count

TOKEN = b"PB00000000"
"""Stands in a template where the number goes; numbers have its length."""

_TICK = 0.005


@dataclass(frozen=True)
class Plan:
    """What to send. ``rate`` 0: closed loop."""

    host: str
    port: int
    templates: list[str]
    """Files; invoice n is made from the n-th, round and round."""
    keys: list[str]
    first: int
    count: int
    in_flight: int
    rate: float
    seed: int
    connections: int
    board: str
    results: str
    give_up: bool = False
    """Open loop: what still waits for a free connection when the last is due is not sent."""


class Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._board = Board(Path(plan.board))
        self._before = self._board[Count.sent] - self._board[Count.delivered]
        self._templates = [Path(name).read_bytes() for name in plan.templates]
        self._heads = [self._head(key) for key in plan.keys]
        # In turns: one that is never needed would be closed by the hub.
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[tuple[int, float]] = deque()
        self._next = 0
        self._left = plan.count
        self._done = asyncio.Event()
        self.results: list[str] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._plan.connections):
            _, made = await loop.create_connection(
                lambda: _Connection(self), self._plan.host, self._plan.port
            )
            self._idle.append(made)
        await (self._open() if self._plan.rate else self._closed())
        await self._done.wait()

    def answered(self, connection: _Connection, number: int, due: float, status: bytes) -> None:
        now = time.time()
        self.results.append(f"{number}\t{due:.6f}\t{now:.6f}\t{status.decode()}\n")
        self._board.add(Count.accepted if status == b"202" else Count.refused)
        self._left -= 1
        self._idle.append(connection)
        if self._waiting:
            self._send(*self._waiting.popleft())
        elif not self._plan.rate:
            self._fill()
        if not self._left:
            self._done.set()

    @property
    def finished(self) -> bool:
        return self._done.is_set()

    async def _closed(self) -> None:
        while self._next < self._plan.count:
            self._fill()
            await asyncio.sleep(_TICK)

    def _fill(self) -> None:
        board, plan = self._board, self._plan
        room = plan.in_flight - (board[Count.sent] - board[Count.delivered] - self._before)
        while room > 0 and self._idle and self._next < plan.count:
            self._send(self._next, time.time())
            self._next += 1
            room -= 1

    async def _open(self) -> None:
        draw = random.Random(self._plan.seed)
        due = time.time()
        for number in range(self._plan.count):
            due += draw.expovariate(self._plan.rate)
            if (wait := due - time.time()) > 0:
                await asyncio.sleep(wait)
            if self._idle:
                self._send(number, due)
            else:
                self._waiting.append((number, due))
        if self._plan.give_up:
            self._left -= len(self._waiting)
            self._waiting.clear()
            if not self._left:
                self._done.set()

    def _send(self, number: int, due: float) -> None:
        name = b"PB%08d" % (self._plan.first + number)
        body = self._templates[number % len(self._templates)].replace(TOKEN, name)
        head = self._heads[number % len(self._heads)]
        self._board.add(Count.sent)
        self._idle.popleft().send(self._plan.first + number, due, head % (name, len(body)) + body)

    def _head(self, key: str) -> bytes:
        return (
            f"POST /v1/submissions HTTP/1.1\r\nHost: {self._plan.host}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/xml\r\nPostbode-Filename: %b.xml\r\nContent-Length: %d\r\n\r\n"
        ).encode()


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._number = -1
        self._due = 0.0
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._generator.finished:
            # The load is wrong from here on, and a wrong figure is worse than none.
            sys.exit(f"the hub hung up, on invoice {self._number} (-1: on none): {exc}")

    def send(self, number: int, due: float, request: bytes) -> None:
        assert self._transport is not None
        self._number, self._due = number, due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found:
            _, _, length = head.lower().partition(b"\r\ncontent-length: ")
            if len(body) >= int(length.partition(b"\r")[0]):
                number, self._number, self._buffer = self._number, -1, b""
                self._generator.answered(self, number, self._due, head[9:12])


async def _main(generator: Generator) -> float:
    """The processor seconds it took."""
    began = resource.getrusage(resource.RUSAGE_SELF)
    await generator.run()
    ended = resource.getrusage(resource.RUSAGE_SELF)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime


def main(plan: Plan) -> None:
    generator = Generator(plan)
    cpu = uvloop.run(_main(generator))
    Path(plan.results).write_text("".join(generator.results))
    print(json.dumps({"cpu": cpu}))


if __name__ == "__main__":
    main(Plan(**json.loads(sys.argv[1])))
