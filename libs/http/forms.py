"""The files of a request: its body, or those of a multipart form (RFC 7578).

Nothing that was handed over is left out in silence. A form that ends before its last boundary would lose the
files that did not come, and a field without a file name is what becomes of a file when a client was told to
send text: both are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from libs.contracts.parts import Words
from libs.errors import BadInput, TooLarge

_IN_MEMORY = 256 * 1024
"""Bytes of a body from which on it waits on disk, however many files are in it."""
CUT_OFF = Words(
    nl="Het verzoek is afgebroken: het formulier eindigt vóór zijn laatste scheidingsregel. "
    "Er is niets aangenomen; stuur alles opnieuw.",
    en="The request is cut off: the form ends before its last boundary. "
    "Nothing was taken; send everything again.",
)
NOT_A_FILE = Words(
    nl="Het veld „{field}” heeft geen bestandsnaam en is dus tekst. Stuur het als bestand (curl: -F file=@naam).",
    en="The field “{field}” has no file name, so it is text. Send it as a file (curl: -F file=@name).",
)
BAD_FORM = Words(
    nl="Het formulier is niet te lezen ({why}). Stuur multipart/form-data volgens RFC 7578.",
    en="The form cannot be read ({why}). Send multipart/form-data as RFC 7578 describes it.",
)
TOO_LARGE = Words(
    nl="Het verzoek is groter dan {most} bytes. Verdeel de bestanden over meer verzoeken.",
    en="The request is larger than {most} bytes. Spread the files over more requests.",
)


@dataclass(frozen=True, slots=True)
class File:
    """As the caller sent it: nothing of it is checked. ``media_type`` is in lower case, without parameters."""

    data: bytes
    filename: str | None = None
    media_type: str = ""


class Received:
    """The body of a request as it lies there: a large one on disk, until its files are read."""

    def __init__(self, request: Request, body: IO[bytes], filename: str | None, max_files: int) -> None:
        self._headers = request.headers
        self._body = body
        self._filename = filename
        self._max_files = max_files
        self.size = body.tell()
        """In bytes."""

    async def read(self) -> Sequence[File]:
        """Its files. Raises ``BadInput``."""
        self._body.seek(0)
        media_type = _media_type(self._headers.get("content-type", ""))
        if media_type == "multipart/form-data":
            return await self._form()
        return [File(self._body.read(), self._filename, media_type)] if self.size else []

    async def _form(self) -> Sequence[File]:
        parser = _Form(self._headers, self._pieces(), max_files=self._max_files, max_fields=self._max_files)
        try:
            form = await parser.parse()
            if not parser.whole:
                raise refusal("cut-off", CUT_OFF)
            return [_file(name, value) for name, value in form.multi_items()]
        except MultiPartException as bad:
            raise refusal("bad-form", BAD_FORM, why=bad.message) from None
        finally:
            parser.close()

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        while piece := self._body.read(_IN_MEMORY):
            yield piece
            # Parsing waits for nothing, and others have their turn meanwhile.
            await asyncio.sleep(0)


class _Form(MultiPartParser):
    """Knows whether the last boundary came. Its files are in memory: on disk the body is already."""

    spool_max_size = 0
    whole = False

    def on_end(self) -> None:
        self.whole = True

    def close(self) -> None:
        for file in self._files_to_close_on_error:
            file.close()


@contextlib.asynccontextmanager
async def received(
    request: Request, *, most: int, filename: str | None = None, max_files: int = 200
) -> AsyncIterator[Received]:
    """The files of a request; none when its body is empty. ``filename`` is that of a body that is no form.

    Raises ``TooLarge`` over ``most`` bytes in all; reading them ``BadInput`` with code ``cut-off``, ``not-a-file`` or
    ``bad-form``.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large(most)
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
        async for piece in request.stream():
            body.write(piece)
            if body.tell() > most:
                raise too_large(most)
        yield Received(request, body, filename, max_files)


async def files(
    request: Request, *, most: int, filename: str | None = None, max_files: int = 200
) -> Sequence[File]:
    """``received``, read at once."""
    async with received(request, most=most, filename=filename, max_files=max_files) as found:
        return await found.read()


def _file(name: str, value: UploadFile | str) -> File:
    if isinstance(value, str):
        raise refusal("not-a-file", NOT_A_FILE, field=name[:60])
    with value.file as file:
        return File(file.read(), value.filename, _media_type(value.content_type or ""))


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def refusal(code: str, words: Words, **said: str) -> BadInput:
    return BadInput(words.en.format(**said), nl=words.nl.format(**said), code=code)


def too_large(most: int) -> TooLarge:
    return TooLarge(TOO_LARGE.en.format(most=most), nl=TOO_LARGE.nl.format(most=most), limit=most)


def examples() -> list[BadInput]:
    """One of each code, for whoever documents them."""
    return [
        refusal("cut-off", CUT_OFF),
        refusal("not-a-file", NOT_A_FILE, field="file"),
        refusal("bad-form", BAD_FORM, why="Missing boundary in multipart."),
    ]
