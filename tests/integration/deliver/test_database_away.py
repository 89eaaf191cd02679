"""The database goes away while mails are under way: what was sent is not sent again."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

import asyncpg

from libs.db.settings import DatabaseSettings
from tests.integration.deliver.stage import Stage, running, until
from tests.integration.deliver.test_smtp import _done
from tests.unit.deliver.sample import receiver

_KICK = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE application_name = 'postbode-deliver-worker' AND datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_connections_cut_at_every_moment(stage: Stage, database: DatabaseSettings) -> None:
    admin = await asyncpg.connect(database.url)
    kicked, one_at_a_time = 0, asyncio.Lock()

    async def cut(_: EmailMessage) -> None:
        nonlocal kicked
        kicked += 1
        if kicked % 3 == 0:
            async with one_at_a_time:
                await admin.execute(_KICK)

    stage.sink.on_mail = cut
    try:
        await stage.send(receiver(), 30)
        async with running(stage.dispatcher(batch=10)):
            await until(lambda: _kindly(stage))
    finally:
        await admin.close()
    assert kicked >= 30
    assert len(stage.sink.ids) == len(set(stage.sink.ids)) == 30
    assert await stage.facts() == [("handed_over", 1)] * 30


async def _kindly(stage: Stage) -> bool:
    try:
        return await _done(stage)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        await asyncio.sleep(0.05)
        return False
