"""Days that cannot be meant, and VAT that is not its rate: warnings, and only where no pack says it already."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.contracts.parts import Finding
from libs.rules import engine
from libs.testing import builders, shapes

NLCIUS = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"
E_FFF = b"urn:e-fff"
TODAY = date(2026, 11, 21)


def own(data: bytes, today: date | None = None) -> list[Finding]:
    return list(engine.own(engine.validate(data), today=today))


def ids(data: bytes, today: date | None = None) -> list[str]:
    return [finding.rule for finding in own(data, today)]


def dated(day: str) -> bytes:
    return builders.invoice(issue_date=day)


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2026-11-21", []),
        ("2026-12-22", []),
        ("2026-12-23", ["POSTBODE-ISSUED"]),
        ("2062-11-21", ["POSTBODE-ISSUED"]),
        ("2021-11-25", []),
        ("1926-11-21", ["POSTBODE-ISSUED"]),
    ],
)
def test_an_invoice_of_far_ahead_or_years_ago_is_told(day: str, told: list[str]) -> None:
    assert ids(dated(day), TODAY) == told
    assert ids(dated(day)) == []


def test_the_day_of_today_is_told_with_it() -> None:
    (finding,) = own(dated("2062-11-21"), TODAY)
    assert (finding.seen, finding.expected, finding.severity) == ("2062-11-21", "2026-11-21", "warning")
    assert "2062-11-21" in finding.message.nl
    assert "2026-11-21" in finding.message.en


@pytest.mark.parametrize(
    ("due", "told"), [("2026-11-01", 1), ("2026-11-02", 0), ("2028-11-03", 0), ("2029-01-01", 1)]
)
def test_a_due_date_before_the_invoice_or_years_after_is_told(due: str, told: int) -> None:
    data = builders.invoice().replace(b"<cbc:DueDate>2026-11-02<", f"<cbc:DueDate>{due}<".encode())
    assert ids(data) == ["POSTBODE-DAYS"] * told


@pytest.mark.parametrize(("day", "told"), [("2026-01-31", 0), ("2016-11-02", 1), ("2036-11-02", 1)])
def test_a_delivery_years_away_is_told(day: str, told: int) -> None:
    delivery = f"<cac:Delivery><cbc:ActualDeliveryDate>{day}</cbc:ActualDeliveryDate></cac:Delivery>"
    data = builders.invoice().replace(b"  <cac:PaymentMeans>", delivery.encode() + b"  <cac:PaymentMeans>", 1)
    assert ids(data) == ["POSTBODE-DELIVERED"] * told


# --- VAT of each rate ---


def off(by: str, claim: bytes = E_FFF, lines: int = 1, *, old: bool = False) -> bytes:
    """An invoice of 100.00 at 21 %, of which the VAT is so much more; totals go along."""
    data = builders.invoice(lines=lines).replace(NLCIUS, claim)
    net = _amount(data, b"TaxExclusiveAmount")
    tax = _amount(data, b"TaxAmount")
    more = Decimal(by)
    gross = Decimal(net) + Decimal(tax)
    data = data.replace(
        b">%s</cbc:TaxAmount>" % tax.encode(), f">{Decimal(tax) + more}</cbc:TaxAmount>".encode()
    )
    for name in (b"TaxInclusiveAmount", b"PayableAmount"):
        data = data.replace(
            b">%s</cbc:%s>" % (str(gross).encode(), name),
            b">%s</cbc:%s>" % (str(gross + more).encode(), name),
        )
    if old:
        head, mark, tail = data.partition(b"<cac:TaxSubtotal>")
        tail = tail.replace(b"        <cbc:Percent>21</cbc:Percent>\n", b"", 1)
        data = (
            head
            + mark
            + tail.replace(b"<cac:TaxCategory>", b"<cbc:Percent>21</cbc:Percent><cac:TaxCategory>", 1)
        )
    return data


def _amount(data: bytes, name: bytes) -> str:
    return data.partition(b"<cbc:" + name)[2].partition(b">")[2].partition(b"<")[0].decode()


@pytest.mark.parametrize("claim", [E_FFF, b"1.0"])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(("by", "told"), [("0.00", 0), ("0.02", 0), ("-0.02", 0), ("0.04", 1), ("-5.00", 1)])
def test_vat_that_is_not_the_rate_over_its_base_is_told(claim: bytes, old: bool, by: str, told: int) -> None:
    data = off(by, claim, old=old)
    findings = own(data)
    assert [finding.rule for finding in findings] == ["POSTBODE-RATE"] * told
    assert engine.validate(data).findings == ()
    for finding in findings:
        assert finding.seen == _amount(data, b"TaxAmount")
        assert abs(float(finding.seen) - float(finding.expected or 0) - float(by)) < 0.011
        assert finding.terms == ("BT-116", "BT-117", "BT-119")


@pytest.mark.parametrize("lines", [3, 400])
def test_half_a_cent_for_each_line_is_rounding(lines: int) -> None:
    """Those left out because they are like others count too."""
    slack = max(0.02, lines * 0.005)
    assert ids(off(f"{slack - 0.01:.2f}", lines=lines)) == []
    assert ids(off(f"{slack + 0.02:.2f}", lines=lines)) == ["POSTBODE-RATE"]


def test_where_the_pack_asks_it_it_is_not_asked_again() -> None:
    data = off("0.50", NLCIUS)
    assert ids(data) == []
    assert "BR-CO-17" not in [finding.rule for finding in engine.validate(data).findings], "within its slack"
    assert "BR-CO-17" in [finding.rule for finding in engine.validate(off("5.00", NLCIUS)).findings]


def test_what_is_no_number_spoils_nothing() -> None:
    data = off("5.00").replace(b"<cbc:Percent>21<", b"<cbc:Percent>x<")
    assert "POSTBODE-RATE" not in ids(data)
    assert ids(shapes.invoice(12)) == []
