"""The runner behind ``make check``."""

from __future__ import annotations

import sys

import pytest

from libs.testing import check


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_all_good_says_only_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run({"one": python("print('chatter')"), "two": python("")}) == 0
    said = capsys.readouterr().out
    assert "chatter" not in said
    assert said.splitlines()[-1].startswith("2 of 2 checks passed")


def test_a_failure_shows_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    bad = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert check.run({"good": python(""), "bad": bad}) == 1
    said = capsys.readouterr().out
    assert "FAILED  bad" in said
    assert "out" in said
    assert "err" in said
    assert "1 of 2 checks passed" in said


def test_what_could_not_be_asked_is_skipped_aloud_and_not_passed(capsys: pytest.CaptureFixture[str]) -> None:
    away = python("import sys; print('no network'); sys.exit(75)")
    assert check.run({"good": python(""), "audit": away}) == 0
    said = capsys.readouterr().out
    assert "skipped audit" in said
    assert "no network" in said
    assert "1 of 2 checks passed, 1 skipped" in said
    assert check.run({"bad": python("raise SystemExit(1)"), "audit": away}) == 1


def test_packages_are_part_of_it() -> None:
    assert check.CHECKS["audit"][1:] == ("-m", "libs.testing.audit")
