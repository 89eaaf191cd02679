"""A body that comes as gzip is read as what is inside, and never further than allowed."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from libs.errors import HubError
from libs.http.encoding import unpacked


def request(pieces: Sequence[bytes], coding: str | None = "gzip") -> Request:
    waiting = list(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    headers = [(b"content-encoding", coding.encode())] if coding is not None else []
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def code_of(body: bytes, *, most: int = 1_000_000, coding: str | None = "gzip") -> str:
    with pytest.raises(HubError) as refused:
        await unpacked(request([body], coding), most=most).body()
    return refused.value.code


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_what_is_inside_is_read_however_it_comes(step: int) -> None:
    data = b"<Invoice>" * 30_000
    packed = gzip.compress(data[:9]) + gzip.compress(data[9:])
    pieces = [packed[n : n + step] for n in range(0, len(packed), step)]
    assert await unpacked(request(pieces), most=len(data)).body() == data


async def test_a_plain_body_is_left_as_it_is() -> None:
    for coding in (None, "identity"):
        plain = request([b"<Invoice>"], coding)
        assert unpacked(plain, most=1) is plain


async def test_what_cannot_be_unpacked_is_said() -> None:
    packed = gzip.compress(b"<Invoice>")
    assert await code_of(packed[:-1]) == await code_of(b"") == await code_of(packed + b"x") == "gzip-broken"
    assert await code_of(b"<Invoice>") == "gzip-broken"
    assert await code_of(b"x", coding="br") == "unknown-encoding"
    assert await code_of(b"x", coding="gzip, gzip") == "unknown-encoding"


async def test_a_bomb_is_stopped_where_it_is_too_large() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        assert await code_of(bomb, most=1_000_000) == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
