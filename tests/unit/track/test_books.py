"""Where one invoice is by what everybody holds of it: what its messages say when a service has no record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.track import books
from services.track.books import Held, Place, Row, Seek, Traces

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
REJECTED, RECEIVED = UUID(int=1), UUID(int=2)
UNTOLD = Place("open", "validate", "untold", NOW)
NEWS = Seek(books.to_track("validate", "invoice.rejected"), NOW, UNTOLD)


def row(part: str, what: str, ref: UUID, *, place: str = "", at: datetime = NOW) -> Row:
    return Row(part, what, None, at, None, place, ref)


SENT = row("sent", "invoice.rejected.v1", REJECTED)


def test_another_fact_that_track_has_dealt_with_proves_nothing_about_this_one() -> None:
    """Every fact of an invoice goes to one queue, and its parts and retries are addressed to that."""
    other = row("sent", "track.facts", RECEIVED)
    assert books.follow(NEWS, Traces([SENT], [other], frozenset({RECEIVED})), NOW) == UNTOLD
    gone = books.follow(NEWS, Traces([SENT], [other], frozenset({REJECTED})), NOW)
    assert (gone.outcome, gone.why) == ("unaccounted", "fact")


@pytest.mark.parametrize(("ref", "outcome"), [(REJECTED, "open"), (RECEIVED, "unaccounted")])
@pytest.mark.parametrize("part", ["outbox", "dead"])
def test_only_its_own_retry_or_dead_letter_names_it(part: str, ref: UUID, outcome: str) -> None:
    what, place = ("track.facts", "") if part == "outbox" else ("KeyError", "track.facts")
    late = NOW + timedelta(hours=1)
    found = books.follow(NEWS, Traces([SENT], [row(part, what, ref, place=place)]), late)
    assert found.outcome == outcome


def test_a_dead_letter_that_goes_again_by_itself_is_open_until_then() -> None:
    again = NOW + timedelta(minutes=5)
    waits = Row("dead", "delivery-limit", 6, NOW, again, "validate.received", RECEIVED)
    found = books.follow(Seek(books.TO_VALIDATE, NOW), Traces([], [waits]), NOW)
    assert found == Place("open", "validate", "second-round", again)


@pytest.mark.parametrize(("age", "outcome"), [(6, "unaccounted"), (8, "open")])
def test_news_in_a_dead_letter_are_open_also_when_their_first_sending_is_long_ago(
    age: int, outcome: str
) -> None:
    """What was published is kept for a week, a dead letter until somebody comes."""
    news = Seek(NEWS.passage, NOW - timedelta(days=age), UNTOLD)
    letter = row("dead", "KeyError", REJECTED, place="track.facts")
    assert books.follow(news, Traces([], [letter]), NOW).outcome == outcome
    assert books.follow(news, Traces([], []), NOW).outcome == "unaccounted"


def test_a_retry_counts_also_when_its_first_sending_is_long_ago() -> None:
    seek = Seek(books.TO_VALIDATE, NOW)
    found = books.follow(seek, Traces([], [row("outbox", "validate.received", RECEIVED)]), NOW)
    assert (found.outcome, found.why) == ("open", "outbox")
    assert books.follow(seek, Traces([], []), NOW).outcome == "lost"


@pytest.mark.parametrize(
    ("channel", "twice"), [("folder", False), ("sftp", False), ("https", True), ("smtp", True)]
)
def test_two_receipts_are_two_hand_overs_but_where_a_name_stands_for_one(channel: str, twice: bool) -> None:
    """Whoever slept through its lease reads off that somebody else has put the pair there, and says so too."""
    receipts = [Row("receipt", "handed_over", number, NOW, None, None, RECEIVED) for number in (1, 2)]
    state = row("state", "handed_over", RECEIVED, place=f"{channel}:{UUID(int=3)}")
    assert books.duplicated(books.Held(deliver=[*receipts, state])) is twice


def _erased(**others: list[Row]) -> Held:
    return Held(ingest=[Row("state", "erased", 1, NOW, None, None, None)], **others)


def test_what_was_erased_is_in_no_book_unless_somebody_still_holds_it() -> None:
    assert books.over(_erased())
    for name in ("validate", "route", "deliver", "track"):
        held = _erased(**{name: [Row("state", "valid", 1, NOW, None, None, None)]})
        assert not books.over(held)
        seek = books.look(held)
        assert isinstance(seek, Seek)
        word = row("sent", "invoice.erased.v1", REJECTED)
        on_its_way = books.follow(seek, Traces([word], []), NOW)
        assert (on_its_way.outcome, on_its_way.why, on_its_way.service) == ("open", "erasing", name)
        assert seek.passage.queue == ("track.facts" if name == "track" else f"{name}.erased")
        dealt_with = books.follow(seek, Traces([word], [], frozenset({REJECTED})), NOW)
        assert (dealt_with.outcome, dealt_with.why) == ("unaccounted", "erasure")
        assert books.follow(seek, Traces([], []), NOW).outcome == "unaccounted"
