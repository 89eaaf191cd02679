"""The folder channel: XML and PDF under equal names, never visible half-written (exact.md §1.4).

The XML comes last, because it is what the receiver's import looks for. The hub's own area ``.postbode`` lies
inside the receiver's folder, so on the same file system; how a pair gets from there into sight, and how an
attempt that was cut short is read off it, says ``placing.py``.

So a kill at any point neither loses nor doubles a file, also when the receiver takes it between the rename and
the result. A process that was stopped and wakes up late cannot double it either: it acts under a lock of the
folder and looks at its lease inside. What is unavoidable: somebody who removes files from ``.postbode`` by
hand while a delivery is under way takes the memory away.

A folder that does not answer (a network share that hangs) or is locked by a stopped process holds up its own
deliveries and no others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from libs import clock
from services.deliver.channels import Done, disk, placing
from services.deliver.channels.disk import Folder
from services.deliver.channels.placing import Marker
from services.deliver.parcel import Job, Loaded, NotBegun
from services.deliver.plan import BAD_FOLDER, FOLDER_NAME

T = TypeVar("T")

_NO_ANSWER = NotBegun("the folder does not answer, or somebody else works in it", trouble=True)

TOGETHER_SECONDS = 0.1
"""So long a batch waits for all its folders to be open; those that take longer come in a second part."""
OPEN_SECONDS = 2.0
"""A folder that is not open after this is left for later."""
MOST_MARKED = 10_000
"""Deliveries whose marker is remembered, to remove it as soon as their results are committed."""
_AT_ONCE = 4
"""Threads that open the folders of a batch."""
_THREADS = 32


class FolderChannel:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads = ThreadPoolExecutor(_THREADS, "folders")
        self._stuck: set[str] = set()
        self._markers: OrderedDict[UUID, Marker] = OrderedDict()

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        lanes: dict[str, list[Loaded]] = {}
        for each in loaded:
            lanes.setdefault(each.job.parcel.settings.get("folder", ""), []).append(each)
        bad = [name for name in lanes if not FOLDER_NAME.fullmatch(name)]
        busy = [name for name in lanes if name in self._stuck]
        if bad or busy:
            yield [
                *((each.job, BAD_FOLDER) for name in bad for each in lanes.pop(name)),
                *((each.job, _NO_ANSWER) for name in busy for each in lanes.pop(name)),
            ]
        names = sorted(lanes)
        parts = [part for n in range(_AT_ONCE) if (part := {m: lanes[m] for m in names[n::_AT_ONCE]})]
        opening = dict(self._open(part, patient=False) for part in parts)
        first = True
        while opening:
            done, late = await asyncio.wait(
                opening,
                timeout=TOGETHER_SECONDS if first else OPEN_SECONDS,
                return_when=asyncio.ALL_COMPLETED if first else asyncio.FIRST_COMPLETED,
            )
            if done:
                opened = [opening.pop(future) for future in done]
                for each_opened in opened:
                    opening.update(self._open({m: lanes[m]}, patient=True) for m in each_opened.locked)
                outcomes, markers = await self._run(_place_all, opened)
                self._keep(markers)
                yield outcomes
            elif not first:
                for future in late:
                    yield self._give_up(future, opening.pop(future))
            first = False

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
        self, lanes: Mapping[str, Sequence[Loaded]], *, patient: bool
    ) -> tuple[asyncio.Future[None], _Opening]:
        opening = _Opening(self._root, lanes, patient)
        return self._run(opening.run), opening

    def _keep(self, markers: Sequence[Marker]) -> None:
        self._markers.update((each, marker) for marker in markers for each in marker.left)
        while len(self._markers) > MOST_MARKED:
            # Of attempts whose lease was lost: whoever took them over settles them, the sweep removes these.
            self._markers.popitem(last=False)

    def _give_up(self, future: asyncio.Future[None], opening: _Opening) -> Done:
        """Its thread hangs in one folder; until it comes back nothing else is tried there."""
        name = opening.current or ""
        self._stuck.add(name)
        opening.over.set()

        def back(_: asyncio.Future[None]) -> None:
            self._stuck.discard(name)
            opening.close()

        future.add_done_callback(back)
        return [(each.job, _NO_ANSWER) for own in opening.lanes.values() for each in own]

    def _run(self, work: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


class _Opening:
    """Some folders being opened, in a thread. ``patient``: waits for a lock, until told that it is over."""

    def __init__(self, root: Path, lanes: Mapping[str, Sequence[Loaded]], patient: bool) -> None:
        self.lanes = lanes
        self.folders: dict[str, Folder] = {}
        self.away: dict[str, OSError] = {}
        self.locked: list[str] = []
        self.over = threading.Event()
        self.current: str | None = None
        self._root = root
        self._patient = patient

    def run(self) -> None:
        try:
            for name, own in self.lanes.items():
                self.current = name
                self._open(name, prepared=all(each.job.prepared for each in own))
                if self.over.is_set():
                    break
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        while self.folders:
            self.folders.popitem()[1].close()

    def _open(self, name: str, *, prepared: bool) -> None:
        try:
            folder = Folder.open(self._root / name, prepared=prepared, wait=self._wait)
        except OSError as error:
            self.away[name] = error
        else:
            if folder is None:
                self.locked.append(name)
            else:
                self.folders[name] = folder

    def _wait(self) -> bool:
        return self._patient and not self.over.is_set()


def _place_all(opened: Sequence[_Opening]) -> tuple[Done, list[Marker]]:
    """Deliver into every folder that could be opened; closes them. Runs in a thread."""
    outcomes: Done = [
        (each.job, placing.cannot(error))
        for part in opened
        for name, error in part.away.items()
        for each in part.lanes[name]
    ]
    markers: list[Marker] = []
    try:
        ready = [(folder, part.lanes[name]) for part in opened for name, folder in part.folders.items()]
        return [*outcomes, *placing.place(ready, markers)], markers
    finally:
        for part in opened:
            part.close()


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
