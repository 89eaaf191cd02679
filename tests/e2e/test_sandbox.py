"""The sandbox through the whole hub: every outcome there is, and nothing of it outside or in a book."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.contracts.sandbox import RECEIVERS, is_sandbox
from libs.db.settings import DatabaseSettings
from libs.messaging import MemoryTransport
from libs.testing import builders
from tests.e2e.test_ledger import settled
from tests.e2e.world import Supplier, World
from tests.e2e.world import world as start

X = "58070036"
PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
_STEP = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
ENDS = {
    "delivered": "arrived", "sent": "sent", "slow": "sent", "imported": "imported", "paid": "paid",
    "undeliverable": "undeliverable", "parked": "parked", "rejected": "rejected",
}  # fmt: skip


async def key_of(world: World, supplier: Supplier, **wanted: Any) -> Supplier:
    made = await world.http.post("/v1/keys", headers=supplier.headers, json={"sandbox": True, **wanted})
    assert made.status_code == 201, made.text
    assert made.json()["key"].startswith("pb_test_")
    return Supplier(supplier.name, made.json()["key"], "")


@pytest.fixture
async def world(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[World]:
    """On one transport: what is asked here has nothing to do with it."""
    async with start(database.url, database.secret, tmp_path, MemoryTransport()) as found:
        yield found


@pytest.mark.proves("R54", "R55")
async def test_every_outcome_and_nobody_gets_anything(world: World, database: DatabaseSettings) -> None:
    supplier = await world.supplier("Bakker")
    tester = await key_of(world, supplier)
    more = await world.http.post(
        "/v1/keys", headers=supplier.headers, json={"sandbox": True, "scopes": ["account:admin"]}
    )
    assert more.status_code == 422
    real = await world.receiver("X BV", ("0106", X), folder="x")
    # Somebody who has a magic number for real is not found from the sandbox either.
    await world.receiver("Y BV", ("0106", "00000001"), folder="y", names=["Y"])
    sent: dict[str, str] = {}
    wanted: str
    for number, wanted in RECEIVERS.items():
        reply = await world.post(tester, ("F.xml", builders.invoice(number=f"F{wanted}", buyer_kvk=number)))
        assert reply.status_code == 202, reply.text
        sent[wanted] = reply.json()["invoices"][0]["invoice_id"]
    assert all(is_sandbox(UUID(each)) for each in sent.values())
    for outcome, invoice_id in sent.items():
        await world.until(tester, invoice_id, ENDS[outcome])
        assert await world.invoice(supplier, invoice_id) is None, "it is not among what is real"
    worker = await world.resources.pools.get("deliver", "worker")
    await worker.execute(
        "UPDATE delivery SET handed_at = handed_at - interval '1 minute' WHERE lane = 'slow'"
    )
    await world.until(tester, sent["slow"], "arrived")

    # The same bytes to a real receiver: from the sandbox it waits, whatever a tester chooses; live it goes, and is new.
    data = builders.invoice(number="F1", buyer_kvk=X)
    tried = (await world.post(tester, ("F1.xml", data))).json()["invoices"][0]
    await world.until(tester, tried["invoice_id"], "parked")
    chosen = await world.http.post(
        f"/v1/parked/{tried['invoice_id']}/release", headers=tester.headers, json={"party_id": real}
    )
    assert (chosen.status_code, chosen.json()["code"]) == (409, "no-such-receiver")
    sandboxed = await worker.fetchval("SELECT receiver_id FROM delivery WHERE lane = 'paid'")
    chosen = await world.http.post(
        f"/v1/parked/{tried['invoice_id']}/release", headers=tester.headers, json={"party_id": str(sandboxed)}
    )
    assert chosen.status_code < 300, chosen.text
    await world.until(tester, tried["invoice_id"], "paid")
    assert not world.waiting(), "nothing left the hub"
    lived = (await world.post(supplier, ("F1.xml", data))).json()["invoices"][0]
    assert lived["status"] == "received"
    await world.until(supplier, lived["invoice_id"], "arrived")
    assert {d["channel"] for d in await deliveries(world, tester)} == {"sandbox"}
    assert {d["channel"] for d in await deliveries(world, supplier)} == {"folder"}
    # Nobody was mailed, and the books know of one invoice.
    assert not list((world.receivers.folders.parent / "mail").iterdir())
    track = await world.resources.pools.get("track", "worker")
    assert await track.fetchval("SELECT count(*) FROM notice") == 0
    # With nothing left waiting all of it would balance, and be counted, if it were looked at.
    back = await world.http.post(f"/v1/parked/{sent['parked']}/return", headers=tester.headers)
    assert back.status_code < 300, back.text
    await world.until(tester, sent["parked"], "returned")
    found = await settled(database, 0)
    assert (found.acknowledged, found.balanced) == (1, True)
    # Whatever a program does wrong, the database holds.
    for wrong in (
        "SET channel = 'smtp' WHERE channel = 'sandbox'",
        "SET channel = 'sandbox' WHERE channel = 'folder'",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await worker.execute(f"UPDATE delivery {wrong}")
    keys = (await world.http.get("/v1/keys", headers=supplier.headers)).json()
    (own,) = (each for each in keys if each["sandbox"])
    gone = await world.http.delete(f"/v1/keys/{own['key_id']}", headers=supplier.headers)
    assert gone.json()["revoked_at"]
    await the_page(world, supplier)


async def the_page(world: World, supplier: Supplier) -> None:
    """The commands of docs/sandbox.md, one after the other in one shell."""
    folder = world.receivers.folders.parent
    (folder / "F1.xml").write_bytes(builders.invoice(number="F77", buyer_kvk="00000001"))
    steps = _STEP.findall(PAGE)
    assert len(steps) == PAGE.count("```sh") == 2
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", "".join(command for command, _ in steps), cwd=folder, stdout=PIPE, stderr=STDOUT,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", "HUB": world.common.base_url, "KEY": supplier.key},
    )  # fmt: skip
    out, _ = await asyncio.wait_for(shell.communicate(), 60)
    shown = (".*?".join(map(re.escape, said.strip().split("…"))) for _, said in steps if said)
    assert re.fullmatch(r"\s*".join(shown), out.decode().strip()), out.decode()


async def deliveries(world: World, supplier: Supplier) -> list[dict[str, Any]]:
    reply = await world.http.get("/v1/deliveries", headers=supplier.headers)
    found: list[dict[str, Any]] = reply.json()["deliveries"]
    return found
