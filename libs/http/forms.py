"""The files of a request: its body, or those of a multipart form (RFC 7578).

Nothing that was handed over is left out in silence. A form that ends before its last boundary would lose the
files that did not come, and a field without a file name is what becomes of a file when a client was told to
send text: both are refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from libs.contracts.parts import Words
from libs.errors import BadInput, TooLarge

_IN_MEMORY = 256 * 1024
"""Bytes of a file from which on it waits on disk."""
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


@dataclass(frozen=True, slots=True)
class _Spooled:
    file: IO[bytes]
    size: int
    filename: str | None
    media_type: str

    def read(self) -> File:
        self.file.seek(0)
        return File(self.file.read(), self.filename, self.media_type)


class Received:
    """The files of a request as they lie there: a large one on disk, until it is read."""

    def __init__(self, found: Sequence[_Spooled]) -> None:
        self._found = found

    @property
    def size(self) -> int:
        """Bytes of all."""
        return sum(each.size for each in self._found)

    def read(self) -> Sequence[File]:
        return [each.read() for each in self._found]


class _Form(MultiPartParser):
    """Knows whether the last boundary came, and gives up the files of a form that is refused."""

    spool_max_size = _IN_MEMORY
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

    Raises ``TooLarge`` over ``most`` bytes in all, and ``BadInput`` with code ``cut-off``, ``not-a-file`` or
    ``bad-form``.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large(most)
    media_type = _media_type(request.headers.get("content-type", ""))
    with contextlib.ExitStack() as stack:
        if media_type == "multipart/form-data":
            found = await _form(request, max_files, stack)
        else:
            body = stack.enter_context(SpooledTemporaryFile(max_size=_IN_MEMORY))
            async for piece in request.stream():
                body.write(piece)
                if body.tell() > most:
                    raise too_large(most)
            found = [_Spooled(body, body.tell(), filename, media_type)] if body.tell() else []
        if sum(each.size for each in found) > most:
            raise too_large(most)
        yield Received(found)


async def files(
    request: Request, *, most: int, filename: str | None = None, max_files: int = 200
) -> Sequence[File]:
    """``received``, read at once."""
    async with received(request, most=most, filename=filename, max_files=max_files) as found:
        return found.read()


async def _form(request: Request, max_files: int, stack: contextlib.ExitStack) -> list[_Spooled]:
    parser = _Form(request.headers, request.stream(), max_files=max_files, max_fields=max_files)
    stack.callback(parser.close)
    try:
        form = await parser.parse()
    except MultiPartException as bad:
        raise refusal("bad-form", BAD_FORM, why=bad.message) from None
    if not parser.whole:
        raise refusal("cut-off", CUT_OFF)
    return [_spooled(name, value) for name, value in form.multi_items()]


def _spooled(name: str, value: UploadFile | str) -> _Spooled:
    if isinstance(value, str):
        raise refusal("not-a-file", NOT_A_FILE, field=name[:60])
    return _Spooled(value.file, value.size or 0, value.filename, _media_type(value.content_type or ""))


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
