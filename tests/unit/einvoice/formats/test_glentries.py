"""Purchase entries for Exact Globe: the order of its schema, balanced, and honest about what an entry leaves out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from libs.einvoice import model, terms, xml
from libs.einvoice.formats import glentries, ubl
from libs.einvoice.formats.glentries import Books
from libs.errors import Unprocessable
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


def euro(value: int) -> model.Amount:
    return model.Amount(Decimal(value), "EUR")


def rich() -> model.Invoice:
    """Every value is another, so that none can be taken for a second one."""

    def allowance(value: int) -> model.AllowanceCharge:
        return model.AllowanceCharge(euro(value), None, None, "S", Decimal(21), f"reden {value}", "95")

    means = tuple(
        model.PaymentInstructions("30", None, f"kenmerk {n}", f"NL0{n}", f"op naam {n}") for n in (1, 2)
    )
    lines = tuple(
        model.Line(
            identifier=identifier,
            quantity=Decimal(n),
            net_amount=euro(100 + n),
            buyer_accounting_reference=f"KP{n}",
            vat_category_code=category,
            vat_rate=Decimal(21 if category == "S" else 0),
            item=model.Item(name=name) if name else None,
        )
        for n, (identifier, category, name) in enumerate(
            [("1", "S", "Werk"), ("b", "AE", "Onderaanneming"), ("c", "E", "n" * 61), ("d", "Z", None)], 1
        )
    )
    return model.Invoice(
        number="2026-17",
        issue_date=date(2026, 1, 15),
        type_code="380",
        currency_code="EUR",
        payment_due_date=date(2026, 2, 14),
        purchase_order_reference="PO-1",
        payment_terms="30 dagen",
        seller=model.Seller(
            name="Bouw BV", legal_registration_identifier=model.Identifier("69599084"), vat_identifier="NL1"
        ),
        payment_instructions=means,
        allowances=(allowance(7),),
        charges=(allowance(8),),
        totals=model.DocumentTotals(*map(euro, range(500, 510))),
        vat_breakdown=(
            model.VatBreakdown(euro(300), euro(63), "S", Decimal(21)),
            model.VatBreakdown(euro(301), euro(0), "AE", Decimal(0), "Btw verlegd", "VATEX-EU-AE"),
        ),
        lines=lines,
    )


def other(value: Any) -> Any:
    if isinstance(value, model.Amount | model.Identifier):
        return value._replace(value=other(value.value))
    if isinstance(value, str):
        return "381" if value == "380" else value + "9"
    return value + (timedelta(1) if isinstance(value, date) else 1)


def changed(group: Any, path: str) -> Any:
    """The same invoice with another value at a path such as ``lines[2].item.name``."""
    step, _, rest = path.partition(".")
    found = re.fullmatch(r"(\w+?)(?:\[(\d+)\])?", step)
    assert found is not None
    name, place = found[1], int(found[2] or 0)
    value = getattr(group, name)
    inner = value[place - 1] if place else value
    inner = changed(inner, rest) if rest else other(inner)
    if place:
        inner = (*value[: place - 1], inner, *value[place:])
    return replace(group, **{name: inner})


def told_apart(of: model.Invoice, path: str) -> bool:
    """Whether the invoice with another value there gives another entry, or says itself that the value is lost."""
    try:
        again = glentries.write(changed(of, path))
    except Unprocessable:
        return True
    return again.data != glentries.write(of).data or path in {term.path for term in again.lost}


@pytest.mark.proves("R3")
@pytest.mark.parametrize("named", [True, False])
def test_what_is_said_to_be_kept_is_in_the_entry(named: bool) -> None:
    invoice = rich()
    if not named:
        assert invoice.seller is not None
        invoice = replace(invoice, seller=replace(invoice.seller, legal_registration_identifier=None))
    written = glentries.write(invoice)
    kept = [term for term in terms.walk(invoice) if term not in written.lost]
    assert len(kept) > 30
    assert not [term for term in kept if not told_apart(invoice, term.path)]
    lost = {term.path for term in written.lost}
    assert {
        "purchase_order_reference", "payment_terms", "payment_instructions[2].account_identifier",
        "payment_instructions[2].remittance_information", "lines[2].identifier", "lines[3].item.name",
        "totals.amount_due", "totals.paid_amount", "vat_breakdown[2].category_code",
    } <= lost  # fmt: skip
    assert ("seller.vat_identifier" in lost) is named
    assert (
        not {"seller.name", "lines[2].vat_category_code", "lines[4].vat_rate", "lines[4].identifier"} & lost
    )


@pytest.mark.parametrize(
    ("field", "most", "number"), [("number", 30, "BT-1"), ("name", 60, "BT-27"), ("reason", 60, "BT-97")]
)
def test_what_is_cut_off_is_lost(field: str, most: int, number: str) -> None:
    def lost(length: int) -> set[str]:
        of, text = rich(), "9" * length
        if field == "number":
            of = replace(of, number=text)
        elif field == "name":
            of = replace(of, seller=model.Seller(name=text))
        else:
            of = replace(of, allowances=(replace(of.allowances[0], reason=text),))
        return {term.number for term in glentries.write(of).lost}

    assert number not in lost(most)
    assert number in lost(most + 1)


def test_zero_rates_go_by_their_category() -> None:
    def codes(of: dict[str, str]) -> list[str | None]:
        found = entry(rich(), Books(vat_codes=of)).findall("FinEntryLine/Amount/VAT")
        return [each.get("code") for each in found[:4]]

    assert codes({}) == ["21", "AE", "E", "Z"]
    assert codes({"21": "2", "AE": "7"}) == ["2", "7", "E", "Z"]
    # One code for all of them says no longer which.
    assert codes({"0": "5", "AE": "7"}) == ["21", "7", "5", "5"]
    lost = {term.path for term in glentries.write(rich(), Books(vat_codes={"0": "5", "AE": "7"})).lost}
    assert {f"lines[{n}].vat_category_code" for n in (3, 4)} <= lost
    assert "lines[2].vat_category_code" not in lost


def test_another_currency_is_refused() -> None:
    dollars = replace(rich(), currency_code="USD")
    with pytest.raises(Unprocessable, match="USD") as said:
        glentries.write(dollars)
    assert said.value.code == "foreign-currency"
    assert "lines[1].net_amount" in {t.path for t in glentries.write(dollars, Books(currency="USD")).lost}


def test_allowances_of_the_whole_invoice_are_lines_of_their_own() -> None:
    amount = model.Amount(Decimal(10), "EUR")
    allowance = model.AllowanceCharge(amount=amount, reason="Trouwe klant")
    found = entry(model.Invoice(allowances=(allowance,), charges=(allowance, allowance)))
    lines = found.findall("FinEntryLine")
    assert [line.findtext("Amount/Credit") for line in lines] == ["0", "10", "0", "0"]
    assert [line.findtext("Description") for line in lines[1:]] == ["Trouwe klant"] * 3


def test_an_empty_invoice_is_an_entry_too() -> None:
    assert entry(model.Invoice()) is not None
