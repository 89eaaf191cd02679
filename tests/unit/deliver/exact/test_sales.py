"""What becomes of a sender's own invoice in its own books, and what is told of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.contracts.invoice import InvoiceSaleBooked, InvoiceSaleParked
from libs.contracts.parts import Words
from services.deliver.exact import sales
from services.deliver.parcel import Failed, HandedOver, NotBegun, Parked, Unknown
from services.deliver.plan import NO_WAY
from tests.unit.deliver.sample import job
from tests.unit.deliver.test_plan import POLICY

WHY = Parked("exact-no-journal", Words(nl="Geen dagboek.", en="No journal."))


def test_booked_is_told_with_what_the_books_said() -> None:
    done = sales.ended(job(), HandedOver("boekstuk 25700001"), POLICY)
    told = sales.fact(done, 1)
    assert told is not None
    assert isinstance(told.data, InvoiceSaleBooked)
    assert (done.state, told.data.evidence, told.data.sale_id) == (
        "booked",
        "boekstuk 25700001",
        done.job.delivery_id,
    )


def test_what_cannot_be_coded_waits_and_is_told() -> None:
    for outcome, code in ((WHY, "exact-no-journal"), (NO_WAY, "no-channel")):
        done = sales.ended(job(unresolved=True), outcome, POLICY)
        told = sales.fact(done, 2)
        assert told is not None
        assert isinstance(told.data, InvoiceSaleParked)
        assert (done.state, done.unresolved, told.data.code, told.data.sequence) == ("parked", True, code, 2)


def test_a_failure_waits_counts_and_is_not_told() -> None:
    done = sales.ended(job(failures=2), Failed("x", "y", wait=timedelta(hours=1)), POLICY)
    assert (done.state, done.failed, done.unresolved, done.wait) == (
        "queued",
        True,
        False,
        timedelta(hours=1),
    )
    assert sales.fact(done, 1) is None
    not_begun = sales.ended(job(), NotBegun("no calls left", wait=timedelta(seconds=40)), POLICY)
    assert (not_begun.failed, not_begun.wait) == (False, timedelta(seconds=40))


def test_an_unknown_end_stays_unknown_until_it_is_resolved() -> None:
    assert sales.ended(job(), Unknown("lost"), POLICY).unresolved
    assert sales.ended(job(unresolved=True), Failed("x", "y"), POLICY).unresolved
    assert not sales.ended(job(unresolved=True), Failed("x", "y", resolved=True), POLICY).unresolved


@pytest.mark.parametrize("outcome", [Failed("x", "y"), Unknown("lost")])
def test_it_is_never_given_up_but_waits_for_a_person(outcome: Failed | Unknown) -> None:
    done = sales.ended(job(failures=POLICY.most), outcome, POLICY)
    assert (done.state, done.reason and done.reason.code) == ("parked", "exact-gave-up")
    assert "geef de boeking hier vrij" in (done.reason.reason.nl if done.reason else "")
