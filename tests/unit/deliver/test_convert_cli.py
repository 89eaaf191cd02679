"""``postbode convert`` and ``postbode show``: offline, honest about what did not survive, safe in a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from libs.einvoice import convert, documents
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from services.deliver.converting import convert_cli, show_cli
from services.deliver.converting.reports import report

run = CliRunner()


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.xml"
    path.write_bytes(builders.invoice(lines=2, order="PO-1"))
    return path


@pytest.mark.proves("R3")
@pytest.mark.parametrize("name", sorted(convert.TARGETS))
def test_a_file_is_converted_with_its_report(name: str, invoice: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run.invoke(convert_cli.app, [str(invoice), "--to", name, "-o", str(out), "--report"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["format"] == name
    judged = name in ("pdf", "cii") or convert.TARGETS[name].pack is not None
    assert said["verdict"] == ("valid" if judged else "not judged")
    assert out.read_bytes() == convert.convert(invoice.read_bytes(), name)[0].data


@pytest.mark.proves("R26")
def test_a_file_of_several_invoices_becomes_several_files(tmp_path: Path) -> None:
    path = tmp_path / "globe.xml"
    path.write_bytes(file([GlobeInvoice(number="1"), GlobeInvoice(number="2")]))
    done = run.invoke(convert_cli.app, [str(path), "--to", "json", "-o", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "out.json").read_bytes())["number"] == "1"
    assert json.loads((tmp_path / "out-2.json").read_bytes())["number"] == "2"


def test_what_is_not_lawful_ends_with_1_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "bad.xml"
    path.write_bytes(builders.invoice(break_rule="BR-NL-5"))
    done = run.invoke(convert_cli.app, [str(path), "--to", "nlcius", "-o", str(tmp_path / "out.xml")])
    assert done.exit_code == 1
    assert "BR-NL-" in done.stdout


@pytest.mark.parametrize(
    ("lang", "own", "others"), [("nl", "ongeldig", "invalid"), ("en", "invalid", "ongeldig")]
)
def test_it_answers_in_the_language_asked_for(lang: str, own: str, others: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.xml"
    path.write_bytes(builders.invoice(break_rule="BR-NL-5"))
    asked = [str(path), "--to", "nlcius", "-o", str(tmp_path / "out.xml"), "--lang", lang]
    line, _, finding = run.invoke(convert_cli.app, asked).stdout.partition("\n")
    assert own in line
    assert others not in line
    (said,) = report(convert.convert(path.read_bytes(), "nlcius")[0]).findings
    assert (said.message.nl if lang == "nl" else said.message.en) in finding


def test_what_is_no_invoice_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"<html/>")
    for app, more in ((convert_cli.app, ["--to", "json", "-o", str(tmp_path / "x")]), (show_cli.app, [])):
        done = run.invoke(app, [str(path), *more])
        assert done.exit_code == 1
        assert "UBL" in done.stderr


def test_an_invoice_is_shown_as_people_read_it(invoice: Path) -> None:
    done = run.invoke(show_cli.app, [str(invoice), "--lang", "en"])
    assert done.exit_code == 0
    for word in ("Bakker Bouwmaterialen BV", "Amount due", "NL91ABNA0417164300", "Artikel 2 voor F1"):
        assert word in done.stdout


def test_a_strangers_words_stay_words() -> None:
    data = builders.invoice(seller_name="[red]x[/red]\u202e\u009b31m")
    out = io.StringIO()
    Console(file=out, width=200).print(show_cli.view(documents.read(data)[0], "nl"))
    text = out.getvalue()
    assert "[red]x[/red]" in text
    assert "\u202e" not in text
    assert "\u009b" not in text


def test_a_report_has_a_bounded_size() -> None:
    data = builders.invoice(lines=300)
    (done,) = convert.convert(data, "eexact")
    assert len(done.lost) > 500
    assert len(report(done).lost) == 500


@pytest.mark.parametrize("app", [convert_cli.app, show_cli.app])
def test_a_language_it_does_not_know_is_refused(app: typer.Typer, invoice: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    more = ["--to", "pdf", "-o", str(out)] if app is convert_cli.app else []
    done = run.invoke(app, [str(invoice), *more, "--lang", "de"])
    assert done.exit_code == 2
    assert "'de' is not one of 'nl', 'en', 'fr'" in " ".join(done.stderr.replace("│", " ").split())
    assert not out.exists()


def test_a_dash_is_standard_input_and_output(invoice: Path, tmp_path: Path) -> None:
    data = invoice.read_bytes()
    done = run.invoke(convert_cli.app, ["-", "--to", "json", "-o", "-", "--report"], input=data)
    assert done.exit_code == 0, done.output
    assert done.stdout_bytes == convert.convert(data, "json")[0].data
    assert json.loads(done.stderr)["verdict"] == "not judged"
    assert "NL91ABNA0417164300" in run.invoke(show_cli.app, ["-"], input=data).stdout
    several = file([GlobeInvoice(number="1"), GlobeInvoice(number="2")])
    done = run.invoke(convert_cli.app, ["-", "--to", "json", "-o", "-"], input=several)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "-o" in done.stderr


def test_where_it_cannot_be_written_is_told(invoice: Path, tmp_path: Path) -> None:
    before = invoice.read_bytes()
    for out, code in ((tmp_path, 2), (tmp_path / "none" / "out.xml", 1), (invoice, 1)):
        done = run.invoke(convert_cli.app, [str(invoice), "--to", "nlcius", "-o", str(out)])
        assert done.exit_code == code, done.output
        assert done.stderr
        assert "Traceback" not in done.stderr
    assert invoice.read_bytes() == before


@pytest.mark.parametrize(("lang", "word"), [("nl", "gelezen"), ("en", "read")])
def test_what_cannot_be_read_is_told(lang: str, word: str, tmp_path: Path) -> None:
    for given in (tmp_path, tmp_path / "none.xml"):
        done = run.invoke(show_cli.app, [str(given), "--lang", lang])
        assert done.exit_code == 1
        assert word in done.stderr
