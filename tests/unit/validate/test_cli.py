"""``postbode check``: offline, exit codes, one line a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.testing import builders
from services.validate.cli import app


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.xml"
    path.write_bytes(builders.invoice())
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.xml"
    path.write_bytes(builders.invoice(break_rule="BR-NL-2"))
    return path


def test_a_good_file_ends_with_0(good: Path) -> None:
    done = CliRunner().invoke(app, [str(good)])
    assert done.exit_code == 0
    assert "in orde" in done.stdout


@pytest.mark.proves("R4")
def test_a_bad_file_ends_with_1_and_says_where(good: Path, bad: Path) -> None:
    done = CliRunner().invoke(app, [str(good), str(bad), "--lang", "en"])
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if "BR-NL-2" in line]
    place, _, said = line.partition(": ")
    assert place.startswith(f"{bad}:")
    assert place.rpartition(":")[2].isdigit()
    assert said.startswith("BR-NL-2 ")


def test_what_is_no_invoice_ends_with_1_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(builders.pdf("x"))
    done = CliRunner().invoke(app, [str(path)])
    assert done.exit_code == 1
    assert "PDF" in done.stdout


def test_json_is_one_object_a_file(good: Path, bad: Path) -> None:
    done = CliRunner().invoke(app, [str(good), str(bad), "--json"])
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert (first["verdict"], second["verdict"]) == ("valid", "invalid")
    assert second["findings"][0]["message"]["nl"]


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, [str(tmp_path / "none.xml")]).exit_code == 2
