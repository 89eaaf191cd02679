"""Secrets of receivers' connections: stored so that nobody reads them, and given another key while they are in use."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from libs import clock
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.keyring import KeyRing, name_of
from services.deliver.receivers import credentials, credentials_cli
from tests.integration.deliver.stage import Stage

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


async def _put(stage: Stage, keys: KeyRing, party: UUID, secret: bytes, hours: float = 0) -> None:
    async with stage.worker.acquire() as conn, conn.transaction():
        await credentials.put(conn, keys, party, "webhook", secret, overlap=timedelta(hours=hours))


async def test_the_new_one_comes_first_and_the_one_before_holds_for_a_while(stage: Stage) -> None:
    keys, party, other = KeyRing([OLD]), clock.uuid7(), clock.uuid7()
    await _put(stage, keys, party, b"first")
    await _put(stage, keys, other, b"other")
    await _put(stage, keys, party, b"second", hours=1)
    assert await credentials.of(stage.worker, keys, [party], "webhook") == {party: [b"second", b"first"]}
    assert await credentials.of(stage.worker, keys, [party], "sftp") == {}
    await _put(stage, keys, party, b"third")
    await stage.worker.execute(
        "UPDATE credential SET ends_at = now() - interval '1 s' WHERE ends_at IS NOT NULL"
    )
    assert await credentials.of(stage.worker, keys, [party], "webhook") == {party: [b"third"]}
    await credentials.sweep(stage.worker)
    assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 2
    rows = await stage.worker.fetch("SELECT * FROM credential")
    assert not any(b"third" in bytes(row["sealed"]) + bytes(row["wrapped_key"]) for row in rows)


async def test_no_api_role_reads_them(stage: Stage) -> None:
    api = await stage.pools.get("deliver", "api")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api.fetch("SELECT * FROM credential")


async def test_a_row_put_into_anothers_place_opens_nothing(stage: Stage) -> None:
    keys, party, other = KeyRing([OLD]), clock.uuid7(), clock.uuid7()
    await _put(stage, keys, party, b"mine")
    await stage.worker.execute("UPDATE credential SET party_id = $1", other)
    assert await credentials.of(stage.worker, keys, [other], "webhook") == {}


async def test_another_key_for_all_while_somebody_reads(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers with both keys see every secret at every moment; what nobody can open is named and left alone."""
    monkeypatch.setattr(credentials, "PAGE", 3)
    parties = [clock.uuid7() for _ in range(8)]
    for n, party in enumerate(parties):
        await _put(stage, KeyRing([OLD]), party, b"%d" % n)
    lost = clock.uuid7()
    await _put(stage, KeyRing([bytes(32)]), lost, b"lost")
    both = KeyRing([NEW, OLD])

    async def read() -> None:
        found = await credentials.of(stage.worker, both, parties, "webhook")
        assert found == {party: [b"%d" % n] for n, party in enumerate(parties)}

    rewrapping = asyncio.create_task(credentials.rewrap(stage.worker, both))
    await asyncio.gather(*(read() for _ in range(20)))
    done = await rewrapping
    assert done.done == 8
    assert len(done.unreadable) == 1
    assert len(await credentials.of(stage.worker, KeyRing([NEW]), parties, "webhook")) == 8
    assert await credentials.by_key(stage.worker) == {name_of(NEW): 8, name_of(bytes(32)): 1}
    assert await credentials.rewrap(stage.worker, both) == credentials.Rewrapped(0, done.unreadable)


def test_the_command(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    run = CliRunner()

    async def put() -> None:
        from services.deliver.settings import DeliverSettings

        pools = Pools(database)
        worker = await pools.get("deliver", "worker")
        async with worker.acquire() as conn, conn.transaction():
            await credentials.put(conn, DeliverSettings().keys, clock.uuid7(), "sftp", b"key")
        await pools.close()

    asyncio.run(put())
    monkeypatch.setenv("POSTBODE_DELIVER_SECRET_KEYS", base64.b64encode(NEW).decode())
    assert "rewrap, then drop it" in run.invoke(credentials_cli.app, ["keys"]).stdout
    assert "1 rewrapped" in run.invoke(credentials_cli.app, ["rewrap"]).stdout
    shown = run.invoke(credentials_cli.app, ["keys"]).stdout
    assert f"{name_of(NEW)}       1  current" in shown
    monkeypatch.setenv("POSTBODE_DELIVER_SECRET_KEYS", base64.b64encode(OLD).decode())
    gone = run.invoke(credentials_cli.app, ["rewrap"])
    assert gone.exit_code == 1
    assert "no key at hand" in gone.output
