"""The folder channel: XML and PDF under equal names, never visible half-written (exact.md §1.4).

::

    .postbode/<id>.xml, .pdf ─ sync ─▶ .postbode/<id>.staged ─ sync ─▶ PDF linked ─▶ XML renamed ─ sync ─▶ result
                                                                                  (one atomic step)

The hidden area lies on the same file system. The XML comes last, because it is what the receiver's import
looks for. What became of an attempt that was cut short is read off exactly:

* no ``.staged``: nothing was placed; begin again.
* ``.staged`` and the staged XML: not placed; go on from there.
* ``.staged`` and no staged XML: the rename happened. The receiver has it, or has taken it already.

So a kill at any point neither loses nor doubles a file, also when the receiver takes it within the moment
between the rename and the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from libs.contracts.parts import Words
from services.deliver.parcel import Failed, HandedOver, Job, Loaded, Outcome, Refused

_HIDDEN = ".postbode"
_NO_FOLDER = Refused(
    "no-folder",
    Words(
        nl="De map van de ontvanger is niet goed ingesteld. De beheerder van de hub moet dit herstellen.",
        en="The receiver's folder is not set up properly. The operator of the hub has to mend this.",
    ),
)


class FolderChannel:
    def __init__(self, root: Path) -> None:
        self._root = root

    async def deliver(self, loaded: Sequence[Loaded]) -> list[Outcome]:
        return await asyncio.to_thread(self._deliver, loaded)

    async def settled(self, loaded: Sequence[Loaded]) -> None:
        await asyncio.to_thread(self._clean, loaded)

    async def taken(self, names: Sequence[tuple[str, str]]) -> list[bool]:
        """Which of these (folder, base name) pairs the receiver has taken away, XML and PDF both."""
        return await asyncio.to_thread(self._taken, names)

    def folder_of(self, job: Job) -> Path | None:
        """The receiver's folder; None when the setting is missing or tries to leave the root."""
        name = job.parcel.settings.get("folder", "")
        if not name or name.startswith(".") or Path(name).name != name:
            return None
        return self._root / name

    def _deliver(self, loaded: Sequence[Loaded]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        staged: list[tuple[int, Loaded, Path]] = []
        for index, each in enumerate(loaded):
            folder = self.folder_of(each.job)
            if folder is None:
                outcomes[index] = _NO_FOLDER
                continue
            try:
                if self._already_placed(each.job, folder):
                    outcomes[index] = HandedOver(f"{each.job.base_name}.xml")
                    continue
                self._stage(each, folder)
            except OSError as error:
                outcomes[index] = Failed(f"cannot write: {error.strerror}")
                continue
            staged.append((index, each, folder))
        folders = {folder for _, _, folder in staged}
        _sync(folders)
        for _, each, folder in staged:
            _marker(folder, each.job).touch()
        _sync(folders)
        for index, each, folder in staged:
            try:
                self._place(each, folder)
                outcomes[index] = HandedOver(f"{each.job.base_name}.xml")
            except OSError as error:
                outcomes[index] = Failed(f"cannot place: {error.strerror}")
        _sync(folders)
        return [outcomes[index] for index in range(len(loaded))]

    @staticmethod
    def _already_placed(job: Job, folder: Path) -> bool:
        return job.unknown and _marker(folder, job).exists() and not _staged(folder, job, "xml").exists()

    @staticmethod
    def _stage(each: Loaded, folder: Path) -> None:
        (folder / _HIDDEN).mkdir(parents=True, exist_ok=True)
        if each.pdf is not None:
            _staged(folder, each.job, "pdf").write_bytes(each.pdf)
        _staged(folder, each.job, "xml").write_bytes(each.xml)

    @staticmethod
    def _place(each: Loaded, folder: Path) -> None:
        visible = folder / each.job.base_name
        if each.pdf is not None:
            # There already: linked by an attempt that was cut short; the staged file is the same one.
            with contextlib.suppress(FileExistsError):
                os.link(_staged(folder, each.job, "pdf"), f"{visible}.pdf")
        _staged(folder, each.job, "xml").rename(f"{visible}.xml")

    def _clean(self, loaded: Sequence[Loaded]) -> None:
        for each in loaded:
            folder = self.folder_of(each.job)
            if folder is not None:
                for path in (_staged(folder, each.job, "pdf"), _marker(folder, each.job)):
                    path.unlink(missing_ok=True)

    def _taken(self, names: Sequence[tuple[str, str]]) -> list[bool]:
        present = {folder: _names(self._root / folder) for folder, _ in names}
        return [
            (there := present[folder]) is not None
            and f"{base}.xml" not in there
            and f"{base}.pdf" not in there
            for folder, base in names
        ]


def _staged(folder: Path, job: Job, kind: str) -> Path:
    return folder / _HIDDEN / f"{job.delivery_id.hex}.{kind}"


def _marker(folder: Path, job: Job) -> Path:
    return _staged(folder, job, "staged")


def _names(folder: Path) -> set[str] | None:
    """What is in a folder; None when it is not there (unmounted, perhaps): then nothing was *taken*."""
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return None


_libc = ctypes.CDLL(None, use_errno=True)


def _sync(folders: Iterable[Path]) -> None:
    """Everything written below these folders is on disk: one syncfs per file system, where there is one.

    syncfs costs 2 ms for fifty files where fsync on each costs 14.
    """
    devices: set[int] = set()
    for folder in folders:
        fd = os.open(folder, os.O_RDONLY)
        try:
            device = os.fstat(fd).st_dev
            if device not in devices:
                devices.add(device)
                if not hasattr(_libc, "syncfs") or _libc.syncfs(fd) != 0:
                    os.sync()
        finally:
            os.close(fd)
