"""The PDF beside a file on this machine: which bank accounts it names, read as the hub reads it.

The same process as the hub's reads it (``pdf_reader.py``): a PDF that takes too long or too much ends that process alone.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import IO, Self

from libs.einvoice import gate
from libs.einvoice.printed import NOTHING, Printed, printed
from services.validate import pdf_reader

COMMAND = (sys.executable, "-I", str(Path(pdf_reader.__file__)))
"""It gets nothing of ours: no settings, no secrets, no imports."""


def beside(path: str) -> Path | None:
    """The PDF of the same name in the same folder, if there is one."""
    try:
        file = Path(path)
        if file.suffix.lower() == ".pdf" or not file.name:
            return None
        return next((page for page in map(file.with_suffix, (".pdf", ".PDF")) if page.is_file()), None)
    except (OSError, ValueError):
        return None


class Pages:
    """Reads one PDF after another; used as a context manager, which ends its process. Starts none without a PDF."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, page: Path) -> Printed:
        """What it names; nothing where it is a picture, too large or no PDF. Raises ``OSError`` where it is no file that
        can be read."""
        with page.open("rb") as file:
            data = file.read(gate.DEFAULT.size + 1)
        if len(data) > gate.DEFAULT.size:
            return NOTHING
        try:
            return printed(self._text(data))
        except (EOFError, BrokenPipeError):
            self._end()
            return NOTHING

    def _text(self, data: bytes) -> str:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own reader
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
            )
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            raise EOFError
        asked.write(len(data).to_bytes(4, "big") + data)
        asked.flush()
        return _exactly(answers, int.from_bytes(_exactly(answers, 4), "big")).decode("utf-8", "replace")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(OSError), process:
            process.wait()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
