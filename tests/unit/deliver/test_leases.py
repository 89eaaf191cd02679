"""A lease is counted on a clock that also runs while the machine sleeps."""

from __future__ import annotations

import time
from typing import cast

import pytest

from libs.db.types import Pool
from services.deliver.attempts.leases import Leases


def test_a_machine_that_slept_has_lost_its_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Leases(cast("Pool", None), 20, 600).begin()
    assert held.lease.held
    real = time.clock_gettime

    def slept(which: int) -> float:
        return real(which) + (3600 if which == time.CLOCK_BOOTTIME else 0)

    monkeypatch.setattr(time, "clock_gettime", slept)
    assert not held.lease.held
