"""What processes use of the machine, from ``/proc`` (Linux)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor seconds since boot, of all processors together."""

    busy: float
    irq: float
    stolen: float
    total: float


def machine() -> Machine:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, idle, iowait, irq, softirq, steal = (int(f) / _TICKS for f in fields[:8])
    busy = user + nice + system + irq + softirq
    return Machine(busy, irq + softirq, steal, busy + idle + iowait + steal)


class Processes:
    """Named process trees: of each its root, by process id."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self.roots = dict(roots)

    def cpu(self) -> dict[str, float]:
        """Processor seconds so far, with everything a root has started (Postgres: a process a session)."""
        trees = self._trees()
        return {name: sum(_cpu(pid, reaped=True) for pid in pids) for name, pids in trees.items()}

    def rss(self) -> dict[str, int]:
        """Bytes of memory now; what processes of a tree share is counted once."""
        found = {}
        for name, pids in self._trees().items():
            sizes = [size for pid in pids if (size := _memory(pid)) is not None]
            found[name] = sum(own for own, _ in sizes) + max((shared for _, shared in sizes), default=0)
        return found

    def _trees(self) -> dict[str, list[int]]:
        children: dict[int, list[int]] = {}
        for path in Path("/proc").iterdir():
            if path.name.isdigit() and (fields := _stat(int(path.name))):
                children.setdefault(int(fields[1]), []).append(int(path.name))
        trees = {}
        for name, root in self.roots.items():
            tree = [root]
            for pid in tree:
                tree += children.get(pid, [])
            trees[name] = tree
        return trees


def named(pid: int, name: str) -> bool:
    """Whether this process is here and called so: a server in a container is not."""
    try:
        return name in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False


def alive(pid: int) -> bool:
    """Whether it still runs: one that ended and was not waited for does not."""
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/<pid>/stat`` behind the name; None when it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _cpu(pid: int, *, reaped: bool) -> float:
    fields = _stat(pid)
    return sum(int(f) for f in fields[11 : 15 if reaped else 13]) / _TICKS if fields else 0.0


def _memory(pid: int) -> tuple[int, int] | None:
    """Own and shared bytes."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return None
    return (int(resident) - int(shared)) * _PAGE, int(shared) * _PAGE
