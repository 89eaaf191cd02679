"""Statements as tables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.errors import HubError
from services.deliver.payments.sheet import Told, read

DUTCH = "Datum;Tegenrekening IBAN/BBAN;Bedrag;Munt;Omschrijving;Betalingskenmerk\n"
ROW = '03-11-2026;NL20 INGB 0001 2345 67;-121,00;EUR;"Factuur F-1; dank";8123\n'


def line(text: str, told: Told | None = None) -> object:
    (found,) = read(text.encode(), told or Told())
    return (found.day, found.other, found.sums, found.incoming, found.text, found.named)


SAME = (
    date(2026, 11, 3),
    "NL20INGB0001234567",
    ((Decimal("121.00"), "EUR"),),
    False,
    "Factuur F-1; dank",
    ("8123",),
)


@pytest.mark.proves("R111")
@pytest.mark.parametrize(
    "text",
    [
        DUTCH + ROW,
        DUTCH + ROW.replace("03-11-2026", "20261103"),
        DUTCH + ROW.replace("-121,00", "-00000121,00"),
        (DUTCH + ROW).replace("\n", "\r\n"),
        "Date,Counterparty,Amount (EUR),Debit/credit,Description,Reference\n"
        '2026-11-03,NL20INGB0001234567,121.00,Debit,"Factuur F-1; dank",8123\n',
        "datum\ttegenrekening\tbedrag (EUR)\taf bij\tmededelingen\tkenmerk\tsaldo\n"
        "3/11/2026\tNL20INGB0001234567\t121,00\tAf\tFactuur F-1; dank\t8123\t7\n\n",
    ],
)
def test_the_same_payment_in_the_ways_banks_write_it(text: str) -> None:
    assert line(text) == SAME


@pytest.mark.parametrize(
    ("written", "mark", "amount"),
    [
        ("1.234,56", None, "1234.56"),
        ("1,234.56", None, "1234.56"),
        ("1 234,5", None, "1234.5"),
        ("12.345.678,90", None, "12345678.90"),
        ("1.234", ",", "1234"),
        ("1,234", ".", "1234"),
        ("1.234", None, None),
        ("1.23", ",", None),
        ("1.234.56", None, None),
        ("1.234,567", None, None),
        ("1e3", None, None),
        ("NaN", None, None),
        ("", None, None),
        ("9" * 40, None, None),
    ],
)
def test_an_amount_is_read_in_one_way_or_refused(written: str, mark: str | None, amount: str | None) -> None:
    text = f"Datum;Tegenrekening;Bedrag\n2026-11-03;;{written}\n"
    told = Told(currency="EUR", decimal=mark)  # type: ignore[arg-type]
    if amount is not None:
        assert read(text.encode(), told)[0].sums == ((Decimal(amount), "EUR"),)
        return
    with pytest.raises(HubError) as no:
        read(text.encode(), told)
    assert (no.value.code, no.value.extra["lines"]) == ("bad-lines", [2])


@pytest.mark.parametrize(
    "text",
    [
        DUTCH + ROW + ROW.replace("03-11-2026", "31-02-2026"),
        DUTCH + ROW + ROW.replace("EUR", ""),
        DUTCH + ROW + '"03-11',
        DUTCH.replace("Munt", "Storno") + ROW.replace("EUR", "nee") + ROW.replace("EUR", "misschien"),
        "Datum;Tegenrekening;Bedrag (EUR);Af Bij\n2026-11-03;;1,00;Af\n2026-11-03;;1,00;opzij\n",
        "Datum;Tegenrekening;Bedrag (EUR);Af Bij\n2026-11-03;;1,00;Bij\n2026-11-03;;1,00;\n",
    ],
)
def test_one_bad_line_refuses_the_file_and_names_it(text: str) -> None:
    with pytest.raises(HubError) as no:
        read(text.encode(), Told(currency="EUR" if "Storno" in text else None))
    assert no.value.code == "bad-lines"
    assert "regel 3" in no.value.words["nl"]


def test_a_file_says_which_columns_it_lacks() -> None:
    with pytest.raises(HubError) as no:
        read(b"Naam;Saldo\nx;1\n", Told())
    assert (no.value.code, no.value.extra["missing"]) == ("headers", ["date", "amount", "other"])


def test_the_encoding_is_told_and_never_guessed() -> None:
    text = DUTCH + ROW.replace("dank", "café")
    with pytest.raises(HubError) as no:
        read(text.encode("cp1252"), Told())
    assert (no.value.code, no.value.extra["line"]) == ("encoding", 2)
    (found,) = read(text.encode("cp1252"), Told(encoding="windows-1252"))
    assert found.text == "Factuur F-1; café"
    for data in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert read(data, Told())[0].text == "Factuur F-1; café"
    with pytest.raises(HubError, match="no text file"):
        read(b"\x00\x01\x02", Told())


def test_own_account_and_reversals() -> None:
    head, row = (
        "Datum;IBAN;Tegenrekening;Bedrag (EUR);Storno\n",
        "2026-11-03;{own};NL20INGB0001234567;10,00;{undone}\n",
    )
    (one,) = read((head + row.format(own="NL91 ABNA 0417 1643 00", undone="ja")).encode(), Told())
    assert (one.own, one.undone, one.incoming) == ("NL91ABNA0417164300", True, True)
    (other,) = read((head + row.format(own="", undone="")).encode(), Told(account="NL91ABNA0417164300"))
    assert (other.own, other.undone) == ("NL91ABNA0417164300", False)
