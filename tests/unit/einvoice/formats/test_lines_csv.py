"""Lines for a spreadsheet: right in Dutch Excel, and never a formula."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from libs.einvoice import model, xml
from libs.einvoice.formats import lines_csv, ubl
from libs.testing import builders


def rows(invoice: model.Invoice) -> list[dict[str, str]]:
    text = lines_csv.write(invoice).data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


@pytest.mark.proves("R3")
def test_one_row_a_line_with_the_invoice_on_each() -> None:
    invoice = ubl.read(xml.parse(builders.invoice(lines=3))).invoice
    found = rows(invoice)
    assert [row["line"] for row in found] == ["1", "2", "3"]
    assert {row["invoice_number"] for row in found} == {invoice.number}
    net = invoice.lines[0].net_amount
    assert net is not None
    assert found[0]["net_amount"] == f"{net.value:f}".replace(".", ",")


FORMULAS = ("=1+1", "+A1", "-A1", "@SUM(A1)", '=HYPERLINK("x")', "＝1", "＋1", "－1", "＠1")
BEGINS = tuple("=+-@＝＋－＠")


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", "\r=1", "\n=1", "\tx"])
def test_no_text_begins_a_formula(text: str) -> None:
    (row,) = rows(model.Invoice(number=text, lines=(model.Line(item=model.Item(name=text)),)))
    assert row["item"] == row["invoice_number"]
    assert row["item"].startswith("'")
    assert row["item"].replace("'", "") == text


@pytest.mark.parametrize("separator", list(",;\t|"))
def test_nor_where_it_is_split_at_another_separator(separator: str) -> None:
    """Excel splits at the separator of its own country, and knows quotes at the beginning of a cell only."""
    befores = (
        "",
        " ",
        '"',
        "\xa0",
        "x,",
        "x;",
        "x\t",
        "x\n",
        "x\r\n",
        "x|",
        'x",',
        "x, ",
        'x,"',
        "x,,",
        "x\n\n",
    )
    names = [before + formula for before in befores for formula in FORMULAS]
    lines = tuple(model.Line(item=model.Item(name=name)) for name in names)
    text = lines_csv.write(model.Invoice(lines=lines)).data.decode("utf-8-sig")
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        cells = [
            cell
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
            for cell in row
        ]
        assert len(cells) > len(names)
        assert not [cell for cell in cells if cell.lstrip(' "\t\r\n\xa0').startswith(BEGINS)]


@pytest.mark.parametrize("text", ["10-12 stuks", "a=b", "x, y-z", "tel. 06-1", "a; b", "info@x.nl"])
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    (row,) = rows(model.Invoice(lines=(model.Line(item=model.Item(name=text)),)))
    assert row["item"] == text


def test_a_negative_number_stays_a_number() -> None:
    (row,) = rows(model.Invoice(lines=(model.Line(quantity=Decimal(-2)),)))
    assert row["quantity"] == "-2"


def test_breaks_and_separators_inside_a_text_stay_inside() -> None:
    (row,) = rows(model.Invoice(lines=(model.Line(item=model.Item(name='a;b\n"c"')),)))
    assert row["item"] == 'a;b\n"c"'


def test_what_a_row_does_not_hold_is_told() -> None:
    written = lines_csv.write(model.Invoice(number="1", buyer_reference="x"))
    assert [term.number for term in written.lost] == ["BT-10"]
