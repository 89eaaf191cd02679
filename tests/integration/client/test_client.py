"""``postbode-client`` against ingest itself, by connections that are cut off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.db.settings import DatabaseSettings
from libs.testing import builders
from libs.testing.machine import free_ports
from postbode_client import AsyncClient, Client, File, Refused, Unreachable
from postbode_client.parcels import gather, pack
from tests.integration.ingest.door import Replica, replica

CLIENT = Path(__file__).parents[3] / "libs" / "client"
ITEMS = 450
SEED = 20261122


@contextlib.asynccontextmanager
async def cutting(port: int, lengths: Iterator[float]) -> AsyncIterator[str]:
    """The address of a way to ``port`` on which each connection breaks after so many bytes came back."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: float) -> None:
        with contextlib.suppress(OSError):
            while left > 0 and (data := await reader.read(4096)):
                writer.write(data[: int(min(left, 4096))])
                left -= len(data)
                await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        forth = asyncio.create_task(pump(reader, to_there, float("inf")))
        await pump(there, writer, next(lengths))
        forth.cancel()
        for each in (writer, to_there):
            each.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def key_of(login: dict[str, str]) -> str:
    return login["Authorization"].removeprefix("Bearer ")


async def stored(door: Replica, account: UUID) -> list[str]:
    rows = await (await door.pools.get("ingest", "worker")).fetch(
        "SELECT invoice_id FROM invoice WHERE account_id = $1", account
    )
    return sorted(str(row["invoice_id"]) for row in rows)


async def test_both_kinds_hand_over_once_and_say_what_the_hub_said(database: DatabaseSettings) -> None:
    xml, pdf = File("F1.xml", builders.invoice(number="F1")), File("F1.pdf", builders.pdf("F1"))

    def waiting(url: str, key: str) -> list[Any]:
        with Client(url, key) as hub:
            first, again = hub.submit(xml, pdf), hub.submit(xml, pdf)
            with pytest.raises(Refused) as refused:
                hub.submit(File("F2.xml", b"<Invoice>"))
            with pytest.raises(Refused) as unknown:
                hub.submission(str(UUID(int=0)))
            return [first, again, hub.submission(first.submission_id), refused.value, unknown.value]

    async with replica(database) as door:
        account, login = await door.supplier()
        first, again, looked_up, refused, unknown = await asyncio.to_thread(waiting, door.url, key_of(login))
        assert first.invoices[0].status == "received"
        assert (again.invoices, again.repeat, first.repeat) == (first.invoices, True, False)
        assert looked_up.invoices[0].invoice_id == first.invoices[0].invoice_id
        assert (refused.status, refused.code, refused.line) == (422, "not-xml", 1)
        assert refused.said("nl") != refused.said("en")
        assert (unknown.status, unknown.code) == (404, "not-found")

        async with AsyncClient(door.url, key_of(login)) as hub:
            assert await hub.submit(xml, pdf, key="k-1") == again
            with pytest.raises(Refused, match="idempotency-key-reused"):
                await hub.submit(File("F3.xml", builders.invoice(number="F3")), key="k-1")
        async with AsyncClient(door.url, "pb_live_wrong") as stranger:
            with pytest.raises(Refused) as shut:
                await stranger.submit(xml)
            assert shut.value.status == 401
        assert await stored(door, account) == [first.invoices[0].invoice_id]


