"""What crash tests share: one nursery of processes, and a seed that is printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"crash tests: {VARIABLE}={SEED}")
