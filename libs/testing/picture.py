"""The picture of the page in the docs: first and last sheet of an invoice of forty lines, drawn by PDFium.

``make contracts`` draws it anew; a test tells when the page has changed since.
"""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2
from PIL import Image

from libs.einvoice import convert
from libs.testing import builders

FILE = Path("docs/formats/invoice.png")
_SCALE = 0.9  # of 72 dots an inch
_GAP = 12


def draw() -> Image.Image:
    """The picture as it should be."""
    (done,) = convert.convert(builders.invoice(lines=40, order="PO-4711"), "pdf")
    with pypdfium2.PdfDocument(done.data) as document:
        sheets = [document[place].render(scale=_SCALE).to_pil() for place in (0, len(document) - 1)]
    width = sum(each.width for each in sheets) + _GAP * (len(sheets) - 1)
    picture = Image.new("RGB", (width, sheets[0].height), "silver")
    at = 0
    for each in sheets:
        picture.paste(each, (at, 0))
        at += each.width + _GAP
    return picture


def main() -> None:
    out = io.BytesIO()
    draw().quantize(64).save(out, "PNG", optimize=True)
    FILE.write_bytes(out.getvalue())


if __name__ == "__main__":
    main()
