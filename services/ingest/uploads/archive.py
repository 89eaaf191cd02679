"""What is inside a ZIP of invoices: which files are one item, and the bytes of an item when it is its turn.

A ZIP says at its end what it holds, and how large that will be. What it says is judged before anything is unpacked, and
what comes out is held against it: nobody is asked to hold more than one item. The end is read here first, because
the library would read a list of any length into memory.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from libs.contracts.parts import Words
from libs.errors import HubError, TooLarge, Unprocessable
from services.ingest.uploads import intake, names
from services.ingest.uploads.intake import Upload
from services.ingest.uploads.pairing import pair
from services.ingest.uploads.part import Part
from services.ingest.uploads.words import REASONS

MOST_ITEMS = 5_000
MOST_FILES = 3 * MOST_ITEMS
"""Each invoice may have its PDF and its extra fields."""
MOST_LIST = 4_000_000
"""Bytes of the list at the end: 260 for each file."""
RATIO, SMALL = 100, 1_000_000
"""A file that is larger than ``SMALL`` unpacked shrank to a hundredth at most. Invoices shrink to a 35th."""

_END = b"PK\x05\x06"
_END64 = b"PK\x06\x07"
_END_SIZE = 22
_COMMENT = 65_535
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""What the library raises about bytes that are no whole ZIP."""


def refusal(code: str) -> HubError:
    """The error of a ZIP that is refused whole."""
    words: Words = REASONS[code]
    kind = TooLarge if code in ("zip-too-much", "zip-too-much-mailed", "zip-bomb") else Unprocessable
    return kind(words.en, nl=words.nl, code=code)


@dataclass(frozen=True, slots=True)
class Item:
    """One XML with its PDF and its extra fields, if it has them; or one of those that no XML has the name of."""

    files: tuple[zipfile.ZipInfo, ...]
    ambiguous: bool = False
    """A PDF, or extra fields, whose name several files have."""

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return sum(file.file_size for file in self.files)


class Archive:
    """Reads ``file``, which it does not close. Raises ``Unprocessable`` or ``TooLarge`` with code ``zip-…`` for all of
    it. ``most_file``, ``most_bytes``: unpacked bytes of a file, and of all."""

    def __init__(self, file: IO[bytes], *, most_file: int, most_bytes: int) -> None:
        self._most_file = most_file
        _look_at_the_end(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except _BROKEN:
            raise refusal("zip-broken") from None
        members = [each for each in self._zip.infolist() if not each.is_dir()]
        for member in members:
            _judge(member, most_file)
        if sum(member.file_size for member in members) > most_bytes:
            raise refusal("zip-bomb")
        self.items: Sequence[Item] = _items(members)
        if not self.items:
            raise intake.nothing()
        if len(self.items) > MOST_ITEMS:
            raise refusal("zip-too-much")

    def parts(self, item: Item) -> list[Part]:
        """Its files. Raises ``Unprocessable`` (``zip-damaged``) when one does not unpack to what it was."""
        return [Part(self._read(file), file.filename) for file in item.files]

    def uploads(self, parts: Sequence[Part], item: Item) -> tuple[Upload, ...]:
        """What the files of an item are. Raises its refusal."""
        if item.ambiguous:
            raise intake.as_error(
                intake.refuse(parts[0], "ambiguous-fields" if parts[0].is_fields else "ambiguous-pdf")
            )
        return intake.sort_strictly(parts)

    def _read(self, member: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(member) as stream:
                data = stream.read(self._most_file + 1)
        except _BROKEN:
            raise _damaged(member) from None
        # The library stops at the size that was promised, and compares checksums.
        if len(data) != member.file_size:
            raise _damaged(member)
        return data


def _look_at_the_end(file: IO[bytes]) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_SIZE - _COMMENT))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise refusal("zip-broken")
    *_, files, length, _, comment = struct.unpack("<4s4H2LH", tail[at : at + _END_SIZE])
    if files > MOST_FILES or length > MOST_LIST:
        raise refusal("zip-too-much")
    # Another end, of the form for files of any size, would be believed more.
    if len(tail) - at != _END_SIZE + comment or tail[max(0, at - 20) :].startswith(_END64):
        raise refusal("zip-broken")


def _judge(member: zipfile.ZipInfo, most_file: int) -> None:
    name = member.filename.replace("\\", "/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":" or kind not in (0, stat.S_IFREG):
        raise refusal("zip-name")
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise refusal("zip-locked")
    too_dense = member.file_size > SMALL and member.file_size > RATIO * member.compress_size
    if member.file_size > most_file or too_dense:
        raise refusal("zip-bomb")


def _items(members: Sequence[zipfile.ZipInfo]) -> list[Item]:
    """In the order of the ZIP, an invoice where its XML stands."""
    said = [n for n, member in enumerate(members) if names.of_fields(member.filename)]
    pages = [n for n, member in enumerate(members) if _is_page(member)]
    papers = sorted(set(range(len(members))).difference(said, pages))
    made = {n: Item((members[n],)) for n in range(len(members))}
    # Extra fields may be those of a PDF that is an invoice itself, so pages come first.
    for owners, beside in ((papers, pages), (papers + pages, said)):
        owners = [n for n in owners if n in made and not made[n].ambiguous]
        pairing = pair([_stem(members[n]) for n in owners], [_stem(members[n]) for n in beside])
        for owner, found in pairing.pdf_of.items():
            files = made[owners[owner]].files
            made[owners[owner]] = Item((*files, *made.pop(beside[found]).files))
        for found in pairing.ambiguous:
            made[beside[found]] = Item((members[beside[found]],), ambiguous=True)
    return [made[n] for n in sorted(made)]


def _is_page(member: zipfile.ZipInfo) -> bool:
    return member.filename.lower().endswith(".pdf")


def _stem(member: zipfile.ZipInfo) -> str:
    """What it is paired by: its folder counts, because people keep one for each customer."""
    name = member.filename.replace("\\", "/")
    own = names.stem(names.decoded(name))
    return f"{PurePosixPath(name).parent}/{own}" if own else ""


def _damaged(member: zipfile.ZipInfo) -> HubError:
    return intake.as_error(intake.refuse(Part(b"", member.filename), "zip-damaged"))
