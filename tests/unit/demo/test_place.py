"""The demo's folder: its user's alone, and never somebody's home by mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.demo import place


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


@pytest.mark.parametrize("there", [False, True])
def test_nobody_else_may_enter(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "demo"
    if there:
        folder.mkdir(mode=0o755)
    place.prepare(folder, fresh=False)
    assert (mode(folder), mode(folder / "receivers")) == (0o700, 0o700)


def test_every_user_has_one() -> None:
    assert str(os.getuid()) in place.usual().name


def test_fresh_forgets_the_demo_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    place.prepare(folder, fresh=False)
    (folder / "keys.json").write_text("{}")
    place.prepare(folder, fresh=True)
    assert [inside.name for inside in folder.iterdir()] == ["receivers"]
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(place.NoPlace, match="more than the demo's"):
        place.prepare(folder, fresh=True)
    assert (folder / "thesis.txt").exists()


def test_a_folder_that_holds_more_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.txt").write_text("years of work")
    place.prepare(tmp_path, fresh=False)
    assert (mode(tmp_path), mode(tmp_path / "receivers")) == (0o755, 0o700)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(place.NoPlace, match="belongs to somebody else"):
        place.prepare(tmp_path, fresh=False)
