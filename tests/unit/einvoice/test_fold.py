"""Folding: what it leaves out, what it keeps, and that no verdict is another for it."""

from __future__ import annotations

import re
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice import fold, gate
from libs.errors import Refusal
from libs.rules import engine
from libs.testing import builders, mutants

_LINE = re.compile(rb"  <cac:(?:Invoice|CreditNote)Line>.*?</cac:(?:Invoice|CreditNote)Line>\n", re.DOTALL)
_PLACE = re.compile(rb">([^<>]*)<|\"([^\"<>]*)\"")


def unfolded(data: bytes, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setattr(fold, "fold", lambda _: None)
        return said(data)


def said(data: bytes) -> object:
    try:
        verdict = engine.validate(data)
    except Refusal as refusal:
        return refusal.code, refusal.extra
    return verdict, verdict.summary


def change(data: bytes, line: int, old: bytes, new: bytes) -> bytes:
    """Replace once in the n-th line, from 1."""
    found = list(_LINE.finditer(data))[line - 1]
    assert old in found[0]
    return data[: found.start()] + found[0].replace(old, new, 1) + data[found.end() :]


def test_lines_that_differ_in_words_and_amounts_alone_are_one() -> None:
    data = builders.invoice(lines=12)
    folded = fold.fold(data)
    assert folded is not None
    assert len(_LINE.findall(folded.data)) == len(folded.amounts) == 1
    assert len(folded.amounts[0]) == 11
    net = re.search(rb"<cbc:TaxExclusiveAmount[^>]*>([0-9.]+)<", data)
    first = re.search(rb"<cac:InvoiceLine>.*?<cbc:LineExtensionAmount[^>]*>([0-9.]+)<", data, re.DOTALL)
    assert net is not None
    assert first is not None
    assert Decimal(first[1].decode()) + sum(map(Decimal, folded.amounts[0])) == Decimal(net[1].decode())


def test_line_numbers_stay() -> None:
    data = builders.invoice(lines=12)
    folded = fold.fold(data)
    assert folded is not None
    assert folded.data.count(b"\n") == data.count(b"\n")
    assert folded.data[: data.index(b"<cac:InvoiceLine>")] == data[: data.index(b"<cac:InvoiceLine>")]


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (b"C62", b"HUR", 2),
        (b"EUR", b"USD", 2),
        (b">21<", b">9<", 2),
        (b"<cbc:ID>S<", b"<cbc:ID>E<", 2),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>Groen", 1),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value> ", 2),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>A &amp; B &lt;", 1),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>&#1;", 2),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>&x;", 2),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>a > b", 2),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>\x01", 2),
        (b"<cbc:Value>Antraciet 3", b"<cbc:Value>\xef\xbf\xbe", 2),
        (b"<cbc:Value>Antraciet 3", "<cbc:Value>één €".encode(), 1),
        (b"<cbc:ID>3<", b"<cbc:ID><", 2),
        (b"<cbc:Note>", b'<cbc:Note languageID="nl">', 2),
        (b'PriceAmount currencyID="EUR">', b'PriceAmount currencyID="EUR">-', 2),
        (b'LineExtensionAmount currencyID="EUR">', b'LineExtensionAmount currencyID="EUR">0.001', 2),
        (b"<cac:Price>", b"<cac:Price >", 2),
    ],
)
def test_what_a_rule_could_see_is_kept(
    old: bytes, new: bytes, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = change(builders.invoice(lines=6), 3, old, new)
    folded = fold.fold(data)
    assert folded is not None
    assert len(folded.amounts) == kept
    assert said(data) == unfolded(data, monkeypatch)


@pytest.mark.parametrize(
    "data",
    [
        builders.invoice(lines=1),
        builders.invoice(lines=6).replace(b"<cac:Item>", b"<!-- x --><cac:Item>", 1),
        builders.invoice(lines=6).replace(b"Antraciet 3", b"<![CDATA[x]]>"),
        builders.invoice(lines=6).replace(b"<cac:Item>", b"<?x y?><cac:Item>", 1),
        # A line within a line, one with an attribute, something between two lines.
        change(builders.invoice(lines=6), 2, b"<cac:Item>", b"<cac:InvoiceLine/><cac:Item>"),
        change(builders.invoice(lines=6), 2, b"<cac:InvoiceLine>", b'<cac:InvoiceLine a="b">'),
        change(
            builders.invoice(lines=6), 2, b"  <cac:InvoiceLine>", b"  <cbc:Note>x</cbc:Note><cac:InvoiceLine>"
        ),
        b"<a><InvoiceLine></InvoiceLine><InvoiceLine>",
    ],
)
def test_what_is_not_a_plain_row_of_lines_is_left_alone(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fold.fold(data) is None
    assert said(data) == unfolded(data, monkeypatch)


def test_what_is_counted_in_the_whole_document_is_not_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    party = (
        b'<cac:ManufacturerParty><cac:PartyIdentification><cbc:ID schemeID="SEPA">1</cbc:ID>'
        b"</cac:PartyIdentification></cac:ManufacturerParty></cac:Item>"
    )
    data = builders.invoice(lines=4).replace(b"</cac:Item>", party)
    assert "UBL-SR-29" in {finding.rule for finding in engine.validate(data).findings}
    assert said(data) == unfolded(data, monkeypatch)


@pytest.mark.parametrize(
    ("begin", "end", "kept"),
    [
        (b"2026-01-31", b"2026-02-28", 1),
        (b"2026-02-01", b"2026-02-01", 1),
        (b"2026-02-02", b"2026-02-01", 2),
        (b"2026-02-30", b"2026-03-01", 2),
        (b"2026-02-01", b"2026-04-31", 2),
        (b"2026-02-01Z", b"2026-03-01", 2),
        (b"0000-01-01", b"2026-03-01", 2),
    ],
)
def test_a_period_is_plain_when_it_does_not_end_before_it_begins(
    begin: bytes, end: bytes, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    period = b"<cac:InvoicePeriod><cbc:StartDate>%s</cbc:StartDate><cbc:EndDate>%s</cbc:EndDate></cac:InvoicePeriod>"
    data = builders.invoice(lines=4).replace(
        b"<cac:Item>", period % (b"2026-01-01", b"2026-01-02") + b"<cac:Item>"
    )
    data = change(data, 3, b"2026-01-01", begin)
    data = change(data, 3, b"2026-01-02", end)
    folded = fold.fold(data)
    assert folded is not None
    assert len(folded.amounts) == kept
    assert said(data) == unfolded(data, monkeypatch)


def test_many_different_lines_are_not_worth_it() -> None:
    lines = builders.invoice(lines=200)
    for number in range(1, 60):
        lines = change(lines, number, b"C62", b"X%02d" % number)
    assert fold.fold(lines) is None


@pytest.mark.parametrize(
    "rule", ["BR-CO-10", "BR-CO-13", "BR-CO-14", "BR-NL-1", "BR-25", "BR-27", "BR-23", "BR-NL-13"]
)
def test_a_broken_rule_says_the_same(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = builders.invoice(lines=30, break_rule=rule)
    assert rule in {finding.rule for finding in engine.validate(data).findings}
    assert said(data) == unfolded(data, monkeypatch)


def test_a_finding_on_every_line_is_told_of_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    data = builders.invoice(lines=7).replace(b'unitCode="C62"', b'unitCode="QQQ"')
    assert len([f for f in engine.validate(data).findings if f.rule == "BR-CL-23"]) == 7
    assert said(data) == unfolded(data, monkeypatch)


BASES = (
    builders.invoice(lines=5),
    builders.invoice(lines=6, credit_note=True),
    mutants.of_category("E", "0", lines=4),
    builders.invoice(lines=4).replace(b"cbc:", b"b:").replace(b"xmlns:cbc", b"xmlns:b"),
    re.sub(rb">\s+<", b"><", builders.invoice(lines=4)),
    builders.invoice(lines=4).replace(
        b"<cac:Item>",
        b"<cac:InvoicePeriod><cbc:StartDate>2026-01-01</cbc:StartDate>"
        b"<cbc:EndDate>2026-01-02</cbc:EndDate></cac:InvoicePeriod><cac:Item>",
    ),
)
VALUES = (
    b"", b" ", b"-1", b"0", b"1.005", b"NaN", b"9" * 20, b"S", b"E", b"C62", b"HUR", b"USD", b"&#65;", b"&x;", b"]]>",
    b"\xc3\xa9", b"\xff", b"\x00", b"\x0b", b"<cbc:Note>x</cbc:Note>", b"<x/>", b"</cac:Item>", b"<cac:InvoiceLine>",
    b"</cac:InvoiceLine>", b"2026-01-03", b"2025-02-29", b"&amp;", b"VAT", b"21", b"9",
)  # fmt: skip


@settings(max_examples=80)
@given(st.data())
def test_whatever_is_done_to_a_line_the_verdict_is_that_of_judging_all(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(BASES))
    begin = document.index(b"Line>")
    for _ in range(data.draw(st.integers(1, 4))):
        places = [match.span(match.lastindex or 1) for match in _PLACE.finditer(document, begin)]
        start, end = places[data.draw(st.integers(0, len(places) - 1))]
        document = document[:start] + data.draw(st.sampled_from(VALUES)) + document[end:]
    with pytest.MonkeyPatch.context() as patch:
        assert said(document) == unfolded(document, patch)


@pytest.mark.parametrize(
    "data",
    [
        b"<a>"
        + b"<InvoiceLine><%s><b>x</b></%s></InvoiceLine>" % (b"n" * 60_000, b"n" * 60_000) * 2
        + b"</a>",
        b"<a>" + b'<InvoiceLine><b c="%s"> <d>x</d></b></InvoiceLine>' % (b"n" * 60_000) * 2 + b"</a>",
        b"<a>" + b"eLine>" * 1_000_000 + b"</a>",
        b"<a>" + b"<InvoiceLine>" * 300_000 + b"</InvoiceLine>" * 300_000 + b"</a>",
    ],
)
def test_no_document_takes_longer_than_its_length_asks(data: bytes) -> None:
    """Read once; a letter read for each other letter would take minutes (field.md §C.3)."""
    begin = time.process_time()
    fold.fold(data)
    assert time.process_time() - begin < 5


@settings(max_examples=40)
@given(st.binary(max_size=300), st.integers(0, 5))
def test_bytes_that_are_no_invoice_are_no_matter(data: bytes, times: int) -> None:
    line = b"<InvoiceLine>" + data + b"</InvoiceLine>"
    folded = fold.fold(b"<a>" + line * times + b"</a>")
    assert folded is None or len(folded.data) <= gate.DEFAULT.size
