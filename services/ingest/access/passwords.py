"""Passwords: argon2id, in two threads, remembered for a while.

One verification costs some 20 ms and 19 MB on purpose. A program that sends its user name and password with every request
must not pay it every time, nor make everybody else wait: what was right is remembered in this process, by a keyed hash of
password and stored hash together, so a changed password is not remembered. Ingest reads the user's row each time all the
same: a removed user and another role count at once.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from libs import clock, lifetimes
from libs.errors import Unavailable

T = TypeVar("T")

THREADS = 2
WAITING = 32
"""Verifications in line; more are told to come back."""
REMEMBERED = 10_000
SECONDS = lifetimes.PASSWORD.kept.total_seconds()

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""The least that OWASP's Password Storage Cheat Sheet asks of argon2id."""

_NOBODYS = _hasher.hash(secrets.token_hex(16))
"""What an unknown user's password is compared with, so that the time taken tells nothing."""


class Busy(Unavailable):
    """Too many people sign in right now: try again in a moment."""

    slug = "sign-in-busy"
    dutch = "Er loggen nu te veel mensen tegelijk in: probeer het zo opnieuw."


class Passwords:
    """One for a process."""

    def __init__(self, *, time: Callable[[], float] = clock.monotonic) -> None:
        self._time = time
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._turn = asyncio.Semaphore(THREADS)
        self._waiting = 0

    def known(self, password: str, stored: str | None) -> bool:
        """Whether this was right a short while ago."""
        if stored is None:
            return False
        at = self._right.get(self._mark(password, stored))
        return at is not None and self._time() - at < SECONDS

    async def matches(self, password: str, stored: str | None) -> bool:
        """Compare; with None (nobody of that name) it takes as long and is False. Raises ``Busy``."""
        right = await self._run(_matches, password, stored or _NOBODYS) and stored is not None
        if right and stored is not None:
            mark = self._mark(password, stored)
            self._right[mark] = self._time()
            self._right.move_to_end(mark)
            while len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        return right

    async def hashed(self, password: str) -> str:
        """What is stored of it. Raises ``Busy``."""
        return await self._run(_hasher.hash, password)

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1

    def _mark(self, password: str, stored: str) -> bytes:
        return hmac.new(self._key, f"{stored}\0{password}".encode(), sha256).digest()


def _matches(password: str, stored: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
