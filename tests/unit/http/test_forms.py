"""Nothing that was handed over is left out in silence."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from libs.http import forms, problems

MOST = 3_000_000
BOUNDARY = "Grens"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)

    @app.post("/files")
    async def post_files(request: Request) -> list[tuple[str | None, str, int]]:
        found = await forms.files(request, most=MOST, filename="body.xml", max_files=3)
        return [(file.filename, file.media_type, len(file.data)) for file in found]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test") as client:
        yield client


def field(data: bytes, filename: str | None = None, name: str = "file") -> bytes:
    called = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{called}\r\n'
    return head.encode() + b"Content-Type: Application/XML; charset=utf-8\r\n\r\n" + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def test_a_body_is_one_file(http: httpx.AsyncClient) -> None:
    reply = await http.post("/files", content=b"<a/>", headers={"Content-Type": "Text/XML; charset=utf-8"})
    assert reply.json() == [["body.xml", "text/xml", 4]]
    assert (await http.post("/files")).json() == []


@pytest.mark.parametrize("spelling", ["multipart/form-data", "Multipart/Form-Data", "MULTIPART/FORM-DATA "])
async def test_a_form_is_a_form_however_it_is_spelt(http: httpx.AsyncClient, spelling: str) -> None:
    reply = await http.post(
        "/files",
        content=field(b"<a/>", "a.xml") + field(b"<bb/>", "b.xml") + END,
        headers={"Content-Type": f"{spelling}; boundary={BOUNDARY}"},
    )
    assert reply.json() == [["a.xml", "application/xml", 4], ["b.xml", "application/xml", 5]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (field(b"<a/>", "a.xml") + field(b"<b/>"), "cut-off"),
        (field(b"<a/>", "a.xml") + field(b"<b/>", "b.xml"), "cut-off"),
        (field(b"x" * 2_000_000, "a.xml")[:-9], "cut-off"),
        (field(b"<a/>", "a.xml")[:-9], "cut-off"),
        (field(b"<a/>", "a.xml") + field(b"<b/>") + END, "not-a-file"),
        (field(b"<a/>", "a.xml") * 4 + END, "bad-form"),
        (b"--other\r\n", "bad-form"),
    ],
)
async def test_a_form_that_would_lose_something_is_refused(
    http: httpx.AsyncClient, body: bytes, code: str
) -> None:
    reply = await http.post("/files", content=body, headers=HEADERS)
    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert set(reply.json()["words"]) == {"nl", "en"}


@pytest.mark.parametrize("name", ["a.xml", None])
async def test_many_small_files_wait_on_disk_like_one_large(name: str | None) -> None:
    """Until they are read: whoever may have them in memory is asked first (``libs.http.heavy``)."""
    pieces = [field(b"x" * 100_000, name)] * 50 + [END]

    async def receive() -> dict[str, object]:
        piece = bytes(bytearray(pieces.pop()))
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(each.lower().encode(), value.encode()) for each, value in HEADERS.items()]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    pieces.reverse()
    tracemalloc.start()
    try:
        async with forms.received(request, most=10_000_000) as found:
            assert found.size > 5_000_000
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


async def test_a_form_without_a_boundary_is_refused(http: httpx.AsyncClient) -> None:
    reply = await http.post("/files", content=END, headers={"Content-Type": "multipart/form-data"})
    assert reply.json()["code"] == "bad-form"


async def test_too_large_is_413_declared_or_not(http: httpx.AsyncClient) -> None:
    async def undeclared() -> AsyncIterator[bytes]:
        yield b"x" * (MOST + 1)

    for content in (b"x" * (MOST + 1), undeclared()):
        reply = await http.post("/files", content=content)
        assert (reply.status_code, reply.json()["limit"]) == (413, MOST)
