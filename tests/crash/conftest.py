"""What crash tests share: one nursery of processes, and a seed that is printed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.crash.hub import Nursery

SEED = "POSTBODE_CRASH_SEED"


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


_seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="session")
def seed() -> int:
    """Chosen anew for every run; ``POSTBODE_CRASH_SEED`` repeats one."""
    return _seed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"crash tests: {SEED}={_seed}")
