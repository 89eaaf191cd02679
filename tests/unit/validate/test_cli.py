"""``postbode check``: offline, exit codes, one object a document, a stream that never breaks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.testing import builders
from services.validate.cli import app
from services.validate.judgement import judge


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
    def failing(data: bytes, *options: str | None, **more: Any) -> Any:
        if data == bad.read_bytes():
            raise RuntimeError("boom")
        return judge(data, *options, **more)

    monkeypatch.setattr("services.validate.cli.judge", failing)
    assert [(said["verdict"], ids(said)) for said in checked(bad, good)] == [
        ("invalid", ["failed"]),
        ("valid", []),
    ]


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


@pytest.fixture
def paid_elsewhere(tmp_path: Path) -> Path:
    """An invoice whose PDF names another account."""
    path = tmp_path / "F1.xml"
    path.write_bytes(builders.invoice(iban="NL20INGB0001234567"))
    path.with_suffix(".pdf").write_bytes(builders.pdf("Betaal op NL91 ABNA 0417 1643 00"))
    return path


def test_the_pdf_beside_a_file_or_the_one_that_is_named_is_compared(paid_elsewhere: Path, good: Path) -> None:
    page = paid_elsewhere.with_suffix(".pdf")
    scan = paid_elsewhere.with_name("scan.xml")
    scan.write_bytes(paid_elsewhere.read_bytes())
    scan.with_suffix(".pdf").write_bytes(b"%PDF-1.7 and nothing")
    told = {said["file"]: ids(said) for said in checked(paid_elsewhere, scan, good, paid_elsewhere)}
    assert told == {str(paid_elsewhere): ["POSTBODE-IBAN-PDF"], str(scan): [], str(good): []}
    (said,) = checked(scan, "--pdf", page)
    assert ids(said) == ["POSTBODE-IBAN-PDF"]
    assert (said["verdict"], said["findings"][0]["value"]) == (
        "valid_with_warnings",
        "NL20 INGB 0001 2345 67",
    )
    assert checked(good, "--pdf", page)[0]["verdict"] == "valid"
    assert ids(checked(paid_elsewhere, "--pack", "nlcius")[0]) == [], "official ids and nothing beside them"


@pytest.mark.parametrize("more", [["--pdf", "no-such.pdf"], ["--pdf", "F1.pdf", "--pack", "nlcius"]])
def test_a_pdf_that_cannot_be_compared_is_a_wrong_command(paid_elsewhere: Path, more: list[str]) -> None:
    more = [more[0], str(paid_elsewhere.with_name(more[1])), *more[2:]]
    assert CliRunner().invoke(app, [str(paid_elsewhere), *more]).exit_code == 2
