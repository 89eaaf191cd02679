"""Programs that people read PDFs with, asked what they see: PDFium always, poppler where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pypdfium2


@dataclass(frozen=True, slots=True)
class Seen:
    """``text`` in reading order; ``pages``: the grey pixels of each, a byte a pixel."""

    text: str
    pages: list[bytes]


def _pdfium(path: Path) -> Seen:
    with pypdfium2.PdfDocument(path) as document:
        texts, pages = [], []
        for page in document:
            texts.append(page.get_textpage().get_text_range())
            pages.append(bytes(page.render(scale=0.5, grayscale=True).buffer))
        return Seen("\n".join(texts), pages)


def _poppler(path: Path) -> Seen:
    text = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
    pages = path.with_suffix("")
    subprocess.run(["pdftoppm", "-r", "40", "-gray", path, pages], check=True)
    # A PGM has three words of header before its pixels.
    drawn = [each.read_bytes() for each in sorted(pages.parent.glob(f"{pages.name}-*.pgm"))]
    return Seen(text, [data.split(b"\n", 3)[3] for data in drawn])


READERS: Mapping[str, Callable[[Path], Seen]] = {
    "pdfium": _pdfium,
    **({"poppler": _poppler} if shutil.which("pdftotext") and shutil.which("pdftoppm") else {}),
}
