"""Starts one process of the hub with faults in it: ``python -m tests.crash.child`` is the nursery.

The nursery imports everything once and forks a child for each line it reads, so a restart costs what the
service costs and not its imports. A child then runs the service's own entry point, as an operator would:
``services.<name>.__main__`` with a role, or ``postbode solo``. Whoever ends, is told on standard output.

When the test process goes, however it goes, the nursery and its children go too.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.breaks import BREAKS
from tests.crash.faults import Faults, Strike, arm
from tests.crash.tricks import TRICKS

SERVICES = ("ingest", "validate", "route", "deliver", "track", "sync")
_LATE = (
    "aiosmtplib", "anyio._backends._asyncio", "certifi", "httpcore", "pydantic.v1",
    "uvicorn.lifespan.on", "uvicorn.protocols.websockets.auto",
)  # fmt: skip
"""What a process imports only when it runs."""
_DIE_WITH_PARENT = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What to start, and what is wrong with it."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    """Where its log, its report and its mails go."""
    strikes: tuple[Strike, ...] = ()
    breaks: tuple[str, ...] = ()
    tricks: tuple[str, ...] = ()
    seed: int = 0
    database_url: str = field(default="", repr=False)
    """For solo: a Postgres that is there, in the place of its own."""

    def line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Order:
        raw: dict[str, Any] = json.loads(line)
        lists = {name: tuple(value) for name, value in raw.items() if isinstance(value, list)}
        return cls(**{**raw, **lists, "strikes": tuple(Strike(**strike) for strike in raw["strikes"])})


def report_of(folder: Path) -> Path:
    """Where every process tells what struck it."""
    return folder / "report.jsonl"


def mails_of(folder: Path, name: str) -> Path:
    """Where a process tells of each mail it sends, in this life: delivery or notice, number of the attempt, state; see
    ``mailed``."""
    return folder / f"{name}.mails"


def put_in_place(order: Order) -> None:
    """Arm the faults, breaks and tricks of ``order`` in this process."""
    folder = Path(order.folder)
    faults = Faults(order.strikes, report_of(folder), order.name, mails_of(folder, order.name))
    # Breaks first: they replace, and the windows are put around what is then there.
    for name in order.breaks:
        BREAKS[name](_once(faults, name))
    for name in order.tricks:
        TRICKS[name](random.Random(order.seed))
    arm(faults)
    if order.database_url:
        _lend(order.database_url)


def _once(faults: Faults, name: str) -> Any:
    told: list[str] = []

    def bit() -> None:
        if not told:
            told.append(name)
            faults.tell({"bit": name})

    return bit


def _lend(url: str) -> None:
    """Let solo use a Postgres that outlives it: a kill then takes half a second instead of five."""
    from tests.crash.wrapping import wrap

    class Lent:
        def __init__(self, folder: Path) -> None:
            self.folder = folder

        def start(self) -> str:
            return url

        def stop(self) -> None:
            """It goes on."""

    wrap("services.solo:EmbeddedPostgres", lambda _: Lent)


def run(order: Order) -> None:
    """Be that process. Does not return."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(order.environment)
    log = os.open(Path(order.folder) / f"{order.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    random.seed()
    put_in_place(order)
    sys.argv = [order.module, *order.arguments]
    code = 1
    try:
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - whatever ends a process belongs into its log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _nursery() -> None:
    for name in SERVICES:
        importlib.import_module(f"services.{name}.app")
        importlib.import_module(f"services.{name}.settings")
    for name in ("services.cli", "services.solo", "libs.process", *_LATE):
        importlib.import_module(name)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    children: set[int] = set()
    # What is here stays: no child need look through it, and with that copy it.
    gc.collect()
    gc.freeze()
    _say({"ready": os.getpid()})
    buffer = b""
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
        _bury(children)
        if 0 in readable:
            data = os.read(0, 1 << 16)
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                order = Order.read(line.decode())
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for fd in (wake, woken):
                        os.close(fd)
                    run(order)
                children.add(pid)
                _say({"started": order.name, "pid": pid})
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _bury(children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        _say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(what: Mapping[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    _nursery()
