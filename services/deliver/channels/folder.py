"""The folder channel: XML and PDF under equal names, never visible half-written (exact.md §1.4).

The XML comes last, because it is what the receiver's import looks for. The hub's own area ``.postbode`` lies
inside the receiver's folder, so on the same file system; how a pair gets from there into sight, and how an
attempt that was cut short is read off it, says ``placing.py``.

So a kill at any point neither loses nor doubles a file, also when the receiver takes it between the rename and
the result. A process that was stopped and wakes up late cannot double it either: it acts under a lock of the
folder and looks at its lease inside. What is unavoidable: somebody who removes files from ``.postbode`` by
hand while a delivery is under way takes the memory away.

A folder that does not answer (a network share that hangs) or is locked by a stopped process holds up its own
deliveries and no others. Each file system has a thread of its own to place pairs in: one that stops answering in the
middle holds up what is on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog

from libs import clock
from services.deliver.channels import Done, disk, placing
from services.deliver.channels.disk import Folder
from services.deliver.channels.placing import Marker
from services.deliver.parcel import Job, Loaded, NotBegun, Unknown
from services.deliver.plan import BAD_FOLDER, FOLDER_NAME

T = TypeVar("T")

_NO_ANSWER = NotBegun("the folder does not answer, or somebody else works in it", trouble=True)
_STOPPED = Unknown("the folder stopped answering")

TOGETHER_SECONDS = 0.1
"""So long a batch waits for all its folders to be open; those that take longer come in a second part."""
OPEN_SECONDS = 2.0
"""A folder that is not open after this is left for later."""
PLACE_SECONDS = 60.0
"""A file system in which pairs are not in place after this is left, too."""
MOST_MARKED = 10_000
"""Deliveries whose marker is remembered, to remove it as soon as their results are committed."""
_AT_ONCE = 4
"""Threads that open the folders of a batch."""
_THREADS = 32

_log = structlog.get_logger(__name__)


class FolderChannel:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads = ThreadPoolExecutor(_THREADS, "folders")
        self._stuck: set[str] = set()
        self._markers: OrderedDict[UUID, Marker] = OrderedDict()

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        lanes = _by_folder(loaded)
        del loaded
        bad = [name for name in lanes if not FOLDER_NAME.fullmatch(name)]
        busy = [name for name in lanes if name in self._stuck]
        if bad or busy:
            yield [
                *((each.job, BAD_FOLDER) for name in bad for each in lanes.pop(name)),
                *((each.job, _NO_ANSWER) for name in busy for each in lanes.pop(name)),
            ]
        names = sorted(lanes)
        # From here on each part holds its documents, and they go with it.
        parts = [{m: lanes.pop(m) for m in some} for n in range(_AT_ONCE) if (some := names[n::_AT_ONCE])]
        opening = dict(self._open(part, patient=False) for part in parts)
        del parts
        placing_in: dict[asyncio.Future[_Placed], _Part] = {}
        first = True
        while opening or placing_in:
            working: set[asyncio.Future[Any]] = {*opening, *placing_in}
            done, _ = await asyncio.wait(
                working,
                timeout=TOGETHER_SECONDS if first else OPEN_SECONDS,
                return_when=asyncio.ALL_COMPLETED if first else asyncio.FIRST_COMPLETED,
            )
            opened = [opening.pop(each).taken() for each in done if each in opening]
            outcomes = [one for each in done if placing_in.pop(each, None) for one in self._placed(each)]
            if not (done or first):
                opened = [self._leave(each, opening.pop(each)) for each in list(opening)]
                late = [each for each, part in placing_in.items() if part.late]
                outcomes = [one for each in late for one in self._give_up(each, placing_in.pop(each))]
            first = False
            outcomes += [one for each in opened for one in each.outcomes]
            alone = ({name: own} for each in opened for name, own in each.left.items())
            opening.update(self._open(own, patient=True) for own in alone)
            placing_in.update(self._place(opened))
            del opened, alone
            if outcomes:
                yield outcomes

    async def settled(self, jobs: Sequence[Job]) -> None:
        over = []
        for job in jobs:
            marker = self._markers.pop(job.delivery_id, None)
            if marker is not None:
                marker.left.discard(job.delivery_id)
                if not marker.left:
                    over.append(marker)
        if over:
            await self._run(_remove, [(marker.folder, [marker.name]) for marker in over])

    async def close(self) -> None:
        """Nothing is kept open between batches; whether files were taken is still looked at."""

    async def names(self, lane: str) -> frozenset[str] | None:
        """What is to be seen in a folder; None when it is away."""
        return await self._run(disk.names, self._root / lane)

    async def texts(self, lane: str, names: Sequence[str]) -> dict[str, bytes]:
        """The beginning of these files, as far as they are plain ones; what a receiver puts there may be anything."""
        return await self._run(disk.beginnings, self._root / lane, names)

    async def take_away(self, lane: str, names: Sequence[str]) -> None:
        """Remove files from sight; what cannot be removed stays."""

        def work() -> None:
            for name in names:
                with contextlib.suppress(OSError):
                    (self._root / lane / name).unlink()

        await self._run(work)

    async def lanes(self) -> list[str]:
        """Every folder the hub has used."""

        def look() -> list[str]:
            with contextlib.suppress(OSError):
                return sorted(path.parent.name for path in self._root.glob(f"*/{disk.HIDDEN}"))
            return []

        return await self._run(look)

    async def leftovers(self, lane: str, older: timedelta) -> dict[str, set[UUID]]:
        """What lies in the hidden area since longer than ``older``, and which deliveries it is about."""
        before = (clock.now() - older).timestamp()
        return await self._run(placing.leftovers, self._root / lane, before)

    async def remove(self, lane: str, names: Collection[str]) -> None:
        """Remove files from the hidden area."""
        await self._run(_remove, [(self._root / lane, names)])

    def _open(
        self, lanes: dict[str, list[Loaded]], *, patient: bool
    ) -> tuple[asyncio.Future[None], _Opening]:
        opening = _Opening(self._root, lanes, patient)
        return self._run(opening.run), opening

    def _keep(self, markers: Sequence[Marker]) -> None:
        self._markers.update((each, marker) for marker in markers for each in marker.left)
        while len(self._markers) > MOST_MARKED:
            # Of attempts whose lease was lost: whoever took them over settles them, the sweep removes these.
            self._markers.popitem(last=False)

    def _place(self, opened: Iterable[_Opened]) -> Iterator[tuple[asyncio.Future[_Placed], _Part]]:
        disks: dict[int, _Ready] = {}
        for each in opened:
            for folder, own in each.ready:
                disks.setdefault(folder.device, []).append((folder, own))
        for ready in disks.values():
            jobs = {folder.path.name: [each.job for each in own] for folder, own in ready}
            yield self._run(_place_all, ready), _Part(jobs, clock.monotonic())

    def _placed(self, future: asyncio.Future[_Placed]) -> Done:
        outcomes, markers = future.result()
        self._keep(markers)
        return outcomes

    def _leave(self, future: asyncio.Future[None], opening: _Opening) -> _Opened:
        """Its thread hangs in one folder. The others go on."""
        opening.over.set()
        opened = opening.taken(hangs=True)
        self._stuck_in(opened.hanging, future, lambda: _close(opening.taken().ready))
        return opened

    def _give_up(self, future: asyncio.Future[_Placed], part: _Part) -> Done:
        """Its thread hangs, holding the locks. It may go on for as long as its lease lasts, and not for longer."""
        self._stuck_in(part.jobs, future, lambda: self._placed(future))
        return [(job, _STOPPED) for own in part.jobs.values() for job in own]

    def _stuck_in(
        self, names: Collection[str], future: asyncio.Future[Any], back: Callable[[], object]
    ) -> None:
        """Until its thread comes back nothing else is tried in these folders."""
        self._stuck.update(names)

        def over(_: asyncio.Future[Any]) -> None:
            self._stuck.difference_update(names)
            back()

        future.add_done_callback(over)

    def _run(self, work: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def _by_folder(loaded: Sequence[Loaded]) -> dict[str, list[Loaded]]:
    lanes: dict[str, list[Loaded]] = {}
    for each in loaded:
        lanes.setdefault(each.job.parcel.settings.get("folder", ""), []).append(each)
    return lanes


_Ready = list[tuple[Folder, list[Loaded]]]
_Placed = tuple[Done, list[Marker]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What is being placed in folders of one file system, since ``since`` on ``clock.monotonic``."""

    jobs: dict[str, list[Job]]
    since: float

    @property
    def late(self) -> bool:
        return clock.monotonic() - self.since >= PLACE_SECONDS


