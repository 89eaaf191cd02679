"""Files of a folder as what is handed over: an XML with the PDF of its name, and many of those as ZIPs."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MOST_ITEMS = 5_000
MOST_BYTES = 200_000_000
"""What the hub takes in one ZIP: items, and (a little less than it takes) bytes when unpacked."""
_SUSPECT = 50
"""A file that becomes so many times smaller is packed as it is: of twice that the hub thinks it is an attack."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand over; by its ``name`` a PDF finds its XML."""

    name: str
    data: bytes

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Raises ``OSError``."""
        return cls(Path(path).name, Path(path).read_bytes())


@dataclass(frozen=True, slots=True)
class Parcel:
    """What becomes one item: an invoice, with its PDF where there is one."""

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
    """Of files and folders, in the order given: each XML with the PDF of its name beside it, then PDFs that belong to none.

    Of a folder its own XML files are meant, not those in folders below, and no PDF by itself. Raises ``FileNotFoundError``
    for what is not there.
    """
    papers: dict[Path, Path | None] = {}
    pages: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            papers.update((xml, _beside(xml)) for xml in sorted(path.iterdir()) if _is(xml, ".xml"))
        elif not path.is_file():
            raise FileNotFoundError(str(path))
        elif path.suffix.lower() == ".pdf":
            pages[path] = None
        else:
            papers[path] = _beside(path)
    used = {page.resolve() for page in papers.values() if page is not None}
    lone = [page for page in pages if page.resolve() not in used]
    return [
        *(Parcel((paper,) if page is None else (paper, page)) for paper, page in papers.items()),
        *(Parcel((page,)) for page in lone),
    ]


def _is(path: Path, suffix: str) -> bool:
    return path.suffix.lower() == suffix and path.is_file()


def _beside(paper: Path) -> Path | None:
    return next(
        (page for page in (paper.with_suffix(".pdf"), paper.with_suffix(".PDF")) if page.is_file()), None
    )


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
