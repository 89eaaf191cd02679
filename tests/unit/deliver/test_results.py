"""From what a channel said to what happens next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deliver import results
from services.deliver.parcel import Failed, HandedOver, NotBegun, Parked, Refused, Unknown
from services.deliver.plan import NO_WAY
from tests.unit.deliver.sample import job
from tests.unit.deliver.test_plan import POLICY


def test_handed_over() -> None:
    folder = job("folder")
    done = results.of(folder, HandedOver("name.xml"), POLICY)
    assert (done.state, done.outcome, done.file_name) == ("handed_over", "handed_over", folder.base_name)
    again = results.of(job(), HandedOver("250 ok", repeated=True), POLICY)
    assert (again.repeated, again.file_name, again.unresolved) == (True, None, False)


def test_a_failure_waits_and_counts() -> None:
    done = results.of(job(failures=2), Failed("x", "y"), POLICY)
    assert (done.state, done.outcome, done.failed, done.unresolved) == ("queued", "failed", True, False)
    assert timedelta(seconds=60) < done.wait < timedelta(seconds=120)


def test_what_was_not_begun_counts_for_nothing() -> None:
    done = results.of(job(failures=19, unresolved=True), NotBegun("stopping"), POLICY)
    assert (done.state, done.outcome, done.failed, done.unresolved) == ("queued", "not_begun", False, True)
    assert done.wait <= timedelta(seconds=2)


def test_an_unknown_end_stays_known_until_it_is_resolved() -> None:
    unknown = results.of(job(), Unknown("lost"), POLICY)
    assert (unknown.state, unknown.outcome, unknown.unresolved) == ("queued", "unknown", True)
    # The relay being away tells nothing about the mail that may have gone out before.
    assert results.of(job(unresolved=True), Failed("mail-relay", "away"), POLICY).unresolved
    assert not results.of(job(unresolved=True), Failed("full", "", resolved=True), POLICY).unresolved


@pytest.mark.proves("R56")
@pytest.mark.parametrize(
    ("of", "outcome", "code"),
    [
        (job(failures=19), Failed("x", "y"), "gave-up"),
        (job(age=timedelta(hours=73)), Failed("x", "y"), "gave-up"),
        (job(failures=19), Unknown("lost"), "gave-up-unsure"),
        (job(failures=19, unresolved=True), Failed("x", "y"), "gave-up-unsure"),
        (job(), NO_WAY, "no-channel"),
    ],
)
def test_the_end_names_its_reason(of: object, outcome: object, code: str) -> None:
    done = results.of(of, outcome, POLICY)  # type: ignore[arg-type]
    assert done.state == "undeliverable"
    assert isinstance(done.refused, Refused)
    assert done.refused.code == code


def test_who_is_told_that_it_is_refused_is_told_that_an_earlier_attempt_may_have_arrived() -> None:
    refused = Refused("mail-refused", NO_WAY.reason)
    sure, unsure = (results.of(job(unresolved=each), refused, POLICY) for each in (False, True))
    assert sure.refused == refused
    assert unsure.refused is not None
    assert unsure.refused.code == "mail-refused"
    assert unsure.refused.reason.en.startswith(NO_WAY.reason.en)
    assert "may have the invoice already" in unsure.refused.reason.en
    assert unsure.unresolved


def test_what_is_parked_waits_without_counting_as_a_failure() -> None:
    outcome = Parked("not-lawful-in-format", NO_WAY.reason)
    done = results.of(job(failures=19, unresolved=True), outcome, POLICY)
    assert (done.state, done.outcome, done.failed, done.refused) == ("parked", "refused", False, outcome)
    assert done.unresolved, "what became of the earlier attempt is still not known"
    assert done.wait == POLICY.patience


@given(st.text())
def test_strangers_words_fit_everywhere(text: str) -> None:
    line = results.line(text)
    assert len(line) <= 300
    assert line.isprintable()
    line.encode()
