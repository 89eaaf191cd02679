"""Finvoice, as far as Globe's "FInvoice" may be one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.einvoice import convert, documents
from libs.einvoice.formats.reading import Read
from libs.rules import engine
from libs.testing.finvoice import finvoice


def read(data: bytes) -> Read:
    (found,) = documents.read(data)
    assert found.syntax == "finvoice"
    return found.read


@pytest.mark.proves("R26", "R3")
def test_an_invoice_is_read_and_lawful_as_nlcius() -> None:
    done = read(finvoice())
    assert not done.findings
    assert not done.unread
    invoice = done.invoice
    assert (invoice.issue_date, invoice.payment_due_date) == (date(2026, 11, 18), date(2026, 12, 18))
    assert invoice.totals is not None
    assert invoice.totals.amount_due == (Decimal("242.00"), "EUR")
    assert invoice.lines[0].unit_code == "C62"
    assert invoice.payment_instructions[0].remittance_information == "RF18539007547034"
    (converted,) = convert.convert(
        finvoice().replace(b"<SellerPartyIdentifier>", b"<SellerPartyIdentifier>"), "ubl-2.1"
    )
    verdict = engine.validate(converted.data, "en16931")
    assert not verdict.fatal, [f.rule for f in verdict.findings]


@pytest.mark.proves("R31")
def test_the_receiver_stands_in_the_second_street_line() -> None:
    found = read(finvoice()).candidates
    assert [(each.identifier.value, each.path) for each in found] == [
        ("58070036", "/Finvoice/BuyerPartyDetails/BuyerPostalAddressDetails/BuyerStreetName[2]")
    ]


def test_the_second_type_is_a_credit_note() -> None:
    assert read(finvoice(code="INV02")).invoice.is_credit_note


def test_what_cannot_be_read_is_a_finding_with_its_line() -> None:
    data = finvoice().replace(b">20261118<", b">20261318<").replace(b">2,00<", b">2,0,0<")
    found = {(f.rule, f.terms) for f in read(data).findings}
    assert found == {("READ-DATE", ("BT-2",)), ("READ-NUMBER", ("BT-129",)), ("READ-MISSING", ("BT-2",))}
