"""Purchase entries for Exact Globe: the order of its schema, balanced, and honest about what an entry leaves out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from lxml import etree

from libs.einvoice import model, xml
from libs.einvoice.formats import glentries, ubl
from libs.einvoice.formats.glentries import Books
from libs.testing import builders

HEAD = ["Division", "Description", "Date", "DocumentDate", "Journal", "Amount"]
LINE = [
    "Date", "GLAccount", "Description", "Costcenter", "Creditor", "Quantity", "Amount", "VATTransaction", "Payment",
    "FinReferences",
]  # fmt: skip
PAYMENT = ["Reference", "InvoiceNumber", "BankAccount", "InvoiceDueDate"]


def invoice(**how: object) -> model.Invoice:
    return ubl.read(xml.parse(builders.invoice(**how))).invoice  # type: ignore[arg-type]


def entry(of: model.Invoice, books: Books | None = None) -> etree._Element:
    found = xml.parse(glentries.write(of, books or Books()).data).find("GLEntries/GLEntry")
    assert found is not None
    return found


def in_order(element: etree._Element, order: list[str]) -> bool:
    places = [order.index(child.tag) for child in element]
    return places == sorted(places)


@pytest.mark.proves("R3")
@pytest.mark.parametrize("credit", [False, True])
def test_an_entry_follows_the_order_of_the_schema_and_balances(credit: bool) -> None:
    found = entry(invoice(lines=3, credit_note=credit))
    assert [child.tag for child in found][: len(HEAD)] == HEAD
    lines = found.findall("FinEntryLine")
    assert len(lines) == 5, "creditor, three costs, VAT"
    assert all(in_order(line, LINE) for line in lines)
    payment = lines[0].find("Payment")
    assert payment is not None
    assert in_order(payment, PAYMENT)
    assert {line.get("subtype") for line in lines} == {"Q" if credit else "T"}
    sides = [
        sum(Decimal(line.findtext(f"Amount/{side}") or 0) for line in lines) for side in ("Debit", "Credit")
    ]
    assert sides[0] == sides[1] > 0
    assert Decimal(lines[0].findtext(f"Amount/{'Debit' if credit else 'Credit'}") or 0) > 0


def test_the_codes_are_those_of_the_receivers_administration() -> None:
    books = Books("010", "60", "30001", "1601", "4100", "1510", {"21": "4"})
    written = glentries.write(invoice(), books)
    assert not written.filled
    found = entry(invoice(), books)
    assert [found.find(path).get("code") for path in ("Division", "Journal", "FinEntryLine/Creditor")] == [  # type: ignore[union-attr]
        "010", "60", "30001",
    ]  # fmt: skip
    assert {vat.get("code") for vat in found.iter("VAT", "VATTransaction")} == {"4"}


def test_defaults_and_losses_are_told() -> None:
    written = glentries.write(invoice(buyer_vat="NL002455799B11"))
    assert {each.term for each in written.filled} == {
        "division", "journal", "creditor", "creditor_account", "cost_account", "vat_account",
    }  # fmt: skip
    assert "BT-48" in {term.number for term in written.lost}
    assert "BT-1" not in {term.number for term in written.lost}


def test_allowances_of_the_whole_invoice_are_lines_of_their_own() -> None:
    amount = model.Amount(Decimal(10), "EUR")
    allowance = model.AllowanceCharge(amount=amount, reason="Trouwe klant")
    found = entry(model.Invoice(allowances=(allowance,), charges=(allowance, allowance)))
    lines = found.findall("FinEntryLine")
    assert [line.findtext("Amount/Credit") for line in lines] == ["0", "10", "0", "0"]
    assert [line.findtext("Description") for line in lines[1:]] == ["Trouwe klant"] * 3


def test_an_empty_invoice_is_an_entry_too() -> None:
    assert entry(model.Invoice()) is not None
