"""A database that is gone, disk and all, comes back from its backup and its log while the hub runs on: what was
acknowledged is there, what was delivered is not delivered again. The rehearsal of docs/operations.md, step by step.

With ``recovery_target = 'immediate'``, which leaves out what the log holds after the backup, it goes red.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from libs.db import embedded
from libs.db.guard import Guard, Step
from libs.db.local import LocalPostgres, server_user
from libs.db.settings import DatabaseSettings
from libs.messaging import AmqpTransport
from libs.testing import builders
from libs.testing.databases import SECRET, Databases, present
from libs.testing.machine import free_ports, scratch
from libs.testing.postgres import local_binaries
from services.track import ledger
from services.track.snapshots import snapshots
from tests.e2e.world import Supplier, World, world

X, Y = "58070036", "69599084"
COUNT = 36


@dataclass
class Kept:
    """A server with a base backup and a log that is taken down elsewhere, commit by commit."""

    folder: Path
    binaries: Path
    server: LocalPostgres
    log: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return self.server.url

    def tool(self, name: str, *words: str) -> list[str]:
        return [str(self.binaries / name), *words, "-d", f"{self.url}?application_name=archive"]

    def take_log(self) -> None:
        """From now on a commit is acknowledged when its log lies in ``archive`` too."""
        archive = self.folder / "archive"
        archive.mkdir()
        subprocess.run(self.tool("pg_receivewal", "--create-slot", "-S", "archive"), check=True)
        self.log = subprocess.Popen(
            self.tool("pg_receivewal", "--synchronous", "-S", "archive", "-D", str(archive)),
            stderr=subprocess.DEVNULL,
        )

    async def insist_on_log(self) -> None:
        conn = await asyncpg.connect(self.url)
        async with asyncio.timeout(20):
            while not await conn.fetchval(
                "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
            ):
                await asyncio.sleep(0.1)
        await conn.execute("ALTER SYSTEM SET synchronous_standby_names = 'archive'")
        await conn.execute("SELECT pg_reload_conf()")
        await conn.close()

    async def back_up(self) -> None:
        await asyncio.to_thread(
            subprocess.run,
            self.tool("pg_basebackup", "-D", str(self.folder / "backup"), "-X", "none", "-c", "fast"),
            check=True, capture_output=True,
        )  # fmt: skip

    def lose(self) -> None:
        """As if the machine burnt down."""
        self.server.stop("immediate")
        self.data.rename(self.folder / "burnt")
        assert self.log is not None
        self.log.terminate()
        self.log.wait()

    def restore(self) -> None:
        """The backup, and the log to its end."""
        archive = self.folder / "archive"
        (self.folder / "backup").rename(self.data)
        for left in self.data.glob(".s.PGSQL.*"):
            left.unlink()  # of the server that was: its socket lies in the data folder here, and so in the backup
        (self.data / "recovery.signal").touch()
        fetch = f"cp {archive}/%f %p || cp {archive}/%f.partial %p"
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"restore_command = '{fetch}'\n")
        user = server_user(Path("/nowhere"))
        if user is not None:
            for path in (self.data, *self.data.rglob("*"), archive, *archive.rglob("*")):
                os.chown(path, user, -1)
        self.server.start()

    async def until_it_writes(self) -> None:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    conn = await asyncpg.connect(self.url)
                    recovering = await conn.fetchval("SELECT pg_is_in_recovery()")
                    await conn.close()
                    if not recovering:
                        return
                await asyncio.sleep(0.1)


@pytest.fixture
def kept() -> Iterator[Kept]:
    folder = scratch("restore", durable=False)
    folder.chmod(0o711)
    data = folder / "data"
    binaries = local_binaries() or embedded.binaries(data)
    server = LocalPostgres(
        binaries, data, port=free_ports(1)[0], password=secrets.token_hex(16),
        settings={"fsync": "off", "wal_level": "replica"},
    )  # fmt: skip
    guard = Guard()
    guard.plan([Step(remove=str(folder))])
    server.initialise()
    guard.plan([server.farewell("immediate"), Step(remove=str(folder))])
    server.start()
    found = Kept(folder, binaries, server)
    try:
        yield found
    finally:
        if found.log is not None and found.log.poll() is None:
            found.log.kill()
            found.log.wait()
        guard.release()


@pytest.fixture
async def hub(kept: Kept, amqp_url: str, tmp_path: Path) -> AsyncIterator[World]:
    database: DatabaseSettings = await Databases(kept.url, present()).fresh()
    transport = AmqpTransport(amqp_url)
    await transport.start()
    async with world(database.url, SECRET, tmp_path, transport) as found:
        yield found
    await transport.stop()


async def sent(hub: World, supplier: Supplier, number: int) -> str:
    """One invoice, half of them by mail to their receiver; tried again until it is acknowledged, as programs do."""
    buyer = X if number % 2 else Y
    name = f"F{number}"
    return await hub.hand_over(supplier, (f"{name}.xml", builders.invoice(number=name, buyer_kvk=buyer)))


async def test_a_restored_database_has_lost_nothing_and_nothing_is_delivered_again(
    kept: Kept, hub: World
) -> None:
    supplier = await hub.supplier()
    await hub.receiver("X BV", ("0106", X), folder="x")
    await hub.receiver("Y BV", ("0106", Y))
    await asyncio.to_thread(kept.take_log)
    ids = [await sent(hub, supplier, number) for number in range(COUNT // 3)]
    await kept.back_up()
    await kept.insist_on_log()
    ids += await asyncio.gather(*(sent(hub, supplier, number) for number in range(len(ids), 2 * COUNT // 3)))
    # Some are delivered after the backup, some are anywhere on their way.
    await hub.until(supplier, ids[COUNT // 3 + 1], "arrived", "sent")
    await asyncio.to_thread(kept.lose)
    during = asyncio.create_task(sent(hub, supplier, 2 * COUNT // 3))
    await asyncio.to_thread(kept.restore)
    await kept.until_it_writes()
    ids += [await during]
    ids += [await sent(hub, supplier, number) for number in range(2 * COUNT // 3 + 1, COUNT)]
    for invoice_id in ids:
        await hub.until(supplier, invoice_id, "arrived", "sent")
    hub.receivers.take_away()
    got = hub.receivers.got()
    assert sorted(got) == sorted(f"F{number}" for number in range(COUNT)), "lost"
    assert hub.receivers.doubled() == 0
    assert hub.receivers.repeated() == 0
    async with snapshots(DatabaseSettings(hub.common.database_url, SECRET)) as found:
        taken = await ledger.take(found)
    assert (taken.lost, taken.duplicated, taken.unaccounted) == (0, 0, 0)
    assert taken.acknowledged == COUNT
