"""What a sender reads at the end, for each way a delivery may go; ``stories`` writes the files, a person reads them."""

from __future__ import annotations

from typing import get_args

import pytest

from services.deliver.parcel import Channel
from tests.unit.deliver.stories import FOLDER, STORIES, path


@pytest.mark.proves("R53", "R56")
@pytest.mark.parametrize("name", STORIES)
def test_the_timeline_is_the_story_that_was_read(name: str) -> None:
    assert STORIES[name]().text() == path(name).read_text("utf-8"), "python -m tests.unit.deliver.stories"


def test_no_story_is_left_over() -> None:
    assert set(FOLDER.glob("*.txt")) == {path(name) for name in STORIES}


def test_no_channel_is_without_a_story() -> None:
    """The sandbox's are told in ``docs/sandbox.md``: nothing leaves by it."""
    told = {getattr(event.data, "channel", None) for tell in STORIES.values() for event in tell().events}
    assert set(get_args(Channel)) - told == {"sandbox"}
