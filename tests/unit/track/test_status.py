"""The status of an invoice: one answer, whatever the order and repetition of its facts (DESIGN §6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.track.labels import HEADLINES, LABELS, Headline
from services.track.status import NOTHING, Fact, Status, apply, apply_all, headline_of, show, stands

START = datetime(2026, 11, 3, 9, tzinfo=UTC)
A, B = UUID(int=0xA), UUID(int=0xB)


def fact(axis: str, value: str, sequence: int = 1, *, n: int | None = None, **more: str) -> Fact:
    number = n if n is not None else crc32(f"{axis} {value} {sequence}".encode())
    made = {
        "axis": axis,
        "sequence": sequence,
        "event_id": str(UUID(int=number + 1)),
        "value": value,
        "at": (START + timedelta(minutes=sequence)).isoformat(),
        "source": "/postbode/test",
        "nl": f"{axis} {value}",
        "en": f"{axis} {value}",
        **more,
    }
    return cast("Fact", made)


def delivery(value: str, sequence: int = 1, *, to: UUID = A, by: str = "folder") -> Fact:
    return fact(f"delivery:{by}:{to}", value, sequence, receiver=f"Receiver {to.int}")


def status(*facts: Fact) -> Status:
    return apply_all(NOTHING, facts)


def headline(*facts: Fact) -> Headline:
    return headline_of(status(*facts))[0]


RECEIVED = fact("ingest", "received")
VALID = fact("validation", "valid")
ROUTED = fact("routing", "routed")
ON_ITS_WAY = (RECEIVED, VALID, ROUTED)
IMPORTED = fact("accounting", "imported")
PAID_AND_UNDONE = (fact("payment", "paid"), fact("payment", "reversed", 2))

_DELIVERY_VALUES = (
    "queued", "attempting", "handed_over", "confirmed", "bounced", "undeliverable", "parked", "returned",
)  # fmt: skip


@st.composite
def journeys(draw: st.DrawFn) -> list[Fact]:
    """The facts of one invoice as services make them: per axis numbered from 1, values as they come."""
    facts = [RECEIVED]
    verdicts = draw(st.lists(st.sampled_from(("valid", "invalid", "valid_with_warnings")), max_size=3))
    facts += [fact("validation", v, n) for n, v in enumerate(verdicts, 1)]
    routing = draw(st.lists(st.sampled_from(("parked", "pending", "routed", "returned")), max_size=5))
    facts += [fact("routing", v, n, receiver="Buyer", number="F1") for n, v in enumerate(routing, 1)]
    for to in draw(st.lists(st.sampled_from((A, B)), unique=True)):
        for by in draw(st.lists(st.sampled_from(("folder", "smtp")), unique=True)):
            values = draw(st.lists(st.sampled_from(_DELIVERY_VALUES), max_size=4))
            facts += [delivery(v, n, to=to, by=by) for n, v in enumerate(values, 1)]
    if draw(st.booleans()):
        facts.append(fact("accounting", "imported"))
    paid = draw(st.lists(st.sampled_from(("partly_paid", "paid", "reversed")), max_size=4))
    facts += [fact("payment", v, n) for n, v in enumerate(paid, 1)]
    return facts


@given(data=st.data(), facts=journeys())
@pytest.mark.proves("R53", "R56")
def test_any_order_and_repetition_gives_one_answer(data: st.DataObject, facts: list[Fact]) -> None:
    repeated = facts + data.draw(st.lists(st.sampled_from(facts), max_size=10))
    shuffled = data.draw(st.permutations(repeated))
    expected = status(*facts)
    assert status(*shuffled) == expected
    assert show(status(*shuffled)) == show(expected)


@given(facts=journeys(), cut=st.integers(min_value=0, max_value=20))
def test_batches_and_storage_between_them_change_nothing(facts: list[Fact], cut: int) -> None:
    stored = orjson.loads(orjson.dumps(status(*facts[:cut])))
    assert stored == status(*facts[:cut])
    assert apply_all(stored, facts[cut:]) == status(*facts)


@given(facts=journeys())
def test_every_status_has_a_headline_with_a_label_a_reason_a_time_and_a_source(facts: list[Fact]) -> None:
    shown = show(status(*facts))
    assert shown.headline in HEADLINES
    assert LABELS[shown.headline].nl
    assert shown.because in status(*facts).values()
    assert shown.because["nl"]
    assert shown.because["source"]
    assert shown.received_at <= shown.updated_at


def test_a_fact_that_changes_nothing_gives_the_same_object() -> None:
    before = status(fact("routing", "parked", 2))
    assert apply(before, fact("routing", "routed", 1)) is before
    assert apply(before, fact("routing", "parked", 2)) is before


def test_two_facts_of_one_number_still_give_one_answer() -> None:
    one, other = fact("routing", "parked", n=1), fact("routing", "routed", n=2)
    assert status(one, other) == status(other, one)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((RECEIVED,), "received"),
        ((RECEIVED, VALID), "received"),
        (ON_ITS_WAY, "received"),
        ((fact("ingest", "quarantined"),), "quarantined"),
        ((RECEIVED, fact("validation", "invalid")), "rejected"),
        ((RECEIVED, VALID, fact("routing", "parked")), "parked"),
        ((RECEIVED, VALID, fact("routing", "parked"), fact("routing", "pending", 2)), "received"),
        ((RECEIVED, VALID, fact("routing", "returned", 2)), "returned"),
        ((*ON_ITS_WAY, delivery("queued")), "received"),
        ((*ON_ITS_WAY, delivery("handed_over")), "sent"),
        ((*ON_ITS_WAY, delivery("handed_over"), delivery("confirmed", 2)), "arrived"),
        ((*ON_ITS_WAY, delivery("handed_over"), delivery("bounced", 2)), "bounced"),
        ((*ON_ITS_WAY, delivery("undeliverable")), "undeliverable"),
        ((*ON_ITS_WAY, delivery("confirmed"), fact("accounting", "imported")), "imported"),
        ((*ON_ITS_WAY, delivery("confirmed"), fact("accounting", "paid", 2)), "paid"),
        ((*ON_ITS_WAY, delivery("confirmed"), IMPORTED, fact("payment", "paid")), "paid"),
        ((*ON_ITS_WAY, delivery("confirmed"), IMPORTED, fact("payment", "partly_paid")), "imported"),
        ((*ON_ITS_WAY, IMPORTED, *PAID_AND_UNDONE), "imported"),
        ((*ON_ITS_WAY, IMPORTED, *PAID_AND_UNDONE, fact("payment", "paid", 3)), "paid"),
        # Paid by somebody's word, and never reported to stand in any books.
        ((*ON_ITS_WAY, delivery("confirmed"), fact("payment", "paid")), "paid"),
        ((*ON_ITS_WAY, delivery("confirmed"), *PAID_AND_UNDONE), "arrived"),
        ((*ON_ITS_WAY, delivery("handed_over"), fact("payment", "partly_paid")), "sent"),
    ],
)
@pytest.mark.proves("R53", "R55", "R56")
def test_headline(facts: tuple[Fact, ...], expected: Headline) -> None:
    assert headline(*facts) == expected


@pytest.mark.proves("R54", "R55")
def test_imported_is_never_assumed() -> None:
    assert headline(*ON_ITS_WAY, delivery("confirmed", 9)) == "arrived"


def test_facts_before_received_already_say_what_they_say() -> None:
    assert headline(delivery("handed_over")) == "sent"
    assert headline(fact("validation", "invalid")) == "rejected"
    shown = show(status(fact("validation", "valid", 3)))
    assert shown.received_at == START + timedelta(minutes=3)
    assert show(status(fact("validation", "valid", 3), RECEIVED)).received_at == datetime.fromisoformat(
        RECEIVED["at"]
    )


class TestSeveralDeliveries:
    def test_of_one_receiver_the_best_channel_counts(self) -> None:
        facts = (*ON_ITS_WAY, delivery("undeliverable", by="folder"))
        assert headline(*facts, delivery("queued", by="smtp")) == "received"
        assert headline(*facts, delivery("handed_over", by="smtp")) == "sent"
        assert headline(*facts, delivery("undeliverable", by="smtp")) == "undeliverable"

    def test_of_several_receivers_the_worst_one_counts(self) -> None:
        arrived = (*ON_ITS_WAY, delivery("confirmed", to=A))
        assert headline(*arrived, delivery("confirmed", to=B)) == "arrived"
        assert headline(*arrived, delivery("handed_over", to=B)) == "sent"
        assert headline(*arrived, delivery("undeliverable", to=B)) == "undeliverable"

    def test_payment_by_one_does_not_hide_that_another_never_got_it(self) -> None:
        paid = (*ON_ITS_WAY, delivery("confirmed", to=A), fact("payment", "paid"))
        assert headline(*paid) == "paid"
        assert headline(*paid, delivery("undeliverable", to=B)) == "undeliverable"
        assert headline(*paid, delivery("handed_over", to=B)) == "paid"

    def test_a_receiver_that_booked_it_has_it_whatever_the_channel_says(self) -> None:
        assert headline(*ON_ITS_WAY, delivery("undeliverable"), fact("accounting", "imported")) == "imported"

    def test_all_receivers_are_named(self) -> None:
        both = status(*ON_ITS_WAY, delivery("handed_over", to=A), delivery("handed_over", to=B))
        assert show(both).receiver == "Receiver 10, Receiver 11"


def test_what_was_handed_over_no_longer_waits_though_its_release_is_late() -> None:
    assert headline(RECEIVED, fact("routing", "parked"), delivery("handed_over")) == "sent"


def test_a_word_of_a_newer_release_is_neither_problem_nor_success() -> None:
    assert headline(*ON_ITS_WAY, delivery("teleported")) == "received"


def test_a_fact_stands_until_a_newer_one_or_a_better_channel() -> None:
    failed = delivery("undeliverable", by="folder")
    assert stands(status(failed), failed["axis"], failed["event_id"])
    assert not stands(
        status(failed, delivery("handed_over", 2, by="folder")), failed["axis"], failed["event_id"]
    )
    assert not stands(status(failed, delivery("handed_over", by="smtp")), failed["axis"], failed["event_id"])
    assert stands(status(failed, delivery("handed_over", to=B)), failed["axis"], failed["event_id"])
    parked = fact("routing", "parked")
    assert stands(status(parked), "routing", parked["event_id"])
    assert not stands(status(parked, fact("routing", "pending", 2)), "routing", parked["event_id"])


@pytest.mark.proves("R53")
def test_dutch_labels_are_those_of_the_field() -> None:
    dutch = {name: LABELS[name].nl for name in ("sent", "arrived", "imported", "paid")}
    assert dutch == {
        "sent": "verzonden",
        "arrived": "aangekomen",
        "imported": "geïmporteerd",
        "paid": "betaald",
    }
