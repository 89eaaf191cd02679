"""What crash tests share: one nursery of processes, and a seed that is printed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from libs.testing import stack
from libs.testing.probes import can_publish
from libs.testing.rabbitmq import RabbitMQ
from tests.crash.hub import Nursery
from tests.crash.seed import SEED, VARIABLE


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def seed() -> int:
    """Chosen anew for every run; ``POSTBODE_CRASH_SEED`` repeats one."""
    return SEED


@pytest.fixture(scope="session")
def breakable_broker() -> Iterator[RabbitMQ]:
    """A broker that tests may stop, kill and wipe; gone afterwards."""
    with stack.rabbitmq(private=True) as broker:
        yield broker
    assert not asyncio.run(can_publish(broker.url))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"crash tests: {VARIABLE}={SEED}")
