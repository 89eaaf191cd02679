"""The hub as the processes an operator runs, with somebody who starts again whatever dies.

Each process is one service in one role (or all of it: ``serve``; or the whole hub: ``solo``) on a database and a
virtual host of its own. The keeper restarts a dead process at once, with the strikes that ``plan`` gives it this
time, and writes down in which window it died.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from libs.testing.machine import free_ports
from tests.crash import scale
from tests.crash.child import Order, mails_of, report_of
from tests.crash.faults import Strike
from tests.crash.mailed import Key, State, may_come_again

ROOT = Path(__file__).parents[2]
START_SECONDS = 120.0
"""For a machine that is busy with others."""
_STARTED = b'"event":"started"'


@dataclass(frozen=True, slots=True)
class Place:
    """Where the hub runs: its servers, ports and folders."""

    folder: Path
    database_url: str
    secret: str
    amqp_url: str
    sink_port: int
    folders: Path
    ports: Mapping[str, int] = field(
        default_factory=lambda: dict(
            zip(("ingest", "route", "deliver", "track", "smtp", "spare"), free_ports(6), strict=True)
        )
    )
    settings: Mapping[str, str] = field(default_factory=dict)

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def environment(self, service: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "POSTBODE_DATABASE_URL": self.database_url,
            "POSTBODE_SECRET": self.secret,
            **({"POSTBODE_AMQP_URL": self.amqp_url} if self.amqp_url else {}),
            "POSTBODE_BASE_URL": self.url("ingest"),
            "POSTBODE_PORT": str(self.ports.get(service, 0)),
            "POSTBODE_LOG_LEVEL": "INFO",
            "POSTBODE_LOG_FORMAT": "json",
            "POSTBODE_DEAD_ROUND_SECONDS": str(scale.ROUND_SECONDS),
            "POSTBODE_INGEST_SMTP_PORT": str(self.ports["smtp"]),
            "POSTBODE_DELIVER_FOLDER_ROOT": str(self.folders),
            "POSTBODE_DELIVER_SMTP_PORT": str(self.sink_port),
            "POSTBODE_DELIVER_SMTP_TLS": "off",
            "POSTBODE_DELIVER_SMTP_SECONDS": "5",
            "POSTBODE_DELIVER_SFTP_SECONDS": "5",
            "POSTBODE_DELIVER_POLL_SECONDS": "0.2",
            "POSTBODE_DELIVER_SFTP_POLL_SECONDS": "0.2",
            "POSTBODE_DELIVER_LEASE_SECONDS": str(scale.LEASE_SECONDS),
            "POSTBODE_DELIVER_RETRY_FIRST_SECONDS": "0.2",
            "POSTBODE_DELIVER_RETRY_LONGEST_SECONDS": "2",
            "POSTBODE_DELIVER_MOST_ATTEMPTS": "1000",
            "POSTBODE_DELIVER_BREAKER_LONGEST_SECONDS": "2",
            "POSTBODE_TRACK_SMTP_PORT": str(self.sink_port),
            "POSTBODE_TRACK_NOTICE_SECONDS": "0.5",
            "POSTBODE_TRACK_NOTICE_LEASE_SECONDS": "3",
            "POSTBODE_TRACK_NOTICE_QUIET_SECONDS": "0",
            "POSTBODE_TRACK_NOTICE_MAILS_A_DAY": "1000000",
            **self.settings,
        }


class Nursery:
    """Forks processes; see ``child``. One for a whole run of tests, attached to the event loop of each."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._told = self._process.stdin, self._process.stdout
        if not self._told.readline():
            raise RuntimeError("the nursery did not start")
        self._started: dict[str, asyncio.Future[tuple[int, asyncio.Future[int]]]] = {}
        self._ended: dict[int, asyncio.Future[int]] = {}

    def close(self) -> None:
        """Its children end with it."""
        self._orders.close()
        self._process.wait()
        self._told.close()

    @contextlib.asynccontextmanager
    async def attached(self) -> AsyncIterator[None]:
        """Start processes inside; all must have ended when it is left."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(self._told.fileno()), "rb")
        )
        reading = asyncio.create_task(self._read(reader))
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            transport.close()

    async def start(self, order: Order) -> tuple[int, asyncio.Future[int]]:
        """The process id, and a future of its exit code (negative: the signal that killed it)."""
        started: asyncio.Future[tuple[int, asyncio.Future[int]]]
        started = self._started[order.name] = asyncio.get_running_loop().create_future()
        self._orders.write(order.line().encode() + b"\n")
        self._orders.flush()
        return await started

    async def _read(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            told = json.loads(line)
            if "started" in told:
                # Whoever waits may look only when it has ended.
                ended = self._ended[told["pid"]] = asyncio.get_running_loop().create_future()
                self._started.pop(told["started"]).set_result((told["pid"], ended))
            else:
                self._ended.pop(told["ended"]).set_result(told["code"])


Plan = Callable[[str], Sequence[Strike]]
"""Given the name of a process about to start: what will strike it."""


def unharmed(name: str) -> Sequence[Strike]:
    return ()


@dataclass
class Member:
    """One process of the hub that is kept alive."""

    order: Order
    pid: int = 0
    ended: asyncio.Future[int] | None = None
    starts: int = 0
    wanted: bool = True
    asked: bool = False
    """It was told to stop in this life."""
    log_at: int = 0
    """Where in its log this life begins."""
    keeping: asyncio.Task[None] | None = None


class Hub:
    """All processes. ``plan`` may be changed while they run; it counts from the next start of each."""

    def __init__(self, nursery: Nursery, place: Place) -> None:
        self.place = place
        self.plan: Plan = unharmed
        self.members: dict[str, Member] = {}
        self._mailed: dict[Key, bool] = {}
        """Of processes that have ended: each attempt to mail something, and whether it may come again for that."""
        self.deaths: list[dict[str, Any]] = []
        """Every end of a process: when, who, its exit code, and the mails it left that may come again."""
        self.fell: list[tuple[str, int]] = []
        """Processes that had started and ended without being killed or told to: name and exit code; and those
        that were told to and did not end well."""
        self._nursery = nursery
        self._strikes: Counter[str] = Counter()
        self._strikes_read = 0

    async def start(
        self,
        name: str,
        service: str,
        role: str,
        *,
        breaks: Sequence[str] = (),
        tricks: Sequence[str] = (),
        seed: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> Member:
        environment = {
            **self.place.environment(service if role in ("serve", "api") else ""),
            **(settings or {}),
        }
        module = f"services.{service}.__main__"
        arguments: tuple[str, ...] = (role,)
        if service == "solo":
            port = self.place.ports["ingest"]
            module = "services.cli"
            arguments = ("solo", "--port", str(port), "--folder", str(self.place.folder / "solo"))
        order = Order(
            name, module, arguments, environment, str(self.place.folder), (), tuple(breaks), tuple(tricks),
            seed, self.place.database_url if service == "solo" else "",
        )  # fmt: skip
        member = self.members[name] = Member(order)
        await self._begin(member)
        member.keeping = asyncio.create_task(self._keep(member), name=f"keep {name}")
        return member

    async def _begin(self, member: Member) -> None:
        order = replace(member.order, strikes=tuple(self.plan(member.order.name)))
        log = self._log_of(member.order.name)
        member.asked, member.log_at = False, log.stat().st_size if log.exists() else 0
        member.pid, member.ended = await self._nursery.start(order)
        member.starts += 1

    async def _keep(self, member: Member) -> None:
        while True:
            assert member.ended is not None
            code = await member.ended
            excuses = ("overdue", "open") if code == -signal.SIGKILL else ("overdue",)
            left = {key: state in excuses for key, state in self._mails(member.order.name).items()}
            self._mailed |= left
            self.deaths.append({
                "at": time.time(), "process": member.order.name, "code": code,
                "left": [key for key, excused in left.items() if excused],
            })  # fmt: skip
            # One that could not start because something was away is started again, as an orchestrator would.
            if (
                code != -signal.SIGKILL
                and member.wanted
                and self._started(member)
                and not (member.asked and code == 0)
            ):
                self.fell.append((member.order.name, code))
            if not member.wanted:
                return
            await asyncio.sleep(0.05 if code == -signal.SIGKILL else 0.5)
            if not member.wanted:
                return
            await self._begin(member)

    def _mails(self, name: str) -> dict[Key, State]:
        """Those of the life that is or was."""
        path = mails_of(self.place.folder, name)
        # A line that is being written is for the next time.
        told = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else ()
        return {(which, number): state for which, number, state in map(json.loads, told)}

    def may_repeat(self) -> Counter[str]:
        """How often each delivery or notice may have come again by now."""
        now = [self._mails(name).items() for name in self.members]
        living = {key: state != "closed" for mails in now for key, state in mails}
        return may_come_again(living | self._mailed)

    def home_of(self, service: str) -> str:
        """Whose port answers for this service: without a broker one process is all of them; where there is a second one
        beside it, any of the two."""
        if "solo" in self.members:
            return "ingest"
        return random.choice((service, "spare")) if f"{service}.serve.spare" in self.members else service

    def kill(self, name: str) -> None:
        self._signal(name, signal.SIGKILL)

    def ask_to_stop(self, name: str) -> None:
        """SIGTERM; it comes again when it has ended."""
        self.members[name].asked = True
        self._signal(name, signal.SIGTERM)

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self._signal(name, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.members[name].pid, number)

    async def stop(self, name: str, *, hard: bool = False) -> int:
        """End it for good; its exit code."""
        member = self.members.pop(name)
        member.wanted = False
        assert member.ended is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL if hard else signal.SIGTERM)
            os.kill(member.pid, signal.SIGCONT)
        if member.keeping is not None:
            await member.keeping
        return await member.ended

    async def close(self) -> None:
        await asyncio.gather(*(self.stop(name, hard=True) for name in list(self.members)))

    def _started(self, member: Member) -> bool:
        log = self._log_of(member.order.name)
        return log.exists() and _STARTED in log.read_bytes()[member.log_at :]

    async def up(self) -> None:
        """Until every process has started."""
        async with asyncio.timeout(START_SECONDS):
            while not all(self._started(member) for member in self.members.values()):
                await asyncio.sleep(0.05)

    async def ready(self, *services: str) -> None:
        """Until these answer that they are ready."""
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(START_SECONDS):
            for service in services:
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        if (await http.get(f"{self.place.url(service)}/readyz")).status_code == 200:
                            break
                    await asyncio.sleep(0.05)

    def reported(self) -> Iterator[dict[str, Any]]:
        """What the processes told: which windows they died in, which broken code ran."""
        path = report_of(self.place.folder)
        if path.exists():
            yield from map(json.loads, path.read_text().splitlines())

    def strikes(self) -> Counter[str]:
        """How often each window was struck so far."""
        path = report_of(self.place.folder)
        if path.exists():
            with path.open("rb") as report:
                report.seek(self._strikes_read)
                # A line that is being written is for the next time.
                fresh = report.read().rpartition(b"\n")
            self._strikes_read += len(fresh[0] + fresh[1])
            for told in map(json.loads, fresh[0].splitlines()):
                if "strike" in told:
                    self._strikes[told["strike"]["window"]] += 1
        return self._strikes

    def bitten(self) -> set[str]:
        return {told["bit"] for told in self.reported() if "bit" in told}

    def _log_of(self, name: str) -> Path:
        return self.place.folder / f"{name}.log"

    def log(self, name: str, lines: int = 30) -> str:
        path = self._log_of(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""
