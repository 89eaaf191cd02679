"""A process that does nothing but read the text of PDFs, for ``pictures.py``: hostile bytes meet a library written in C++
here, where there is nothing to take, and what goes on for too long or grows too large ends with this process alone.

::

    stdin   length (4 bytes, big endian), PDF
    stdout  length (4 bytes, big endian), text in UTF-8        length 0: there is none (a scan), or it is no PDF

Started by its path, isolated: it knows nothing of the hub, not its settings either.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from typing import BinaryIO

PROCESSOR_SECONDS = 2.0
"""For one PDF; one of two pages takes a hundredth of a second."""
MEMORY = 768 * 1024 * 1024
"""Of addresses, the library itself included."""
FIRST, LAST = 4, 2
"""Pages that are read: where to pay stands on the first page or at the end."""
LETTERS = 50_000
"""Of each page at most."""


def text_of(data: bytes) -> str:
    """What a reader could copy out of the pages, a blank line between them."""
    import pypdfium2

    texts = []
    with contextlib.suppress(pypdfium2.PdfiumError), pypdfium2.PdfDocument(data) as document:
        pages = len(document)
        for number in sorted({*range(min(FIRST, pages)), *range(max(0, pages - LAST), pages)}):
            with (
                contextlib.suppress(pypdfium2.PdfiumError),
                contextlib.closing(document[number]) as page,
                contextlib.closing(page.get_textpage()) as found,
            ):
                texts.append(found.get_text_range(0, min(found.count_chars(), LETTERS), errors="replace"))
    return "\n\n".join(texts)


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer until nobody asks any more. What takes too long is ended by the system, in the middle of anything."""
    while head := asked.read(4):
        data = asked.read(int.from_bytes(head, "big"))
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)
        found = text_of(data).encode("utf-8", "replace")
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(len(found).to_bytes(4, "big") + found)
        answers.flush()


if __name__ == "__main__":
    import pypdfium2  # noqa: F401  before the limits: only what a PDF asks for counts

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
