"""Bodies that come compressed (``Content-Encoding: gzip``, RFC 9110 §8.4), read without their wrapping.

They are unpacked as they come, and no further than allowed: a small body that would become a large one is refused at
the byte that is one too many.
"""

from __future__ import annotations

import zlib

from starlette.requests import Request
from starlette.types import Message, Receive

from libs.errors import BadInput, Unsupported
from libs.http import forms

_STEP = 64 * 1024
"""Most bytes that are unpacked at once."""


def unpacked(request: Request, *, most: int) -> Request:
    """``request``, or the same with a body that unpacks while it is read. Raises ``Unsupported`` (415) now, and
    ``TooLarge`` over ``most`` bytes or ``BadInput`` (``gzip-broken``) while it is read."""
    coding = request.headers.get("content-encoding")
    if coding is None or coding.strip().lower() in ("", "identity"):
        return request
    if coding.strip().lower() not in ("gzip", "x-gzip"):
        raise unknown(coding[:40])
    return Request(request.scope, _Unpacking(request.receive, most))


def unknown(coding: str) -> Unsupported:
    return Unsupported(
        f"Content-Encoding “{coding}” is not understood: send the body plain, or as gzip.",
        nl=f"Content-Encoding „{coding}” wordt niet begrepen: stuur de inhoud gewoon, of als gzip.",
        code="unknown-encoding",
    )


def broken() -> BadInput:
    return BadInput(
        "The body is not whole gzip, as its Content-Encoding says: pack it again, and send all of it.",
        nl="De inhoud is geen hele gzip, zoals de Content-Encoding zegt: pak haar opnieuw in, en stuur alles.",
        code="gzip-broken",
    )


class _Unpacking:
    """ASGI ``receive``: each message unpacked, in pieces of ``_STEP`` at most."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._taken = 0
        self._gzip = zlib.decompressobj(wbits=31)
        self._packed = b""
        self._more = True

    async def __call__(self) -> Message:
        while True:
            if self._packed:
                piece = self._unpack()
                if piece:
                    return {"type": "http.request", "body": piece, "more_body": True}
                continue
            if not self._more:
                if not self._gzip.eof:
                    raise broken()
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._packed, self._more = message.get("body", b""), message.get("more_body", False)

    def _unpack(self) -> bytes:
        if self._gzip.eof:
            # RFC 1952 §2.2: members may follow each other.
            self._gzip = zlib.decompressobj(wbits=31)
        try:
            piece = self._gzip.decompress(self._packed, _STEP)
        except zlib.error:
            raise broken() from None
        self._packed = self._gzip.unconsumed_tail or self._gzip.unused_data
        self._taken += len(piece)
        if self._taken > self._most:
            raise forms.too_large(self._most)
        return piece
