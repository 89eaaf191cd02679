from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from libs.telemetry import logs
from libs.testing.spans import recording


@pytest.fixture(autouse=True)
def log() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged meanwhile; nothing is printed."""
    with recording(0):
        pass
    logs.configure("INFO", "json", "test")
    with structlog.testing.capture_logs() as entries:
        yield entries
    structlog.reset_defaults()
