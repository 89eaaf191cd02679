"""CAMT.053 as banks write it, and what is not one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.errors import HubError
from services.deliver.payments import camt as reader
from services.deliver.payments.lines import MOST_BYTES
from tests.unit.deliver.payments.statements import (
    CUSTOMER,
    LATEST,
    OWN,
    SUPPLIER,
    camt,
    counted,
    details,
    entry,
    statement,
)


def refused(data: bytes) -> HubError:
    with pytest.raises(HubError) as no:
        reader.read(data)
    assert no.value.words["nl"]
    assert no.value.words["en"]
    return no.value


@pytest.mark.proves("R111")
@pytest.mark.parametrize("version", ["02", "04", "06", LATEST, "13"])
def test_an_entry_says_who_what_when_and_which_invoice(version: str) -> None:
    status = "<Sts>BOOK</Sts>" if version < "08" else "<Sts><Cd>BOOK</Cd></Sts>"
    inside = details("Factuur F-1", reference="RF18 5390 0754 7034", document="F-1", end="E2E-7")
    (line,) = reader.read(camt(statement(entry("121.00", inside, status=status)), version=version))
    assert (line.number, line.own, line.other, line.sums) == (1, OWN, SUPPLIER, ((Decimal("121.00"), "EUR"),))
    assert (line.incoming, line.undone, line.day, line.fault) == (False, False, date(2026, 11, 3), None)
    assert line.named == ("RF18 5390 0754 7034", "F-1", "E2E-7")
    assert line.text == "Factuur F-1"


def test_a_batch_is_its_payments_and_none_when_they_do_not_add_up() -> None:
    two = [details("F-1", amount="100.00"), details("F-2", amount="21.00")]
    lines = reader.read(camt(statement(entry("121.00", two), entry("120.00", two))))
    assert [(line.text, line.fault) for line in lines] == [
        ("F-1", None), ("F-2", None), ("F-1", "batch-differs"), ("F-2", "batch-differs"),
    ]  # fmt: skip
    # One of them went the other way: a payment that came back among those that went out.
    mixed = [details("F-1", amount="100.00"), details("F-2", amount="21.00", way="CRDT")]
    lines = reader.read(camt(statement(entry("79.00", mixed))))
    assert [(line.incoming, line.fault) for line in lines] == [(False, None), (True, None)]
    (whole,) = reader.read(camt(statement(entry("121.00", "<Btch><NbOfTxs>12</NbOfTxs></Btch>"))))
    assert whole.fault == "batch-untold"
    lines = reader.read(camt(statement(entry("121.00", [details("F-1"), details("F-2", amount="21.00")]))))
    assert [line.fault for line in lines] == ["no-amount", None]


def faults(one: str) -> list[str | None]:
    return [line.fault for line in reader.read(camt(statement(one)))]


def test_one_payment_told_of_a_batch_is_not_the_amount_of_all() -> None:
    one = details("2026-0042", amount="100.00")
    assert faults(entry("500.00", one)) == ["batch-differs"]
    assert faults(entry("500.00", "<Btch><NbOfTxs>5</NbOfTxs></Btch>" + details("2026-0042"))) == [
        "batch-untold"
    ]
    assert faults(entry("100.00", "<Btch><NbOfTxs>1</NbOfTxs></Btch>" + one)) == [None]


def test_what_says_no_direction_is_left_and_not_taken_as_money_that_went_out() -> None:
    known = entry("100.00", details("2026-0042"))
    for said in ("", "<CdtDbtInd></CdtDbtInd>", "<CdtDbtInd>BOTH</CdtDbtInd>"):
        assert faults(known.replace("<CdtDbtInd>DBIT</CdtDbtInd>", said)) == ["no-direction"]
    assert faults(known) == [None]


def test_reversals_and_returns_are_undone_whoever_is_named_in_them() -> None:
    lines = reader.read(
        camt(
            statement(
                entry("121.00", details("F-1"), incoming=True, reversal=True),
                entry("121.00", details("F-1", returned=True, other=SUPPLIER, incoming=True), incoming=True),
                entry("121.00", details("F-1", incoming=True, other=CUSTOMER), incoming=True),
            )
        )
    )
    assert [(line.undone, line.other) for line in lines] == [
        (True, SUPPLIER),
        (True, SUPPLIER),
        (False, CUSTOMER),
    ]


def test_statements_of_accounts_and_currencies_stay_apart() -> None:
    lines = reader.read(
        camt(
            statement(entry("1.00", details("A"))),
            statement(
                entry("2.00", details("B", ordered=("1.60", "GBP")), currency="USD"),
                own=CUSTOMER,
                currency="USD",
            ),
        )
    )
    assert [(line.number, line.own, line.sums) for line in lines] == [
        (1, OWN, ((Decimal("1.00"), "EUR"),)),
        (2, CUSTOMER, ((Decimal("2.00"), "USD"), (Decimal("1.60"), "GBP"))),
    ]


def test_what_is_not_booked_yet_is_told_apart() -> None:
    (line,) = reader.read(camt(statement(entry("1.00", details("A"), status="<Sts>PDNG</Sts>"))))
    assert line.fault == "not-booked"


@pytest.mark.proves("R111")
def test_the_same_payment_has_the_same_key_in_whatever_file_it_comes() -> None:
    one, other = entry("1.00", details("A"), reference="7"), entry("1.00", details("B"))
    first = reader.read(camt(statement(one, other)))
    again = reader.read(camt(statement(other, number="2"), statement(one, number="3"), version="02"))
    assert {line.key for line in first} == {line.key for line in again}
    twice = reader.read(camt(statement(one, one, other)))
    assert len({line.key for line in twice}) == 3
    changed = reader.read(camt(statement(entry("1.01", details("A"), reference="7"))))
    assert changed[0].key not in {line.key for line in first}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"<Document/>", "not-camt053"),
        (camt(statement(), kind="054"), "not-camt053"),
        (camt(statement(), version="01"), "not-camt053"),
        (camt(statement(entry("1.00")))[:-20], "not-xml"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + camt(statement())[38:], "encoding"),
        (camt(statement(entry("1.00", details("é")))).decode().encode("latin-1"), "encoding"),
        (b'<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>' + camt(statement())[38:], "doctype"),
        (b'<!DOCTYPE d SYSTEM "file:///etc/passwd">' + camt(statement())[38:], "doctype"),
        (camt("<a>" * 80 + "</a>" * 80), "too-deep"),
        (b"PK\x03\x04" + b"x" * 100, "zip"),
    ],
)
def test_what_is_no_statement_is_refused_as_a_whole(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    assert refused(b"<" + b" " * MOST_BYTES).status == 413


def test_more_payments_than_a_file_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST", 3)
    # The limit counts payments, in one entry, in one statement or over all.
    for data in (
        camt(statement(entry("4.00", [details("A", amount="1.00")] * 4))),
        camt(statement(*[entry("1.00", details("A"))] * 4)),
        camt(*[statement(*[entry("1.00", details("A"))] * 2)] * 2),
    ):
        assert refused(data).code == "too-many-entries"
    assert len(reader.read(camt(statement(*[entry("1.00", details("A"))] * 3)))) == 3


def test_ten_times_as_much_takes_ten_times_as_many_steps() -> None:
    def steps(count: int) -> int:
        data = camt(statement(*(entry("1.00", details(f"F-{n}")) for n in range(count))))
        with counted() as taken:
            assert len(reader.read(data)) == count
        return taken[0]

    assert steps(300) < 11 * steps(30)
