"""Does a server answer? What tests of the servers themselves ask."""

from __future__ import annotations

import aio_pika
import asyncpg

from libs.db.types import Connection


async def can_ask(url: str) -> bool:
    """Whether this Postgres lets us in."""
    try:
        conn: Connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError):
        return False
    await conn.close()
    return True


async def can_publish(url: str) -> bool:
    """Whether this RabbitMQ takes a message for a quorum queue."""
    try:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("probe", durable=True, arguments={"x-queue-type": "quorum"})
            await channel.default_exchange.publish(aio_pika.Message(b"x"), queue.name)
    except (OSError, aio_pika.exceptions.AMQPError):
        return False
    return True
