"""Broken requests to the door of the API: an answer that is documented, and nothing kept as an invoice that is none.

Through the whole app but for the socket and the database: what is kept is looked at instead. ``POSTBODE_REQUESTS`` sets how
many (1,000; the soak takes 20,000).
"""

from __future__ import annotations

import gzip
import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from libs.http.problems import MEDIA_TYPE
from libs.testing import builders
from libs.testing.broken import mutant
from libs.testing.eexact import file
from services.ingest.uploads.submissions import Submission
from tests.fuzz.ingest.door import PATHS, are_invoices, door, packed

MANY = int(os.environ.get("POSTBODE_REQUESTS", "1000"))
XML, PDF = builders.invoice(number="F1"), builders.pdf("F1")

NASTY = (
    b"", b"\x00", b"\r\n\r\n", b"--b", b"--b--\r\n", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"%PDF-",
    b"<!DOCTYPE x>", b"\x1f\x8b",
    b"\xff\xfe", b"\xe2\x80\xae", b'"; filename="../../etc/passwd"', b"filename*=utf-8''%00",
    b"Content-Type: text/html\r\n",
    b"[" * 5000, b"<a>" * 300, b"\xed\xa0\x80", b"&#0;", b'"' * 50,
)  # fmt: skip


def form(*files: tuple[str, bytes]) -> bytes:
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n%b\r\n'
        % (name.encode(), data)
        for name, data in files
    )
    return b"".join(parts) + b"--b--\r\n"


def bodies(seed: int) -> Sequence[tuple[dict[str, str], bytes]]:
    """Headers and bodies that are right but for what is in a file."""
    hurt = mutant(XML, seed) if seed % 2 else XML
    pair = (("F1.xml", hurt), ("F1.pdf", PDF))
    return (
        ({"content-type": "application/xml", "postbode-filename": "F1.xml"}, hurt),
        ({"content-type": "multipart/form-data; boundary=b"}, form(*pair)),
        ({"content-type": "application/zip"}, packed(*pair)),
        (
            {"content-type": "multipart/form-data; boundary=b"},
            form(("a.zip", packed(*pair)), ("los.pdf", PDF)),
        ),
        ({"content-encoding": "gzip"}, gzip.compress(hurt, mtime=0)),
        ({"content-type": "text/xml"}, file()),
        ({}, PDF),
    )


def broken(seed: int) -> tuple[str, dict[bytes, bytes], bytes]:
    """A path, headers and a body: any of them broken, or none."""
    draw = random.Random(seed)
    path = "/v1/submissions:batch" if seed % 8 == 0 else "/v1/submissions"
    given, data = draw.choice(bodies(seed))
    for _ in range(draw.choice([0, 0, 1, 1, 3])):
        at = draw.randrange(len(data) + 1) if draw.random() < 0.5 else min(len(data), draw.randrange(300))
        match draw.randrange(4):
            case 0:
                data = data[:at] + draw.choice(NASTY) + data[at:]
            case 1:
                data = data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
            case 2:
                data = data[:at] + data[at + draw.randrange(1, 300) :]
            case _:
                data = data[:at]
    head = {name.encode(): value.encode() for name, value in given.items()}
    head[b"authorization"] = b"Bearer known"
    if draw.random() < 0.3:
        name = draw.choice([
            b"content-type", b"content-encoding", b"postbode-filename", b"idempotency-key", b"authorization",
            b"content-length", b"traceparent", b"x-request-id",
        ])  # fmt: skip
        head[name] = draw.choice([
            b"", b"\xff\xfe", b"multipart/form-data", b"multipart/form-data; boundary=", b"gzip, gzip", b"br", b'"k"',
            b"a" * 300, b"Bearer ", b"Basic !!!", b"-1", b"99999999999", b"../x", b'"' + b"\\" * 9, b"00-0-0-00",
        ])  # fmt: skip
    if draw.random() < 0.1:
        path += draw.choice(["?offset=-1", "?offset=1e9", "?offset=2", "?offset=%00", "?x"])
    return path, head, data


def documented(operation: dict[str, Any]) -> dict[int, set[str]]:
    """The codes of each status."""
    found = {}
    for status, response in operation["post"]["responses"].items():
        told = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
        found[int(status)] = set(told)
    return found


async def test_every_broken_request_is_answered_and_no_junk_is_an_invoice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[Submission] = []
    said = {path: documented(operation) for path, operation in PATHS.items()}
    statuses = Counter[int]()
    async with door(kept, monkeypatch) as http:
        for seed in range(MANY):
            path, head, data = broken(seed)
            reply = await http.post(path, headers=list(head.items()), content=data)
            statuses[reply.status_code] += 1
            answers = said[path.partition("?")[0]]
            assert reply.status_code in {*answers, 401}, (seed, reply.status_code, reply.text[:300])
            if reply.status_code >= 400:
                assert reply.headers["content-type"] == MEDIA_TYPE, seed
                told = reply.json()
                assert told["words"]["nl"] != told["words"]["en"], (seed, told)
                assert reply.status_code == 401 or told["code"] in answers[reply.status_code], (seed, told)
            elif reply.status_code == 200:
                assert {"end", "stopped"} & set(orjson.loads(reply.text.splitlines()[-1])), seed
    assert statuses[202] > MANY / 20, f"hardly any is taken: this tries the first check only ({statuses})"
    assert sum(count for status, count in statuses.items() if status >= 400) > MANY / 5, statuses
    for submission in kept:
        are_invoices(submission)
