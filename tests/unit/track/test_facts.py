"""What track reads in events."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import invoice
from libs.contracts.envelope import Event
from libs.contracts.sandbox import sandbox_of
from services.track import facts, views
from services.track.labels import PROBLEMS
from services.track.notices import notice_of, notices_of
from services.track.status import NOTHING, Status, apply_all, headline_of, show
from tests.unit.track.sample import DOCUMENT, LINE_12, TRACE, Journey

ACCOUNT = UUID(int=42)


def status(*events: object) -> Status:
    read = [facts.read(event) for event in events]  # type: ignore[arg-type]
    return apply_all(NOTHING, [fact for fact in read if fact is not None])


def test_a_good_journey() -> None:
    j = Journey(ACCOUNT)
    events = [j.received(), j.validated(), j.routed(), j.handed_over(), j.confirmed()]
    shown = show(status(*events))
    assert (shown.headline, shown.number, shown.sender) == ("arrived", "F1", "Bakkerij Bos")
    assert shown.receiver == "Aannemer De Jong BV"
    assert shown.filename == "F1.xml"
    assert shown.because["nl"] == "Aannemer De Jong BV heeft de factuur uit de map gehaald."


@given(order=st.permutations(range(9)), again=st.lists(st.integers(0, 8), max_size=6))
@pytest.mark.proves("R53")
def test_real_events_in_any_order_give_one_status(order: list[int], again: list[int]) -> None:
    other = UUID(int=99)
    j = Journey(ACCOUNT, invoice_id=UUID(int=5))
    events = [
        j.received(), j.duplicate(), j.validated(), j.parked(), j.released(), j.routed(),
        j.undeliverable("folder", other), j.handed_over("smtp", other), j.confirmed("folder", UUID(int=98)),
    ]  # fmt: skip
    assert status(*(events[i] for i in [*order, *again])) == status(*events)
    assert headline_of(status(*events))[0] == "sent"


def test_a_duplicate_changes_no_status() -> None:
    j = Journey(ACCOUNT)
    assert facts.read(j.duplicate()) is None
    received = j.received()
    assert status(received, j.duplicate()) == status(received)


def test_a_pdf_that_came_too_late_is_in_the_timeline() -> None:
    event = Journey(ACCOUNT).duplicate(DOCUMENT)
    assert "PDF" in views.moment(event, event.time).words.nl
    without = Journey(ACCOUNT).duplicate()
    assert "PDF" not in views.moment(without, without.time).words.nl


def test_every_known_fact_has_words_a_title_and_all_but_the_repeat_a_value() -> None:
    j = Journey(ACCOUNT)
    made = [
        j.received(), j.quarantined(), j.duplicate(), j.validated(), j.rejected(), j.routed(), j.parked(),
        j.released(), j.returned(), j.handed_over(), j.confirmed(), j.bounced(), j.switched(), j.undeliverable(),
        j.delivery_parked(), j.delivery_released(), j.linked(), j.recalled(), j.booked(invoice.InvoiceImported),
        j.booked(invoice.InvoicePaid), j.booked(invoice.InvoiceReversed), j.answered("accepted"),
        j.sale_booked(), j.sale_parked(),
    ]  # fmt: skip
    # Of what was erased nothing is left to show.
    assert {event.type for event in made} == {kind.type for kind in invoice.ALL} - {
        invoice.InvoiceErased.type
    }
    for event in made:
        moment = views.moment(event, event.time)
        assert moment.words.nl
        assert moment.words.en
        assert moment.label.nl != event.type
        assert (moment.value is None) == (event.type in ("invoice.duplicate.v1", "invoice.linked.v1"))
        assert moment.trace_id == TRACE.split("-")[1]


@pytest.mark.proves("R54", "R55")
def test_imported_and_paid_are_shown_when_they_are_reported_and_not_before() -> None:
    j = Journey(ACCOUNT)
    facts = [j.received(), j.validated(), j.routed(), j.handed_over(), j.confirmed()]
    assert show(status(*facts)).headline == "arrived"
    facts.append(j.booked(invoice.InvoiceImported))
    assert show(status(*facts)).headline == "imported"
    facts.insert(0, j.booked(invoice.InvoicePaid))
    assert show(status(*facts)).headline == "paid"


@pytest.mark.proves("R54")
def test_imported_names_the_entry_where_the_package_told_its_number() -> None:
    j = Journey(ACCOUNT)
    said = [
        facts.read(j.booked(invoice.InvoiceImported, **more)) for more in ({}, {"entry_number": "26600001"})
    ]
    assert [(fact["nl"], fact["en"]) for fact in said if fact is not None] == [
        (
            "De factuur staat in de boeken van Aannemer De Jong BV.",
            "The invoice is in the books of Aannemer De Jong BV.",
        ),
        (
            "De factuur staat in de boeken van Aannemer De Jong BV, boekstuk 26600001.",
            "The invoice is in the books of Aannemer De Jong BV, entry 26600001.",
        ),
    ]


def test_the_senders_own_books_say_nothing_of_the_receiver() -> None:
    j = Journey(ACCOUNT)
    journey = [j.received(), j.validated(), j.routed()]
    before = show(status(*journey))
    for fact in (j.sale_parked(), j.sale_booked()):
        journey.append(fact)
        shown = show(status(*journey))
        assert (shown.headline, shown.because) == (before.headline, before.because)
    assert status(*journey)["own_books"]["value"] == "booked"
    moment = views.moment(journey[-1], journey[-1].time)
    assert moment.words.nl.endswith("in uw eigen Exact Online: boekstuk 25700001.")
    taken = views.steps([views.moment(event, event.time) for event in journey])
    assert [step.step for step in taken if step.at is not None] == ["received"]


@pytest.mark.proves("R53")
def test_the_receivers_answer_stands_beside_where_the_invoice_is_and_the_last_word_counts() -> None:
    j = Journey(ACCOUNT)
    asked = j.answered("queried", "PRI", "Regel 3: wij spraken € 12,50 af.")
    found = status(j.received(), j.routed(), j.handed_over(), j.confirmed(), asked)
    assert (show(found).headline, found["business"]["value"]) == ("arrived", "queried")
    moment = views.moment(asked, asked.time)
    assert moment.label.nl == "Antwoord van de ontvanger"
    assert moment.words.nl == (
        "Aannemer De Jong BV heeft een vraag over de factuur. Het gaat om: prijzen. „Regel 3: wij spraken € 12,50 af.”"
    )
    later = j.answered("accepted")
    for order in ((asked, later), (later, asked)):
        assert status(*order)["business"]["value"] == "accepted"
    assert "does not pay it so" in views.moment(j.answered("rejected", "XYZ"), asked.time).words.en


def test_nobody_is_mailed_about_what_is_tried_out() -> None:
    for account, count in ((ACCOUNT, 1), (sandbox_of(ACCOUNT), 0)):
        event = Journey(account).rejected()
        assert isinstance(event.data, invoice.InvoiceFact)
        assert len(notices_of(event.id, event.data)) == count


@pytest.mark.proves("R51")
def test_what_says_the_same_as_another_of_its_number_is_a_duplicate_that_names_it_and_mails_nobody() -> None:
    j = Journey(ACCOUNT)
    event = j.repeated()
    shown = show(status(j.received(), j.validated(), event))
    assert shown.headline == "duplicate"
    assert shown.headline not in PROBLEMS
    moment = views.moment(event, event.time)
    assert (moment.value, moment.label.en, moment.other) == ("duplicate", "Duplicate", UUID(int=9))
    assert isinstance(event.data, invoice.InvoiceFact)
    assert notice_of(event.id, event.data) is None


@pytest.mark.proves("R56")
def test_a_delivery_that_is_parked_says_why_and_what_is_wrong() -> None:
    j = Journey(ACCOUNT)
    shown = show(status(j.received(), j.validated(), j.routed(), j.delivery_parked()))
    assert shown.headline == "parked"
    assert shown.because["nl"] == "De ontvanger wil NLCIUS. Het totaal klopt niet."
    assert shown.because["en"] == "The receiver takes NLCIUS. The total is not right."
    assert shown.because["code"] == "not-lawful-in-format"


@pytest.mark.proves("R52")
@pytest.mark.parametrize("by", ["folder", "smtp"])
def test_a_parked_delivery_that_goes_on_by_any_channel_is_shown_by_what_becomes_of_it(by: str) -> None:
    def after(*next_: str) -> str:
        j = Journey(ACCOUNT)
        events = [j.received(), j.routed(), j.delivery_parked("folder")]
        return show(status(*events, *(getattr(j, name)(by) for name in next_))).headline

    assert after("delivery_released") == "received"
    assert after("delivery_released", "handed_over") == "sent"
    assert after("delivery_released", "undeliverable") == "undeliverable"
    assert after("delivery_released", "delivery_parked") == "parked"


def test_a_parked_delivery_that_was_taken_back_is_returned() -> None:
    j = Journey(ACCOUNT)
    waits = j.delivery_parked()
    event = j.undeliverable("folder", returned=True)
    assert show(status(j.received(), waits, event)).headline == "returned"
    moment = views.moment(event, event.time)
    assert (moment.value, moment.label.nl) == ("returned", "Teruggegeven")
    notice = notice_of(event.id, event.data)  # type: ignore[arg-type]
    assert notice is not None
    assert notice.kind == "returned"


@pytest.mark.proves("R56")
def test_a_rejection_says_how_many_errors_and_where_the_first_is() -> None:
    shown = show(status(Journey(ACCOUNT).rejected(fatals=3)))
    assert shown.because["nl"] == "3 fouten. Regel 12: Het totaal klopt niet."
    assert shown.because["en"] == "3 errors. Line 12: The total is not right."
    one = show(status(Journey(ACCOUNT).rejected(LINE_12.model_copy(update={"line": None}))))
    assert one.because["nl"] == "1 fout. Het totaal klopt niet."


@pytest.mark.proves("R53", "R54")
def paid(j: Journey, amount: str, left: str, **more: Any) -> Event:
    return j.booked(
        invoice.InvoicePaid,
        paid=Decimal(amount),
        open=Decimal(left),
        currency="EUR",
        paid_on=date(2026, 11, 3),
        **more,
    )


def undone(j: Journey, amount: str, left: str, **more: Any) -> Event:
    return j.booked(
        invoice.InvoiceReversed,
        paid=Decimal(amount),
        open=Decimal(left),
        currency="EUR",
        paid_on=None,
        **more,
    )


@pytest.mark.parametrize(
    ("amount", "left", "more", "nl"),
    [
        ("1210.00", "0.00", {"source": "exact_online"},
         "Volgens de boeken van Aannemer De Jong BV is de factuur betaald op 3 november 2026: EUR 1.210,00."),
        ("1210.00", "0.00", {"source": "hand", "by": "sender"},
         "Volgens de afzender is de factuur betaald op 3 november 2026: EUR 1.210,00."),
        ("1200.00", "10.00", {"source": "file"},
         "Volgens de bank van Aannemer De Jong BV is van de factuur EUR 1.200,00 betaald op 3 november 2026; "
         "EUR 10,00 staat nog open."),
        ("1220.00", "-10.00", {"source": "exact_online"},
         "Volgens de boeken van Aannemer De Jong BV is de factuur betaald op 3 november 2026: EUR 1.220,00, "
         "EUR 10,00 te veel."),
        # A credit note, by its sign.
        ("-100.00", "-21.00", {"source": "hand"},
         "Volgens Aannemer De Jong BV is van de factuur EUR -100,00 betaald op 3 november 2026; "
         "EUR -21,00 staat nog open."),
    ],
)  # fmt: skip
@pytest.mark.proves("R55")
def test_what_is_paid_is_told_with_amounts_and_whose_word_it_is(
    amount: str, left: str, more: dict[str, str], nl: str
) -> None:
    event = paid(Journey(ACCOUNT), amount, left, **more)
    assert views.moment(event, event.time).words.nl == nl


@pytest.mark.proves("R55")
def test_paid_in_part_then_whole_then_undone_then_again() -> None:
    """The golden story of a payment: what the timeline, the headline and the step say at each moment."""
    j = Journey(ACCOUNT)
    before = [
        j.received(),
        j.validated(),
        j.routed(),
        j.handed_over(),
        j.confirmed(),
        j.booked(invoice.InvoiceImported),
    ]
    told: list[tuple[str, str, str, bool]] = []
    for event in (
        paid(j, "21.00", "100.00"), paid(j, "121.00", "0.00"), undone(j, "0.00", "121.00"), paid(j, "121.00", "0.00"),
    ):  # fmt: skip
        before.append(event)
        moment = views.moment(event, event.time)
        step = views.steps([views.moment(each, each.time) for each in before])[-1]
        told.append(
            (moment.label.nl, str(moment.value), headline_of(status(*before))[0], step.at == event.time)
        )
    assert told == [
        ("Deels betaald", "partly_paid", "imported", False),
        ("Betaald", "paid", "paid", True),
        ("Betaling teruggedraaid", "reversed", "imported", False),
        ("Betaald", "paid", "paid", True),
    ]
    said = views.moment(before[-2], before[-2].time).words
    assert (
        said.nl
        == "Volgens de boeken van Aannemer De Jong BV is een betaling teruggedraaid: EUR 121,00 staat weer open."
    )
    assert (
        said.en
        == "According to the books of Aannemer De Jong BV, a payment was undone: EUR 121.00 is open again."
    )


def test_steps_have_the_time_they_were_reported_and_none_before() -> None:
    j = Journey(ACCOUNT)
    events = [j.received(), j.validated(), j.routed(), j.handed_over(), j.confirmed()]
    steps = {s.step: s.at for s in views.steps([views.moment(e, e.time) for e in events])}
    assert steps == {
        "received": events[0].time, "sent": events[3].time, "arrived": events[4].time, "imported": None,
        "paid": None,
    }  # fmt: skip


def test_a_step_is_taken_when_every_receiver_took_it() -> None:
    j = Journey(ACCOUNT)
    events = [j.received(), j.handed_over("folder", UUID(int=1)), j.confirmed("folder", UUID(int=1))]
    late = j.handed_over("smtp", UUID(int=2))
    steps = {s.step: s.at for s in views.steps([views.moment(e, e.time) for e in [*events, late]])}
    assert (steps["sent"], steps["arrived"]) == (late.time, None)


@pytest.mark.parametrize("odd", [None, "", "00-abc", "nonsense"])
def test_no_trace_id_is_made_up(odd: str | None) -> None:
    assert views.trace_id(odd) is None
