"""The tests' own servers are gone afterwards, whatever happens; and the end of each process is heard of."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from libs.testing.probes import can_ask, can_publish
from tests.crash.child import Order
from tests.crash.hub import Nursery

PROCESS = """
import os, sys
from libs.testing import stack
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


def get_no_turn_until(check: Callable[[], bool]) -> None:
    assert eventually(check)
    time.sleep(0.2)


async def test_a_process_that_ended_before_anybody_looked_is_heard_of(
    nursery: Nursery, tmp_path: Path
) -> None:
    order = Order("brief", "no.such.module", (), {}, str(tmp_path))
    log = tmp_path / "brief.log"
    async with nursery.attached():
        starting = asyncio.create_task(nursery.start(order))
        await asyncio.sleep(0)
        get_no_turn_until(lambda: log.exists() and b"ModuleNotFoundError" in log.read_bytes())
        _, ended = await starting
        assert await ended == 1