async def test_replies_that_break_off_are_asked_for_until_they_are_there(database: DatabaseSettings) -> None:
    # In the head of the reply, in its body, not at all.
    async with replica(database) as door, cutting(door.port, cycle((100, 500, float("inf")))) as url:
        account, login = await door.supplier()
        async with AsyncClient(url, key_of(login)) as hub:
            files = [File(f"F{n}.xml", builders.invoice(number=f"F{n}")) for n in range(12)]
            receipts = await asyncio.gather(*(hub.submit(file) for file in files))
        assert sorted(each.invoices[0].invoice_id for each in receipts) == await stored(door, account)
        assert not any(each.repeat for each in receipts), "the first answer, not what a repeat is told"


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_zip_goes_on_where_it_broke_off(
    database: DatabaseSettings, tmp_path: Path, kind: str
) -> None:
    for n in range(ITEMS):
        (tmp_path / f"F{n:03}.xml").write_bytes(builders.invoice(number=f"F{n:03}"))
    (tmp_path / "F007.xml").write_bytes(b"<Invoice>")
    pack(gather([tmp_path]), tmp_path / "all.zip")

    def waiting(url: str, key: str) -> list[Any]:
        with Client(url, key) as hub:
            return list(hub.submit_zip(tmp_path / "all.zip"))

    draw = random.Random(SEED)
    lengths = (float(draw.randrange(1, 90_000)) for _ in count())
    async with replica(database) as door, cutting(door.port, lengths) as url:
        account, login = await door.supplier()
        if kind == "sync":
            items = await asyncio.to_thread(waiting, url, key_of(login))
        else:
            async with AsyncClient(url, key_of(login)) as hub:
                items = [item async for item in hub.submit_zip(tmp_path / "all.zip")]
        assert [item.number for item in items] == list(range(ITEMS))
        assert [item.number for item in items if item.refused is not None] == [7]
        taken = [item.receipt.invoices[0] for item in items if item.receipt is not None]
        assert [each.filename for each in taken] == [f"F{n:03}.xml" for n in range(ITEMS) if n != 7]
        assert sorted(each.invoice_id for each in taken) == await stored(door, account)


async def test_the_command_tells_a_line_an_invoice_and_ends_by_what_happened(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    (tmp_path / "F1.xml").write_bytes(builders.invoice(number="F1"))
    (tmp_path / "F1.pdf").write_bytes(builders.pdf("F1"))
    (tmp_path / "F2\x1b[2J.xml").write_bytes(builders.invoice(number="F2"))
    (tmp_path / "key").write_text("")

    async def run(url: str, key: str, *args: str) -> tuple[int, str, str]:
        env = {"POSTBODE_API_KEY": key, "POSTBODE_URL": url, "NO_PROXY": "*", "PYTHONPATH": str(CLIENT)}
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "postbode_client.command", *args),
            stdout=PIPE,
            stderr=PIPE,
            cwd=tmp_path,
            env={**os.environ, **env},
        )
        out, err = await done.communicate()
        assert done.returncode is not None
        return done.returncode, out.decode(), err.decode()

    async with replica(database) as door:
        account, login = await door.supplier()
        key = key_of(login)
        code, out, err = await run(door.url, key, "send", ".")
        assert code == 0, err
        assert out.count("ontvangen") == 2
        assert "\x1b" not in out
        assert err == "2 aangenomen, 0 geweigerd.\n"
        assert len(await stored(door, account)) == 2

        (tmp_path / "F3.xml").write_bytes(b"<Invoice>")
        code, out, err = await run(door.url, key, "send", "F1.xml", "F3.xml", "--json", "--lang", "en")
        lines = [json.loads(line) for line in out.splitlines()]
        assert (code, err) == (1, "1 taken, 1 refused.\n")
        assert [each["status"] for each in lines] == ["duplicate", "refused"] or lines[0][
            "status"
        ] == "received"
        assert (lines[1]["code"], lines[1]["file"]) == ("not-xml", "F3.xml")
        code, out, err = await run(door.url, key, "send", "F3.xml")
        assert code == 1
        assert "geweigerd  not-xml  Regel 1" in out

        code, out, err = await run(door.url, "wrong", "send", "F1.xml")
        assert (code, out) == (1, "")
        assert err.strip()
        for args in (["send", "weg.xml"], ["send", "key"], ["send", "F1.xml", "--key-file", "key"]):
            code, out, err = await run(door.url, key, *args)
            assert code == (2 if args != ["send", "key"] else 1), args
    code, out, err = await run(
        f"http://127.0.0.1:{free_ports(1)[0]}", key, "send", "F1.xml", "--patience", "0.2"
    )
    assert (code, out) == (75, "")
    assert "later nog eens" in err


async def test_a_hub_that_is_away_is_told_with_the_key_to_ask_again_by(database: DatabaseSettings) -> None:
    async with AsyncClient(f"http://127.0.0.1:{free_ports(1)[0]}", "key", patience=0.1) as hub:
        with pytest.raises(Unreachable) as away:
            await hub.submit(File("F1.xml", b"<a/>"), key="k-9")
    assert away.value.key == "k-9"
