"""A receiver's folder on disk, held open and locked: every name is relative to what was opened, so nothing
a receiver puts there (a link, a folder of the same name) leads the hub elsewhere."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

HIDDEN = ".postbode"
"""The hub's own area in each folder: on the same file system, so that a rename is one atomic step."""

_LOCK = "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_TRY_SECONDS = 0.01


class FolderAway(OSError):
    """A folder that was there before is not there: its file system is not mounted, or somebody removed it."""


class Folder:
    """One folder with its hidden area, on the file system ``device``."""

    def __init__(self, path: Path, visible: int, hidden: int, lock: int) -> None:
        self.path = path
        self.device = os.fstat(hidden).st_dev
        self.visible = visible
        self.hidden = hidden
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, prepared: bool, wait: Callable[[], bool]) -> Self | None:
        """Open and lock. None when somebody else works in it for as long as ``wait`` says to wait.

        A folder that was never ``prepared`` is made when it is not there; one that was is ``FolderAway``.
        """
        with contextlib.ExitStack() as undo:
            if not prepared:
                # The hub's area is nobody else's to read; parents get what the umask gives them.
                (path / HIDDEN).mkdir(0o700, parents=True, exist_ok=True)
            try:
                visible = os.open(path, _FOLDER)
                undo.callback(os.close, visible)
                hidden = os.open(HIDDEN, _FOLDER | os.O_NOFOLLOW, dir_fd=visible)
            except FileNotFoundError as gone:
                raise FolderAway(
                    errno.ENOENT, "the folder is not there: is its file system mounted?"
                ) from gone
            undo.callback(os.close, hidden)
            lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=hidden)
            undo.callback(os.close, lock)
            while not _locked(lock):
                if not wait():
                    return None
                time.sleep(_TRY_SECONDS)
            undo.pop_all()
            return cls(path, visible, hidden, lock)

    def close(self) -> None:
        for fd in (self._lock, self.hidden, self.visible):
            os.close(fd)

    def write(self, name: str, data: bytes) -> None:
        """A whole file in the hidden area, over one that is there already."""
        fd = os.open(name, _NEW, 0o660, dir_fd=self.hidden)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)

    def read(self, name: str) -> bytes:
        """A whole small file of the hidden area; nothing when it is gone."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.hidden)
        except FileNotFoundError:
            return b""
        with os.fdopen(fd, "rb") as file:
            return file.read()

    def staged(self, name: str) -> bool:
        return _there(name, self.hidden)

    def shown(self, name: str) -> bool:
        return _there(name, self.visible)

    def show(self, staged: str, name: str) -> None:
        """From the hidden area into sight, under its name, in one step."""
        os.rename(staged, name, src_dir_fd=self.hidden, dst_dir_fd=self.visible)

    def hidden_names(self) -> list[str]:
        return [name for name in os.listdir(self.hidden) if name != _LOCK]  # noqa: PTH208  by descriptor


def names(path: Path) -> frozenset[str] | None:
    """What is to be seen in a folder; None when it, or the hub's area in it, is not there: an empty mount
    point is no folder from which everything was taken."""
    try:
        with os.scandir(path) as entries:
            found = frozenset(entry.name for entry in entries)
    except OSError:
        return None
    return found if HIDDEN in found else None


def beginnings(path: Path, names: Iterable[str], most: int = 4096) -> dict[str, bytes]:
    """Up to ``most`` bytes of each of these that is a plain file: no link is followed, and no pipe is waited for."""
    found: dict[str, bytes] = {}
    for name in names:
        with contextlib.suppress(OSError):
            fd = os.open(path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    found[name] = os.read(fd, most)
            finally:
                os.close(fd)
    return found


def _there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_libc = ctypes.CDLL(None, use_errno=True)


def sync(folders: Sequence[Folder]) -> None:
    """Everything written in these folders of one file system is on disk when this returns: one ``syncfs``, which for a
    batch costs a fraction of ``fsync`` on each file. Raises ``OSError``."""
    if not hasattr(_libc, "syncfs"):
        for folder in folders:
            _sync_each(folder)
    elif folders and _libc.syncfs(folders[0].hidden) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _sync_each(folder: Folder) -> None:
    """Where there is no ``syncfs``: every staged file, then both folders."""
    for name in folder.hidden_names():
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder.hidden)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
    os.fsync(folder.hidden)
    os.fsync(folder.visible)
