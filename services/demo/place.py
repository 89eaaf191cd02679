"""Where the demo keeps its data: a folder of whoever runs it, that nobody else may enter."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from libs.errors import HubError

_OURS = re.compile(r"(run|keys|receipts|books)\.(json|new)|postgres|receivers")
"""Everything the demo makes there."""


class NoPlace(HubError):
    """The demo cannot keep its data there."""

    slug = "no-place"
    transient = False


def usual() -> Path:
    """Kept over a restart of the machine, and one for each user: two people may watch at the same time."""
    return Path(f"/var/tmp/postbode-demo-{os.getuid()}")  # noqa: S108 - its owner is looked at below


def prepare(folder: Path, *, fresh: bool) -> None:
    """``folder`` is there, ours, and closed to others. ``fresh`` forgets what is in it.

    Raises ``NoPlace`` with a sentence for whoever typed the path.
    """
    try:
        if fresh and folder.exists():
            _forget(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise NoPlace(f"{folder} belongs to somebody else: name a folder of your own with --folder")
        (folder / "receivers").mkdir(exist_ok=True)
        (folder / "receivers").chmod(0o700)
        if _is_ours(folder):
            folder.chmod(0o700)
    except OSError as refused:
        raise NoPlace(
            f"the demo cannot keep its data in {folder} ({refused.strerror}): name another folder with --folder"
        ) from refused


def _forget(folder: Path) -> None:
    if not _is_ours(folder):
        raise NoPlace(f"{folder} holds more than the demo's data: empty it yourself, or name another folder")
    shutil.rmtree(folder)


def _is_ours(folder: Path) -> bool:
    """Whether nothing stands in it but what the demo made. A home folder named by mistake is neither emptied
    nor closed."""
    return all(_OURS.fullmatch(inside.name) for inside in folder.iterdir())