@dataclass(frozen=True, slots=True)
class _Opened:
    """What became of some folders, and what is for them."""

    ready: _Ready
    outcomes: Done
    """Of those that are away, or hang."""
    left: dict[str, list[Loaded]]
    """Locked, or not looked at: each waits in a thread of its own."""
    hanging: list[str]


class _Opening:
    """Some folders being opened, in a thread. ``patient``: waits for a lock, until told that it is over."""

    def __init__(self, root: Path, lanes: dict[str, list[Loaded]], patient: bool) -> None:
        self.over = threading.Event()
        self._lanes = lanes
        self._prepared = {name: all(each.job.prepared for each in own) for name, own in lanes.items()}
        self._root = root
        self._patient = patient
        self._current: str | None = None
        self._found: dict[str, Folder | Exception | None] = {}
        """None: somebody else works in it."""

    def run(self) -> None:
        for name, prepared in self._prepared.items():
            if self.over.is_set():
                break
            self._current = name
            try:
                found = Folder.open(self._root / name, prepared=prepared, wait=self._wait)
            except Exception as error:  # noqa: BLE001 - it is told in the loop, and the next is another's
                self._found[name] = error
            else:
                self._found[name] = found

    def taken(self, *, hangs: bool = False) -> _Opened:
        """What was opened since the last time, with all documents. With ``hangs`` its thread does not come back from one
        folder, or could not even begin."""
        found = {name: self._found.pop(name) for name in list(self._found)}
        lanes, self._lanes = self._lanes, {}
        opened = _Opened([], [], lanes, [])
        for name, folder in found.items():
            if folder is not None:
                own = lanes.pop(name, [])
                if isinstance(folder, Folder):
                    opened.ready.append((folder, own))
                elif isinstance(folder, OSError):
                    opened.outcomes.extend((each.job, placing.cannot(folder)) for each in own)
                else:
                    _log.error("a folder cannot be opened", exc_info=folder)
                    opened.outcomes.extend((each.job, NotBegun(repr(folder), fault=True)) for each in own)
        if hangs:
            alone = self._patient or self._current is None
            opened.hanging.extend(name for name in lanes if alone or name == self._current)
            opened.outcomes.extend(
                (each.job, _NO_ANSWER) for name in opened.hanging for each in lanes.pop(name)
            )
        return opened

    def _wait(self) -> bool:
        return self._patient and not self.over.is_set()


def _place_all(ready: _Ready) -> _Placed:
    """Deliver into folders of one file system; closes them, and lets go of the documents. Runs in a thread."""
    markers: list[Marker] = []
    try:
        return placing.place(ready, markers), markers
    finally:
        _close(ready)


def _close(ready: _Ready) -> None:
    while ready:
        ready.pop()[0].close()


def _remove(lanes: Sequence[tuple[Path, Collection[str]]]) -> None:
    """What cannot be removed now is swept later."""
    for path, names in lanes:
        with contextlib.suppress(OSError):
            hidden = os.open(path / disk.HIDDEN, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                for name in names:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=hidden)
            finally:
                os.close(hidden)
