"""The development corpus through the running hub (collected when POSTBODE_SHARED names its folder).

Every document ends delivered, rejected with findings, parked, or is answered as a duplicate or refused at
the door; nothing crashes and nothing becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections import Counter
from pathlib import Path

from tests.e2e.world import World

ENDS = {"sent", "arrived", "rejected", "parked"}
AT_ONCE = 40


async def test_every_document_of_the_corpus_ends(world: World) -> None:
    supplier = await world.supplier()
    for kvk, names in (("11111111", ["Ontvanger"]), ("87654321", ["Participant B.V.", "Klant B.V."])):
        await world.receiver(f"Party {kvk}", ("0106", kvk), folder=kvk, names=names)
    documents = _documents(Path(os.environ["POSTBODE_SHARED"]) / "corpus" / "dev.tar.gz")
    gate = asyncio.Semaphore(AT_ONCE)
    answers: Counter[str] = Counter()
    waiting: set[str] = set()

    async def send(name: str, data: bytes) -> None:
        async with gate:
            reply = await world.post(supplier, (Path(name).name, data))
        assert reply.status_code in (202, 422), (name, reply.text)
        if reply.status_code == 422:
            answers[f"refused {reply.json()['code']}"] += 1
        elif reply.headers.get("postbode-repeat") == "true":
            answers["duplicate"] += 1
        else:
            waiting.add(reply.json()["invoices"][0]["invoice_id"])

    await asyncio.gather(*(send(name, data) for name, data in documents.items()))
    async with asyncio.timeout(180):
        while waiting:
            for invoice_id, status in (await _statuses(world, supplier.headers)).items():
                if invoice_id in waiting and status in ENDS:
                    waiting.discard(invoice_id)
                    answers[status] += 1
            await asyncio.sleep(2)
    print(dict(answers))
    assert sum(answers.values()) == len(documents) == 2402
    assert answers["rejected"] > 1000, "all the rules of EN 16931 and NLCIUS are here"
    assert answers["sent"] + answers["arrived"] > 200, "the two buyers most of them name are customers here"
    for service in world.services:
        if service.consumers:
            pool = await world.resources.pools.get(service.name, "worker")
            assert await pool.fetchval("SELECT count(*) FROM dead") == 0, service.name


def _documents(archive: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".xml") else None
            if file is not None:
                found[member.name] = file.read()
    return found


async def _statuses(world: World, headers: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    path: str | None = "/v1/invoices?limit=200"
    while path is not None:
        reply = await world.http.get(path, headers=headers)
        assert reply.status_code == 200, reply.text
        found.update({item["invoice_id"]: item["status"] for item in reply.json()["invoices"]})
        path = str(reply.links["next"]["url"]) if "next" in reply.links else None
    return found
