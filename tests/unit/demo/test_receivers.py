"""What the demo's receivers count, they count by what lies at their doors."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.testing import builders
from services.demo.receivers import Receivers


@pytest.fixture
def receivers(tmp_path: Path) -> Receivers:
    found = Receivers(tmp_path, 0)
    (found.folders / "dejong").mkdir()
    return found


def place(receivers: Receivers, name: str, number: str, *, pdf: bool = False) -> None:
    folder = receivers.folders / "dejong"
    (folder / f"{name}.xml").write_bytes(builders.invoice(number=number))
    if pdf:
        (folder / f"{name}.pdf").write_bytes(b"%PDF-1.7")
    receivers.take_away()


def test_once_each_is_not_doubled(receivers: Receivers) -> None:
    place(receivers, "one", "F1", pdf=True)
    place(receivers, "two", "F2")
    assert receivers.doubled() == 0
    assert set(receivers.got()) == {"F1", "F2"}


def test_a_number_in_two_files_is_doubled(receivers: Receivers) -> None:
    place(receivers, "one", "F1")
    place(receivers, "two", "F1")
    assert receivers.doubled() == 1
    assert receivers.doubled(["F1"]) == 1


def test_a_file_that_comes_again_is_doubled(receivers: Receivers) -> None:
    for _ in range(3):
        place(receivers, "one", "F1", pdf=True)
    assert receivers.doubled() == 2
    assert receivers.doubled(["F1"]) == 2


def test_what_is_not_of_this_play_is_not_its_fault(receivers: Receivers) -> None:
    for name in ("one", "two", "two"):
        place(receivers, name, "sent by hand")
    place(receivers, "three", "F1")
    assert receivers.doubled(["F1"]) == 0
    assert receivers.doubled() == 2
