"""The folder channel: XML and PDF under equal names, never visible half-written (exact.md §1.4).

::

    .postbode/<id>.pdf, .xml ─ sync ─▶ .postbode/<id>.staged ─ sync ─▶ PDF renamed ─▶ XML renamed ─ sync ─▶ result
                                                                     into sight, each in one atomic step

The XML comes last, because it is what the receiver's import looks for. ``.postbode`` lies inside the
receiver's folder, so on the same file system. What became of an attempt that was cut short is read off it:

* no ``.staged``: nothing was shown. Begin again.
* ``.staged`` and the hidden XML: the XML was not shown. Go on from there.
* ``.staged`` and no hidden XML: it was shown. The receiver has it, or has taken it already.

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
import functools
import os
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from services.deliver.channels import Done, disk
from services.deliver.channels.disk import Folder, FolderAway
from services.deliver.parcel import Failed, HandedOver, Job, Loaded, NotBegun, Outcome, Unknown
from services.deliver.plan import BAD_FOLDER, FOLDER_NAME

T = TypeVar("T")

TOGETHER_SECONDS = 0.1
"""So long a batch waits for all its folders to be open; those that take longer come in a second part."""
OPEN_SECONDS = 2.0
"""A folder that is not open after this is left for later."""
_THREADS = 16


class FolderChannel:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads = ThreadPoolExecutor(_THREADS, "folders")
        self._stuck: set[str] = set()

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        lanes: dict[str, list[Loaded]] = {}
        for each in loaded:
            lanes.setdefault(each.job.parcel.settings.get("folder", ""), []).append(each)
        opening: dict[asyncio.Future[Folder | None], list[Loaded]] = {}
        over = threading.Event()
        for name, own in lanes.items():
            if not FOLDER_NAME.fullmatch(name):
                yield [(each.job, BAD_FOLDER) for each in own]
            elif name in self._stuck:
                yield [(each.job, NotBegun("the folder does not answer")) for each in own]
            else:
                prepared = all(each.job.prepared for each in own)
                wait = functools.partial(_not_yet, over)
                opening[self._run(self._open, name, prepared, wait)] = own
        patience = TOGETHER_SECONDS
        while opening:
            first = patience == TOGETHER_SECONDS
            done, late = await asyncio.wait(
                opening,
                timeout=patience,
                return_when=asyncio.ALL_COMPLETED if first else asyncio.FIRST_COMPLETED,
            )
            patience = OPEN_SECONDS
            if done:
                yield await self._run(_place_all, {f: opening.pop(f) for f in done})
            elif not first:
                over.set()
                for future in late:
                    own = opening.pop(future)
                    self._give_up(own[0].job.lane, future)
                    yield [(each.job, NotBegun("the folder does not answer")) for each in own]

    async def settled(self, jobs: Sequence[Job]) -> None:
        lanes: dict[str, set[UUID]] = {}
        for job in jobs:
            lanes.setdefault(job.lane, set()).add(job.delivery_id)
        for lane, ids in lanes.items():
            await self.remove(lane, ids)

    async def close(self) -> None:
        """Nothing is kept open between batches; whether files were taken is still looked at."""

    async def names(self, lane: str) -> frozenset[str] | None:
        """What is to be seen in a folder; None when it is away."""
        return await self._run(disk.names, self._root / lane)

    async def lanes(self) -> list[str]:
        """Every folder the hub has used."""

        def look() -> list[str]:
            with contextlib.suppress(OSError):
                return sorted(path.parent.name for path in self._root.glob(f"*/{disk.HIDDEN}"))
            return []

        return await self._run(look)

    async def leftovers(self, lane: str) -> set[UUID]:
        """The deliveries of which something lies in the hidden area."""

        def look() -> set[UUID]:
            with contextlib.suppress(OSError):
                hidden = self._root / lane / disk.HIDDEN
                return {found for path in hidden.iterdir() if (found := _id(path.name))}
            return set()

        return await self._run(look)

    async def remove(self, lane: str, ids: Collection[UUID]) -> None:
        """Forget what was kept about these. What cannot be removed now is swept later."""

        def work() -> None:
            with contextlib.suppress(OSError):
                hidden = os.open(
                    self._root / lane / disk.HIDDEN, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                )
                try:
                    for name in (n for each in ids for n in _names(each)):
                        with contextlib.suppress(FileNotFoundError):
                            os.unlink(name, dir_fd=hidden)
                finally:
                    os.close(hidden)

        await self._run(work)

    def _open(self, name: str, prepared: bool, wait: Callable[[], bool]) -> Folder | None:
        return Folder.open(self._root / name, prepared=prepared, wait=wait)

    def _give_up(self, lane: str, future: asyncio.Future[Folder | None]) -> None:
        """Its thread hangs; until it comes back nothing else is tried there."""
        self._stuck.add(lane)

        def back(done: asyncio.Future[Folder | None]) -> None:
            self._stuck.discard(lane)
            if not done.cancelled() and done.exception() is None and (folder := done.result()) is not None:
                folder.close()

        future.add_done_callback(back)

    def _run(self, work: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def _not_yet(over: threading.Event) -> bool:
    return not over.is_set()


def _place_all(opened: Mapping[asyncio.Future[Folder | None], Sequence[Loaded]]) -> Done:
    """Deliver into every folder that could be opened; closes them. Runs in a thread."""
    outcomes: Done = []
    ready: list[tuple[Folder, Sequence[Loaded]]] = []
    strange: list[BaseException] = []
    for future, own in opened.items():
        error = future.exception()
        if error is None:
            folder = future.result()
            if folder is not None:
                ready.append((folder, own))
            else:
                outcomes += [(each.job, NotBegun("somebody else works in the folder")) for each in own]
        elif isinstance(error, OSError):
            outcomes += [(each.job, _cannot(error)) for each in own]
        else:
            strange.append(error)
    try:
        for each_error in strange:
            raise each_error
        return [*outcomes, *_place(ready)]
    finally:
        for folder, _ in ready:
            folder.close()


def _place(ready: Sequence[tuple[Folder, Sequence[Loaded]]]) -> Done:
    outcomes: Done = []
    staged: list[tuple[Folder, Loaded]] = []
    for folder, own in ready:
        for each in own:
            try:
                if _was_shown(folder, each.job):
                    outcomes.append((each.job, _receipt(each.job)))
                elif not each.job.lease.held:
                    outcomes.append((each.job, NotBegun("the lease ran out")))
                else:
                    _stage(folder, each)
                    staged.append((folder, each))
            except OSError as error:
                outcomes.append((each.job, _cannot(error)))
    folders = [folder for folder, _ in ready]
    try:
        disk.sync(folders)
        for folder, each in staged:
            folder.write(_names(each.job.delivery_id)[0], b"")
        disk.sync(folders)
    except OSError as error:
        return [*outcomes, *((each.job, _cannot(error)) for _, each in staged)]
    shown = [(each.job, _show(folder, each)) for folder, each in staged]
    try:
        disk.sync(folders)
    except OSError as error:
        # In sight, but perhaps not for long: the next attempt reads off what held.
        return [*outcomes, *((job, Unknown(f"cannot sync: {error.strerror}")) for job, _ in shown)]
    return [*outcomes, *shown]


def _was_shown(folder: Folder, job: Job) -> bool:
    marker, xml, _ = _names(job.delivery_id)
    return folder.staged(marker) and not folder.staged(xml)


def _stage(folder: Folder, each: Loaded) -> None:
    _, xml, pdf = _names(each.job.delivery_id)
    if each.pdf is not None and not folder.shown(f"{each.job.base_name}.pdf"):
        folder.write(pdf, each.pdf)
    folder.write(xml, each.xml)


def _show(folder: Folder, each: Loaded) -> Outcome:
    job = each.job
    _, xml, pdf = _names(job.delivery_id)
    if not job.lease.held:
        return NotBegun("the lease ran out")
    try:
        if each.pdf is not None and folder.staged(pdf):
            folder.show(pdf, f"{job.base_name}.pdf")
        folder.show(xml, f"{job.base_name}.xml")
    except OSError as error:
        return _cannot(error)
    return _receipt(job)


def _receipt(job: Job) -> HandedOver:
    return HandedOver(f"{job.base_name}.xml")


def _cannot(error: OSError) -> Failed:
    if isinstance(error, FolderAway):
        return Failed("folder-away", str(error.strerror))
    # Whatever the trouble: the XML is shown last and in one step, so it was not shown.
    return Failed("folder-trouble", f"cannot write: {error.strerror}", resolved=True)


def _names(delivery_id: UUID) -> tuple[str, str, str]:
    """In the hidden area: the marker, the XML, the PDF."""
    return f"{delivery_id.hex}.staged", f"{delivery_id.hex}.xml", f"{delivery_id.hex}.pdf"


def _id(name: str) -> UUID | None:
    stem, dot, _ = name.partition(".")
    try:
        return UUID(hex=stem) if dot else None
    except ValueError:
        return None
