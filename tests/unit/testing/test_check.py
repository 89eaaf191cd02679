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
