"""``postbode check``: offline, exit codes, one object a document, a stream that never breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.testing import builders
from libs.testing.machine import most_memory
from services.validate.cli import app
from services.validate.judgement import judge

_LARGEST_KB = 90 * 1024
_CHECK = [sys.executable, "-m", "services.cli", "check"]


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


@pytest.fixture
def wrong_kvk(tmp_path: Path) -> Path:
    path = tmp_path / "kvk.xml"
    path.write_bytes(builders.invoice(buyer_kvk="5807003"))
    return path


def checked(*arguments: object) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(said: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in said["findings"]]


def test_a_good_file_ends_with_0(good: Path) -> None:
    done = CliRunner().invoke(app, [str(good)])
    assert done.exit_code == 0
    assert done.stdout == f"{good}: in orde [nlcius]\n"


@pytest.mark.proves("R4")
def test_a_bad_file_ends_with_1_and_says_where(good: Path, bad: Path) -> None:
    done = CliRunner().invoke(app, [str(good), str(bad), "--lang", "en"])
    assert done.exit_code == 1
    assert f"{bad}: invalid (1 error) [nlcius]" in done.stdout
    assert "ERROR BR-NL-2 · line " in done.stdout


def test_warnings_end_with_0(wrong_kvk: Path) -> None:
    assert CliRunner().invoke(app, [str(wrong_kvk)]).exit_code == 0


def test_what_is_no_invoice_ends_with_1_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(builders.pdf("x"))
    done = CliRunner().invoke(app, [str(path)])
    assert done.exit_code == 1
    assert "PDF" in done.stdout


@pytest.mark.proves("R4")
def test_json_is_one_object_a_document_with_everything_of_a_finding(good: Path, bad: Path) -> None:
    first, second = checked(good, bad)
    assert first == {"file": str(good), "pack": "nlcius", "verdict": "valid", "findings": []}
    assert set(second) == {"file", "pack", "verdict", "findings"}
    (finding,) = second["findings"]
    assert (second["verdict"], finding["id"], finding["severity"]) == ("invalid", "BR-NL-2", "fatal")
    assert set(finding) == {
        "id", "severity", "line", "xpath", "terms", "value", "expected", "message", "hint",
    }  # fmt: skip
    assert finding["xpath"] == "/Invoice"
    assert finding["terms"] == ["BT-10", "BT-13"]
    assert finding["expected"] == "cbc:BuyerReference"
    assert set(finding["message"]) == set(finding["hint"]) == {"nl", "en"}


@pytest.mark.proves("R34")
@pytest.mark.parametrize("number", ["5807003", "000027449173", "onbekend"])
def test_the_hubs_own_warnings_stand_beside_the_documents_pack_and_in_no_other(
    tmp_path: Path, number: str
) -> None:
    path = tmp_path / "kvk.xml"
    path.write_bytes(builders.invoice(buyer_kvk=number))
    (said,) = checked(path)
    assert (said["pack"], said["verdict"]) == ("nlcius", "valid_with_warnings")
    (finding,) = said["findings"]
    assert finding["id"].startswith("POSTBODE-")
    assert (finding["severity"], finding["value"]) == ("warning", number)
    assert number.encode() in path.read_bytes().splitlines()[finding["line"] - 1]
    assert "Exact Globe: factuurdebiteur, contactpersoon, Adres 2" in finding["hint"]["nl"]
    for pack in ("nlcius", "en16931"):
        assert [each["verdict"] for each in checked(path, "--pack", pack)] == ["valid"]
    (alone,) = checked(path, "--pack", "gaccount")
    assert {each.rpartition("-")[0] for each in ids(alone)} == {"BR-GA"}


def test_a_named_pack_runs_alone_whatever_the_document_claims(bad: Path, tmp_path: Path) -> None:
    assert [ids(said) for said in checked(bad, "--pack", "en16931")] == [[]]
    both = tmp_path / "both.xml"
    both.write_bytes(
        builders.invoice(break_rule="BR-NL-12").replace(b"<cbc:ID>F1</cbc:ID>", b"<cbc:ID></cbc:ID>")
    )
    (said,) = checked(both, "--pack", "nlcius")
    assert said["pack"] == "nlcius"
    assert {"BR-02", "BR-NL-12"} <= set(ids(said)), "NLCIUS reports the rules of EN 16931 too"
    (said,) = checked(both, "--pack", "gaccount")
    assert {each.rpartition("-")[0] for each in ids(said)} == {"BR-GA"}


def test_an_unknown_pack_is_refused_with_the_list(good: Path) -> None:
    done = CliRunner().invoke(app, [str(good), "--pack", "nlcius-9"])
    assert done.exit_code == 2
    assert "en16931, gaccount, nlcius" in done.output


@pytest.mark.parametrize("name", ["none.xml", ".", "", "zero\x00byte", "\udcff.xml"])
def test_what_cannot_be_read_is_a_line_too(tmp_path: Path, name: str) -> None:
    path = f"{tmp_path}/{name}" if name else ""
    done = CliRunner().invoke(app, [path, "--json"])
    assert done.exit_code == 1
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert (said["verdict"], ids(said)) == ("invalid", ["no-file"])


def test_a_fault_of_our_own_is_a_finding_and_the_stream_goes_on(
    good: Path, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(data: bytes, pack: str | None = None) -> Any:
        if data == bad.read_bytes():
            raise RuntimeError("boom")
        return judge(data, pack)

    monkeypatch.setattr("services.validate.cli.judge", failing)
    assert [(said["verdict"], ids(said)) for said in checked(bad, good)] == [
        ("invalid", ["failed"]),
        ("valid", []),
    ]


def test_a_stream_of_paths_is_answered_line_by_line_by_a_small_process(good: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.xml"
    large.write_bytes(builders.invoice(lines=1_000, break_rule="BR-NL-10"))
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [*_CHECK, "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=buffered
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Each question waits for its answer: nothing is kept back until there is more of it.
        for path, verdict in ((good, "valid"), (large, "invalid"), (good, "valid")):
            process.stdin.write(f"\n  \n{path}\n".encode())  # blank lines name no file
            process.stdin.flush()
            said = json.loads(process.stdout.readline())
            assert (said["file"], said["verdict"]) == (str(path), verdict)
        used = most_memory(process.pid)
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 1
    assert used < _LARGEST_KB


def test_it_starts_without_what_it_does_not_need(good: Path) -> None:
    # A verdict on a file needs no database, no broker and no server; each costs a tenth of a second or more.
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *_CHECK[1:], str(good)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "libs.rules.engine" in loaded
    assert not loaded & {
        "asyncpg",
        "aio_pika",
        "fastapi",
        "asyncio",
        "pydantic_settings",
        "facturx",
        "structlog",
    }


def test_whoever_reads_only_the_beginning_gets_no_traceback(good: Path) -> None:
    command = [*_CHECK, "--json", *[str(good)] * 2_000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_what_is_no_file_is_said_in_dutch_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, why in (
        (tmp_path, "een map"),
        (tmp_path / "nothing", "bestaat niet"),
        (pipe, "geen gewoon bestand"),
    ):
        (said,) = checked(path)
        assert ids(said) == ["no-file"]
        assert why in said["findings"][0]["message"]["nl"]


def test_the_root_is_not_quoted_for_what_is_missing_in_it(bad: Path) -> None:
    shown = CliRunner().invoke(app, [str(bad)]).stdout
    assert "BR-NL-2" in shown
    assert "xmlns" not in shown
