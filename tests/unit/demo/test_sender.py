"""When a scene of the demo is over."""

from __future__ import annotations

import pytest

from services.demo.sender import Row


@pytest.mark.parametrize(
    ("status", "channel", "over"),
    [
        ("sent", "smtp", True),
        ("sent", "folder", False),
        ("arrived", "folder", True),
        ("sent", "exact_online", False),
        ("arrived", "exact_online", False),
        ("imported", "exact_online", True),
        ("parked", "exact_online", True),
        ("received", None, False),
    ],
)
def test_a_file_is_to_be_taken_and_an_entry_to_be_told_of(
    status: str, channel: str | None, over: bool
) -> None:
    assert Row(status, channel=channel).ended is over
