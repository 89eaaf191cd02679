"""ZIPs in a mail or a single submission: opened, and their files treated like those beside them. Pure.

What is in a ZIP is judged as in a batch (``archive.py``), within narrower bounds, because all of it is held in memory. A
file keeps its folder for pairing: people keep one for each customer. An archive inside an archive stays closed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from libs.errors import Refusal, TooLarge
from services.ingest.uploads import archive
from services.ingest.uploads.intake import Refused, nothing, refuse
from services.ingest.uploads.part import Part

MOST_UNPACKED = 50_000_000
"""Bytes of all files of a mail or a submission, out of their ZIPs."""
MOST_FILES = 1_000

_HERE = {"zip-broken": "zip-damaged", "zip-too-much": "zip-too-much-mailed"}
"""Where the words of a batch do not fit."""
_PACKED = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = frozenset({"[content_types].xml", "mimetype", "meta-inf/manifest.xml"})
"""Names that make a ZIP a document of an office program or a program, whatever else is in it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts with their ZIPs opened, and the ZIPs that were not."""

    parts: Sequence[Part]
    refused: Sequence[Refused]


def is_zip(part: Part) -> bool:
    return part.data.startswith(_PACKED)


def opened(parts: Sequence[Part]) -> Opened:
    """What is inside a ZIP never makes it raise."""
    found: list[Part] = []
    refused: list[Refused] = []
    room, files = MOST_UNPACKED, MOST_FILES
    for part in parts:
        if not is_zip(part):
            found.append(part)
            continue
        try:
            inside = _files(part, room, files)
        except Refusal as no:
            refused.append(refuse(part, _HERE.get(no.code, no.code)))
            continue
        if inside is None:
            found.append(part)
        elif not inside:
            refused.append(refuse(part, "no-invoice"))
        else:
            found.extend(inside)
            room -= sum(len(each.data) for each in inside)
            files -= len(inside)
    return Opened(found, refused)


def opened_strictly(parts: Sequence[Part]) -> Sequence[Part]:
    """The same for a caller who waits. Raises the first refusal (413, 422), or 400 for a ZIP without a file."""
    done = opened(parts)
    for no in done.refused:
        raise nothing() if no.code == "no-invoice" else archive.refusal(no.code)
    return done.parts


def _files(part: Part, room: int, files: int) -> list[Part] | None:
    """None for a document that only happens to be a ZIP."""
    found = archive.Archive(io.BytesIO(part.data), most_file=room, most_bytes=room)
    members = [member for item in found.items for member in item.files]
    if any(member.filename.lower() in _OFFICE for member in members):
        return None
    if len(members) > files:
        raise TooLarge(code="zip-too-much-mailed")
    inside = [
        Part(each.data, each.filename, folder=_folder(member.filename))
        for item in found.items
        for each, member in zip(found.parts(item), item.files, strict=True)
    ]
    return [each for each in inside if each.data and not each.is_aside]


def _folder(name: str) -> str:
    parent = str(PurePosixPath(name.replace("\\", "/")).parent)
    return "" if parent == "." else parent
