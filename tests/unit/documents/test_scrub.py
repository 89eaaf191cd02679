"""Is a document still what it was, and which bit is it that flipped?"""

from __future__ import annotations

import hashlib
import random

import pytest
import zstandard

from libs.documents import scrub
from libs.documents.scrub import flipped, wrong

DATA = b"<Invoice>" + b"<Line/>" * 40 + b"</Invoice>"
SHA, BODY = hashlib.sha256(DATA).digest(), zstandard.ZstdCompressor(level=1).compress(DATA)


def test_what_is_whole_is_told_nothing_of() -> None:
    assert wrong(BODY, SHA, len(DATA)) is None


@pytest.mark.parametrize("at", random.Random(7).sample(range(14, len(BODY)), 6))
def test_a_flipped_bit_is_found(at: int) -> None:
    broken = bytearray(BODY)
    broken[at] ^= 1 << at % 8
    assert wrong(bytes(broken), SHA, len(DATA)) is not None
    put_back = bytearray(broken)
    found = flipped(bytes(broken), SHA, len(DATA))
    assert found is not None
    put_back[found[0]] ^= 1 << found[1]
    assert wrong(bytes(put_back), SHA, len(DATA)) is None


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY[::-1], b"x" * (scrub.SEARCHED + 1)])
def test_more_than_a_bit_is_told_too(body: bytes) -> None:
    assert wrong(body, SHA, len(DATA)) == "it does not match its hash"
