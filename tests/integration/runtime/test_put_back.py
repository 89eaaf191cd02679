"""``postbode redrive --put-back``: the database knows an earlier moment than the broker."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest
from typer.testing import CliRunner

from libs.contracts.topology import TOPOLOGY
from libs.db.settings import DatabaseSettings
from libs.messaging import AmqpTransport
from services import redrive
from services.deliver import cli


def test_the_queues_are_emptied_and_everything_is_held_back(
    database: DatabaseSettings, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DATABASE_URL", database.url), ("SECRET", database.secret), ("AMQP_URL", amqp_url)):
        monkeypatch.setenv(f"POSTBODE_{name}", value)
    monkeypatch.setenv("POSTBODE_OPERATOR", "anna")
    asked = CliRunner()

    async def keep(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        pass

    async def meanwhile(*, taken: bool) -> tuple[int, str]:
        """The command, beside a worker or alone."""
        connection = await aio_pika.connect(amqp_url)
        async with connection, connection.channel() as channel:
            queue = await channel.get_queue("route.validated", ensure=False)
            if taken:
                await queue.consume(keep)
            done = await asyncio.to_thread(
                asked.invoke, redrive.app, ["--put-back", "--since", "1h", "--lang", "en"]
            )
        return done.exit_code, done.output

    async def left() -> int:
        transport = AmqpTransport(amqp_url)
        await transport.start()
        found = await transport.depth("deliver.routed")
        await transport.stop()
        return found

    async def leave() -> None:
        transport = AmqpTransport(amqp_url)
        await transport.start()
        await transport.apply(TOPOLOGY)
        await transport.stop()
        async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
            for _ in range(3):
                await channel.default_exchange.publish(aio_pika.Message(b"of later"), "deliver.routed")

    asyncio.run(leave())
    code, said = asyncio.run(meanwhile(taken=True))
    assert (code, "route.validated: stop every process first" in said) == (1, True)
    assert asyncio.run(left()) == 3
    assert "none" in asked.invoke(cli.app, ["pauses"]).output
    code, said = asyncio.run(meanwhile(taken=False))
    assert code == 0
    assert "3 messages thrown away" in said
    assert asyncio.run(left()) == 0
    held = asked.invoke(cli.app, ["pauses"]).output
    assert {line.split()[0] for line in held.splitlines()} == {
        "exact_online",
        "folder",
        "https",
        "sftp",
        "smtp",
    }
    assert asked.invoke(cli.app, ["resume", "--put-back", "--channel", "smtp"]).exit_code == 2
    assert asked.invoke(cli.app, ["resume", "--put-back"]).exit_code == 0
    assert asked.invoke(cli.app, ["resume", "--put-back"]).exit_code == 1
    assert asked.invoke(redrive.app, ["--put-back", "--everything"]).exit_code == 2
