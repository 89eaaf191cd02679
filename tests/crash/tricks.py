"""What the suite does to a process besides killing it: poison, stumbling, shuffled deliveries. Put around the
real code by name, as the faults are."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from libs.contracts.topology import DELIVERY_LIMIT
from tests.crash.wrapping import wrap

POISON = "POISON"
"""An invoice whose number begins so kills whoever decides about it."""


def _poison(random_: random.Random) -> None:
    def make(original: Any) -> Any:
        def decide(self: Any, event: Any, known: Any) -> Any:
            if str(event.data.summary.number).startswith(POISON):
                os.kill(os.getpid(), signal.SIGKILL)
            return original(self, event, known)

        return decide

    wrap("services.route.handlers:Validated.decide", make)


UNLUCKY = "UNLUCKY"
"""Whoever decides about an invoice whose number begins so dies: once with its whole pack, as often as the broker delivers
it alone, and at least once more in its second round. It was in hand whenever something else killed."""


def _unlucky(random_: random.Random) -> None:
    deaths = Path(os.environ["POSTBODE_DELIVER_FOLDER_ROOT"]).with_name("deaths of the unlucky")

    def make(original: Any) -> Any:
        def decide(self: Any, event: Any, known: Any) -> Any:
            if str(event.data.summary.number).startswith(UNLUCKY):
                so_far = deaths.stat().st_size if deaths.exists() else 0
                if so_far < DELIVERY_LIMIT + 3:
                    deaths.write_bytes(bytes(so_far + 1))
                    os.kill(os.getpid(), signal.SIGKILL)
            return original(self, event, known)

        return decide

    wrap("services.route.handlers:Validated.decide", make)


def _stumble(random_: random.Random) -> None:
    """One event in three fails the first time, for no reason it can help."""

    def make(original: Any) -> Any:
        def decide(self: Any, event: Any, known: Any) -> Any:
            if event.attempt == 1 and event.id.int % 3 == 0:
                raise RuntimeError("not this time")
            return original(self, event, known)

        return decide

    wrap("services.route.handlers:Validated.decide", make)


def _shuffle(random_: random.Random) -> None:
    """Events are handled in another order than they came, and some of them twice."""

    def make(original: Any) -> Any:
        async def handle(self: Any, arrived: Any) -> None:
            shuffled = random_.sample(arrived, len(arrived))
            await original(self, shuffled)
            await original(self, random_.sample(arrived, len(arrived) // 3))

        return handle

    wrap("libs.messaging.batch:Batch.handle", make)


def _backwards(random_: random.Random) -> None:
    """Events of one batch are handled newest first."""

    def make(original: Any) -> Any:
        async def handle(self: Any, arrived: Any) -> None:
            for each in sorted(arrived, key=lambda unread: unread.event_id, reverse=True):
                await original(self, [each])

        return handle

    wrap("libs.messaging.batch:Batch.handle", make)


THAW = "thaw"
FROZEN = "jong"


def _frozen_folder(random_: random.Random) -> None:
    """One receiver's folder does not answer (a network share that hangs) until a file ``thaw`` lies beside the
    folders."""

    def make(original: Any) -> Any:
        def opening(kind: Any, path: Path, /, **named: Any) -> Any:
            while path.name == FROZEN and not (path.parent / THAW).exists():
                time.sleep(0.05)
            return original.__func__(kind, path, **named)

        return classmethod(opening)

    wrap("services.deliver.channels.disk:Folder.open", make)


TRICKS: Mapping[str, Callable[[random.Random], None]] = {
    "poison": _poison,
    "unlucky": _unlucky,
    "stumble": _stumble,
    "shuffle": _shuffle,
    "backwards": _backwards,
    "frozen-folder": _frozen_folder,
}
