"""All 18 extra fields, out of a lawful UBL invoice, in a simulated office: each in its property, on both kinds."""

from __future__ import annotations

from decimal import Decimal

import pytest

from libs.einvoice import documents
from libs.rules import engine
from services.deliver.exact import compare, entry
from services.deliver.exact import made as making
from services.deliver.exact.chart import Account, Chart, VatCode
from services.deliver.exact.kinds import KINDS, Kind
from services.deliver.exact.rules import Rule, Rules
from services.deliver.parcel import Parked
from tests.unit.deliver.exact import extra
from tests.unit.sims.office import Office

RULES = {
    "purchase": Rules(rules=(Rule(journal="60"), Rule(account="4500", vat_code="2"))),
    "sales": Rules(rules=(Rule(journal="70"), Rule(account="8000", vat_code="4"))),
}


@pytest.mark.proves("R121")
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
async def test_all_18_are_booked_in_their_properties(kind: Kind) -> None:
    (found,) = documents.read(extra.ubl())
    async with Office(country="BE") as office:
        chart = Chart(
            {"4500": Account(office.costs, "4500", "2"), "8000": Account(office.revenue, "8000", "2")},
            {"2": VatCode("2", Decimal(21)), "4": VatCode("4", Decimal(21), direction="S")},
        )
        party = office.supplier if kind.name == "purchase" else office.customer
        made = making.make(
            kind, found.read.invoice, RULES[kind.name], extra.MATCHING, chart, given={}, party=party
        )
        assert not isinstance(made, Parked), made.reason.en
        assert entry.tracked(kind, made.body) == {"TN-1"}
        tracking = office.books.by_code("tracking_numbers", "TN-1", "")["ID"]
        sent = entry.with_tracking(kind, made.body, {"TN-1": tracking})
        booked = await office.made(kind.entries, sent)
        asked = compare.asked(kind, sent)
        (read,) = await office.rows(
            kind.entries,
            filter=f"EntryID eq guid'{booked['EntryID']}'",
            select=asked["$select"],
            expand=asked["$expand"],
        )
        assert compare.differences(kind, sent, read, made.total) == ()
        (line,) = compare.rows(read[kind.lines])
        shown = {**read, **line, "TrackingNumber": "TN-1" if line["TrackingNumber"] == tracking else None}
        days = {"From": "/Date(1735689600000)/", "To": "/Date(1743379200000)/"}
        wanted = {**extra.VALUES, **days}
        assert {name: str(shown[name]).removesuffix(".0") for name in wanted} == wanted


def test_the_invoice_of_these_tests_is_lawful() -> None:
    assert [f for f in engine.validate(extra.ubl()).findings if f.severity == "fatal"] == []
