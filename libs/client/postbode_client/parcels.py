"""Files of a folder as what is handed over: an XML with the PDF and the extra fields of its name, and many of those as
ZIPs."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MOST_ITEMS = 5_000
MOST_BYTES = 200_000_000
"""What the hub takes in one ZIP: items, and (a little less than it takes) bytes when unpacked."""
FIELDS = ".fields.json"
"""What the hub calls a file of extra fields, behind the name of its invoice."""
_SUSPECT = 50
"""A file that becomes so many times smaller is packed as it is: of twice that the hub thinks it is an attack."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand over; by its ``name`` a PDF finds its XML, and so do extra fields."""

    name: str
    data: bytes

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Raises ``OSError``."""
        return cls(Path(path).name, Path(path).read_bytes())

    def said(self, fields: Mapping[str, str]) -> File:
        """The file of extra fields that belongs to this one."""
        return File(Path(self.name).stem + FIELDS, json.dumps(fields).encode())


@dataclass(frozen=True, slots=True)
class Parcel:
    """What becomes one item: an invoice, with its PDF and its extra fields where they are there."""

    paths: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.paths[0].name

    @property
    def size(self) -> int:
        """Bytes. Raises ``OSError``."""
        return sum(path.stat().st_size for path in self.paths)

    def files(self) -> list[File]:
        return [File.read(path) for path in self.paths]


def gather(paths: Iterable[Path]) -> list[Parcel]:
    """Of files and folders, in the order given: each XML with the PDF and the extra fields (``NAME.fields.json``) of its
    name beside it, then those that belong to none.

    Of a folder its own XML files are meant, not those in folders below, and no PDF by itself. Raises ``FileNotFoundError``
    for what is not there.
    """
    papers: dict[Path, tuple[Path, ...]] = {}
    beside: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            papers.update((xml, _belonging(xml)) for xml in sorted(path.iterdir()) if _is(xml, ".xml"))
        elif not path.is_file():
            raise FileNotFoundError(str(path))
        elif path.name.lower().endswith((".pdf", FIELDS)):
            beside[path] = None
        else:
            papers[path] = _belonging(path)
    used = {each.resolve() for belonging in papers.values() for each in belonging}
    lone = [path for path in beside if path.resolve() not in used]
    return [
        *(Parcel((paper, *belonging)) for paper, belonging in papers.items()),
        *(Parcel((path,)) for path in lone),
    ]


def _is(path: Path, suffix: str) -> bool:
    return path.suffix.lower() == suffix and path.is_file()


def _belonging(paper: Path) -> tuple[Path, ...]:
    """Its page and its extra fields, where they are there."""
    page = next(
        (each for each in (paper.with_suffix(".pdf"), paper.with_suffix(".PDF")) if each.is_file()), None
    )
    said = paper.with_suffix(FIELDS)
    return tuple(each for each in (page, said) if each is not None and each.is_file())


def loads(parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
    """Stretches of parcels that fit into one ZIP. Raises ``OSError``."""
    load: list[Parcel] = []
    held = 0
    for parcel in parcels:
        size = parcel.size
        if load and (len(load) == MOST_ITEMS or held + size > MOST_BYTES):
            yield load
            load, held = [], 0
        load.append(parcel)
        held += size
    if load:
        yield load


def pack(parcels: Sequence[Parcel], path: Path) -> None:
    """A ZIP with a folder for each parcel: files of one name from several places do not meet. Raises ``OSError``."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, parcel in enumerate(parcels):
            for file in parcel.files():
                packed = zipfile.ZipInfo(f"{number:04}/{file.name}")
                if len(zlib.compress(file.data, 1)) * _SUSPECT > len(file.data):
                    packed.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(packed, file.data)
