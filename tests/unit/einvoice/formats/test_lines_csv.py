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


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", '=HYPERLINK("x")', "＝1"])
def test_no_text_begins_a_formula(text: str) -> None:
    (row,) = rows(model.Invoice(number=text, lines=(model.Line(item=model.Item(name=text)),)))
    assert row["item"] == row["invoice_number"] == f"'{text}"


def test_a_negative_number_stays_a_number() -> None:
    (row,) = rows(model.Invoice(lines=(model.Line(quantity=Decimal(-2)),)))
    assert row["quantity"] == "-2"


def test_breaks_and_separators_inside_a_text_stay_inside() -> None:
    (row,) = rows(model.Invoice(lines=(model.Line(item=model.Item(name='a;b\n"c"')),)))
    assert row["item"] == 'a;b\n"c"'


def test_what_a_row_does_not_hold_is_told() -> None:
    written = lines_csv.write(model.Invoice(number="1", buyer_reference="x"))
    assert [term.number for term in written.lost] == ["BT-10"]
