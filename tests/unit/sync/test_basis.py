"""When everything is weighed once more."""

from __future__ import annotations

import pytest

from services.sync.basis import TOGETHER, marks


@pytest.mark.parametrize(
    ("settings", "same", "codes", "own", "together"),
    [
        ({"b": 2, "a": 1}, False, ["001", "002"], False, False),
        ({"a": 1, "b": 3}, False, ["001", "002"], True, True),
        ({"a": 1, "b": 2}, True, ["001", "002"], True, True),
        ({"a": 1, "b": 2}, False, ["002", "001"], False, True),
        ({"a": 1, "b": 2}, False, ["001"], False, True),
    ],
    ids=["as it was", "a setting", "cost types", "another order", "one left out"],
)
def test_what_is_weighed_once_more(
    settings: dict[str, int], same: bool, codes: list[str], own: bool, together: bool
) -> None:
    before = marks({"a": 1, "b": 2}, False, ["001", "002"])
    after = marks(settings, same, codes)
    assert (before["001"] != after["001"], before[TOGETHER] != after[TOGETHER]) == (own, together)
