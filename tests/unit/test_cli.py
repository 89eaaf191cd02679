"""The one command line: what it says when it cannot do what was asked."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path
from typing import get_args

import pytest

from services import cli
from services.ingest.access.given import SCOPES
from services.ingest.cli import Right

ACCOUNT = "01a1fc1b-8bf5-7cec-8c81-e1767357795a"
OPEN = ("account", "open", "--name", "Bakker", "--email", "a@bakker.example")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTBODE_DATABASE_URL", raising=False)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code, " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize("arguments", [OPEN, ("parties", "list"), ("parked", "list"), ("delivery", "list")])
def test_without_a_database_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, words = said(capsys, *arguments)
    assert (code, "POSTBODE_DATABASE_URL: not set" in words) == (2, True)


def test_a_database_that_is_away_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:  # bound and not listening: nobody can be there
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://x:y@127.0.0.1:{closed.getsockname()[1]}/z"
        monkeypatch.setenv("POSTBODE_DATABASE_URL", url)
        code, words = said(capsys, "parked", "list")
    assert code == 2
    assert "the database cannot be reached" in words


def test_solo_is_not_opened_to_others_with_the_secret_everybody_knows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, words = said(capsys, "solo", "--host", "0.0.0.0", "--folder", str(tmp_path / "solo"))
    assert (code, "POSTBODE_SECRET is not set" in words) == (2, True)
    assert not (tmp_path / "solo").exists()


def test_a_setting_that_is_wrong_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTBODE_PORT", "many")
    code, words = said(capsys, "parties", "list")
    assert (code, "POSTBODE_PORT" in words) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((*OPEN, "--language", "xx"), "xx"),
        ((*OPEN, "--kvk", "abc"), "--kvk"),
        (("account", "open", "--name", "Bakker", "--email", "kapot"), "--email"),
        (("account", "key", ACCOUNT, "--scope", "operater"), "operater"),
        (("account", "key", ACCOUNT, "--label", ""), "--label"),
        (("invoice", "list", "--key", "x", "--lang", "fr"), "fr"),
        (("parked", "show", ACCOUNT, "--lang", "fr"), "fr"),
    ],
)
def test_what_the_api_refuses_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    code, words = said(capsys, *arguments)
    assert (code, named in words) == (2, True), words


def test_keys_carry_what_the_api_knows() -> None:
    assert {right.value for right in Right} == {*get_args(SCOPES), "operator"}


def test_a_terminal_that_knows_no_accents_gets_question_marks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", plain)
    cli.main(["--help"])
    print("één …")
    plain.flush()
    assert plain.buffer.getvalue().endswith(b"??n ?\n")


@pytest.mark.parametrize("below", [".", "inside"])
def test_a_demo_that_cannot_have_its_folder_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, below: str
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    code, words = said(capsys, "demo", "--folder", str(file / below))
    assert code == 1
    assert "name another folder with --folder" in words
    assert file.read_text() == "mine"
