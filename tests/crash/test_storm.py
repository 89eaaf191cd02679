"""What a storm plans: every part of every process gets its share."""

from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.crash.scene import SERVICES
from tests.crash.storm import Storm


@pytest.mark.parametrize("service", SERVICES)
def test_a_short_storm_kills_in_every_part_of_a_service(service: str) -> None:
    struck = Counter[str]()
    hub = SimpleNamespace(strikes=lambda: struck, members={f"{service}.serve": None})
    storm = Storm(cast("Any", SimpleNamespace(hub=hub, random=random.Random(1))))
    name = f"{service}.serve"
    parts = {window.partition(".")[0] for window in storm.windows_of(name)}
    died_of = set()
    for _ in parts:
        # Whatever a process comes by first, it dies of in each life.
        first = storm(name)[0].window
        struck[first] += 1
        died_of.add(first.partition(".")[0])
    assert died_of == parts
