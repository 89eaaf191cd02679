"""The tests' own servers are gone afterwards, whatever happens."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from libs.testing.probes import can_ask, can_publish

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
