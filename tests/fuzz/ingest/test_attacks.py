"""Each attack of field.md §C.3 on readers of XML, at both doors: refused with its code, cheaply, and whoever hands over
beside it does not notice. Of time only the processor's counts: others' programs are nobody's attack."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest

from libs.testing import builders
from libs.testing.hostile import ATTACKS
from services.ingest.uploads.submissions import Submission
from tests.fuzz.ingest.door import KEY, door
from tests.unit.ingest.postbox import Boxes, line, office

_CPU_SECONDS = 1.0
_P99_SECONDS = 0.25
"""Of a good request: what the door promises at four fifths of its load."""
_LATER = {"8 names in pairs", "8 paths of few names", "10 groups by the thousand, lines by the thousand"}
"""What a look at the bytes does not show: validate refuses it (``tests/integration/validate/test_hostile.py``)."""
GOOD = builders.invoice(number="F1")


@pytest.mark.parametrize("name", ATTACKS)
async def test_at_the_api(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, kept, beside = ATTACKS[name], list[Submission](), list[float]()
    data, named = attack.make(), {**KEY, "Postbode-Filename": "F1.xml"}
    async with door(kept, monkeypatch) as http:

        async def post(body: bytes) -> int:
            return (await http.post("/v1/submissions", headers=named, content=body)).status_code

        assert await post(GOOD) == 202
        began = time.process_time()
        reply = await http.post("/v1/submissions", headers=named, content=data)
        assert time.process_time() - began < _CPU_SECONDS
        bad = asyncio.create_task(post(data))
        while not bad.done():
            sent = time.process_time()
            assert await post(GOOD) == 202
            beside.append(time.process_time() - sent)
    assert max(beside) < _P99_SECONDS
    if attack.refused and name not in _LATER:
        assert {reply.json()["code"]} == attack.ids
        assert reply.status_code == (413 if "too-large" in attack.ids else 422)
        assert all(item.upload and item.upload.original.data == GOOD for s in kept for item in s.items)
    else:
        assert reply.status_code == 202, "it can be read: the rules reject it"


async def test_in_a_mail() -> None:
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        for name, attack in ATTACKS.items():
            file = base64.encodebytes(attack.make()).replace(b"\n", b"\r\n")
            began = time.process_time()
            said = await sender.mail(
                b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: application/xml; name=F1.xml\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" + file
            )
            assert time.process_time() - began < _CPU_SECONDS, name
            assert said.startswith("250"), (name, said)
            (item,) = boxes.kept[-1].items
            refused = attack.refused and name not in _LATER
            assert ({item.refused.code} if item.refused else set()) == (attack.ids if refused else set()), (
                name
            )
