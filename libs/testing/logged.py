"""What is logged while a test runs, instead of printed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

from libs.telemetry import logs
from libs.testing.spans import recording


@contextlib.contextmanager
def logged(level: str) -> Iterator[list[structlog.typing.EventDict]]:
    """The entries from this level on, as they come."""
    with recording(0):
        # Once per process this sets up telemetry and with it the logs, which must not happen later.
        pass
    logs.configure(level, "json", "test")
    with structlog.testing.capture_logs() as entries:
        yield entries
    structlog.reset_defaults()
