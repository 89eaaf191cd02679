"""Room on the disks that a process writes to."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from libs.errors import Unavailable


class DiskFull(Unavailable):
    """A disk this process writes to has no room: make some."""

    slug = "disk-full"
    dutch = "Een schijf waarop dit proces schrijft is vol: maak ruimte."


def room(folder: Path, least: int) -> Callable[[], Awaitable[None]]:
    """A check that raises ``DiskFull`` while fewer than ``least`` bytes are free where ``folder`` is, or will be."""

    async def check() -> None:
        # In a thread: a share that hangs must not hold up anybody else.
        free = await asyncio.to_thread(_free, folder)
        if free < least:
            raise DiskFull(
                f"{folder}: {free // 2**20} MB free, of the {least // 2**20} MB it needs: make room",
                nl=f"{folder}: {free // 2**20} MB vrij, van de {least // 2**20} MB die nodig zijn: maak ruimte",
            )

    return check


def _free(folder: Path) -> int:
    there = next((each for each in (folder, *folder.absolute().parents) if each.exists()), Path("/"))
    return shutil.disk_usage(there).free
