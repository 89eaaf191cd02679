"""``postbode convert`` and ``postbode show``: offline, honest about what did not survive, safe in a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from libs.einvoice import convert, documents
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from services.deliver import convert_cli, show_cli
from services.deliver.reports import report

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
    judged = name == "pdf" or convert.TARGETS[name].pack is not None
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
