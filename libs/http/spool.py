"""A large body on disk, while it is read: never more of it in memory than a few hundred kilobytes.

Disk is bounded by how many may come at once: so many in a process, and one of an account, so that one sender cannot
take all the room by sending slowly.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import IO
from uuid import UUID

from starlette.requests import Request

from libs.errors import BadInput, TooMany, Unavailable
from libs.http import forms

_BUFFER = 256 * 1024


def second() -> TooMany:
    """The account sends another one already."""
    return TooMany(
        "An upload of this account is being taken in already: send this one when that is done.",
        nl="Er wordt al een upload van dit account verwerkt: stuur deze als die klaar is.",
        code="batch-running",
        retry_after=10,
    )


def no_room() -> Unavailable:
    return Unavailable(
        "As many uploads are being taken in as can be at once: send this one in a moment.",
        nl="Er worden al zoveel uploads verwerkt als er tegelijk kunnen: stuur deze zo opnieuw.",
        code="busy",
        retry_after=10,
    )


def too_slow() -> BadInput:
    return BadInput(
        "The upload took too long and was cut off. Nothing was taken: send it in smaller parts.",
        nl="Het versturen duurde te lang en is afgebroken. Er is niets aangenomen: stuur het in kleinere delen.",
        code="upload-too-slow",
    )


class Room(AbstractContextManager[IO[bytes]]):
    """``with Room(…) as file:`` holds a place and an empty file. Raises ``TooMany`` or ``Unavailable``."""

    def __init__(self, taken: set[UUID], account_id: UUID, *, most: int, folder: str) -> None:
        self._taken, self._account_id, self._most, self._folder = taken, account_id, most, folder

    def __enter__(self) -> IO[bytes]:
        if self._account_id in self._taken:
            raise second()
        if len(self._taken) >= self._most:
            raise no_room()
        self._file = tempfile.TemporaryFile(dir=self._folder or None)
        self._taken.add(self._account_id)
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._taken.discard(self._account_id)
        self._file.close()


async def fill(file: IO[bytes], request: Request, *, most: int, seconds: float) -> None:
    """Write the body of ``request`` into ``file``. Raises ``TooLarge`` over ``most`` bytes and ``BadInput`` after
    ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await _fill(file, request.stream(), most)
    except TimeoutError:
        raise too_slow() from None


async def _fill(file: IO[bytes], body: AsyncIterator[bytes], most: int) -> None:
    held, taken = bytearray(), 0
    async for piece in body:
        taken += len(piece)
        if taken > most:
            raise forms.too_large(most)
        held += piece
        if len(held) >= _BUFFER:
            full, held = held, bytearray()
            await asyncio.to_thread(file.write, full)
    await asyncio.to_thread(file.write, held)
