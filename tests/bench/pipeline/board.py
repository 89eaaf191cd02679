"""Counters that several processes see: a file in memory. Each counter has one writer."""

from __future__ import annotations

import mmap
import struct
from enum import IntEnum
from pathlib import Path


class Count(IntEnum):
    sent = 0
    accepted = 1
    refused = 2
    delivered = 3
    """Different invoices at the receiver."""
    repeated = 4
    """Files or mails the receiver had already."""
    spans = 5
    """Exports of traces and metrics the collector took."""


class Board:
    def __init__(self, path: Path, *, new: bool = False) -> None:
        if new:
            path.write_bytes(bytes(8 * len(Count)))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def __getitem__(self, count: Count) -> int:
        value: int = struct.unpack_from("=q", self._memory, 8 * count)[0]
        return value

    def add(self, count: Count, number: int = 1) -> None:
        struct.pack_into("=q", self._memory, 8 * count, self[count] + number)
