"""Is a stored document still what it was? And if not: which bit? Pure."""

from __future__ import annotations

import hashlib

import zstandard

SEARCHED = 8 * 1024
"""Bytes of a stored body in which every bit is tried: a second or two, and most invoices are smaller."""


def wrong(body: bytes, sha256: bytes, size: int) -> str | None:
    """None when ``body`` unpacks to ``size`` bytes of that hash; else what is wrong with it, in English: the one bit of the
    stored bytes that flipped, where it can be found."""
    if _right(body, sha256, size):
        return None
    found = flipped(body, sha256, size)
    if found is None:
        return "it does not match its hash"
    byte, bit = found
    return f"bit {bit} of byte {byte} of the stored {len(body)} flipped; with it put back it is whole"


def flipped(body: bytes, sha256: bytes, size: int) -> tuple[int, int] | None:
    """Byte and bit (0 is the lowest) whose flip would make it whole."""
    if len(body) > SEARCHED:
        return None
    tried = bytearray(body)
    for at in range(len(tried)):
        for bit in range(8):
            tried[at] ^= 1 << bit
            if _right(bytes(tried), sha256, size):
                return at, bit
            tried[at] ^= 1 << bit
    return None


def _right(body: bytes, sha256: bytes, size: int) -> bool:
    try:
        # The frame says its size beforehand: a damaged one must not fill the memory.
        if zstandard.frame_content_size(body) != size:
            return False
        return hashlib.sha256(zstandard.ZstdDecompressor().decompress(body)).digest() == sha256
    except zstandard.ZstdError:
        return False
