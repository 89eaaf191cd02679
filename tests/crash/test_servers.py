"""The tests' own servers: broken on purpose, and gone afterwards whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import aio_pika
import pytest

from libs.testing import stack
from libs.testing.probes import can_ask, can_publish
from libs.testing.rabbitmq import RabbitMQ

PROCESS = """
import os, sys
from libs.testing import stack
from libs.testing.probes import can_ask, can_publish
with stack.postgres(private=True) as postgres, stack.rabbitmq(private=True) as rabbitmq:
    print(postgres.url, rabbitmq.url, flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


def eventually(check: Callable[[], bool]) -> bool:
    for _ in range(200):
        if check():
            return True
        time.sleep(0.1)
    return False


def test_a_private_postgres_is_stopped_started_and_keeps_its_data() -> None:
    with stack.postgres(private=True) as server:
        assert asyncio.run(can_ask(server.url))
        server.stop("immediate")
        assert not asyncio.run(can_ask(server.url))
        server.start()
        assert asyncio.run(can_ask(server.url))
    assert not asyncio.run(can_ask(server.url))


def test_a_private_broker_is_killed_started_and_wiped(breakable_broker: RabbitMQ) -> None:
    broker = breakable_broker

    async def depth() -> int:
        async with await aio_pika.connect(broker.url) as connection:
            queue = await (await connection.channel()).declare_queue("probe", passive=True)
            return queue.declaration_result.message_count or 0

    def there() -> bool:
        # It answers to its management before it listens for clients.
        with contextlib.suppress(aio_pika.exceptions.AMQPConnectionError):
            return asyncio.run(depth()) == 1
        return False

    assert asyncio.run(can_publish(broker.url))
    broker.stop(hard=True)
    assert not asyncio.run(can_publish(broker.url))
    broker.start()
    assert eventually(there)
    broker.wipe()
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        asyncio.run(depth())
    assert asyncio.run(can_publish(broker.url))


def test_a_killed_test_process_leaves_no_server_behind() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    postgres_url, amqp_url = output.split()
    assert eventually(lambda: not asyncio.run(can_ask(postgres_url)))
    assert eventually(lambda: not asyncio.run(can_publish(amqp_url)))
