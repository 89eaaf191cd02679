"""Languages, dates, and that no page asks for a word that is not there."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.portal.shell import TONES
from services.portal.texts import STATUSES, choose, day, instant, texts


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "expected"),
    [
        (None, None, None, "nl"),
        (None, None, "en-GB,en;q=0.9", "en"),
        (None, None, "en;q=0.5, nl;q=0.9", "nl"),
        (None, None, "de, fr", "nl"),
        (None, None, "en;q=0", "nl"),
        (None, None, ";;q=x,en;q=nonsense", "nl"),
        (None, None, "EN", "en"),
        (None, "en", "nl", "en"),
        ("nl", "en", "en", "nl"),
        ("xx", "yy", "en", "en"),
    ],
)
def test_choose(asked: str | None, kept: str | None, accepted: str | None, expected: str) -> None:
    assert choose(asked, kept, accepted) == expected


def test_times_are_local_and_dates_are_as_they_are() -> None:
    assert instant(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "nl") == "2 jul 2026 00:30"
    assert instant(datetime(2026, 1, 1, 22, 30, tzinfo=UTC), "en") == "1 Jan 2026 23:30"
    assert day(date(2026, 3, 5), "nl") == "5 mrt 2026"


def test_both_languages_have_every_text() -> None:
    assert texts("nl").keys() == texts("en").keys()
    assert all(texts("nl").values())
    assert all(texts("en").values())


def test_the_filter_offers_what_an_invoice_can_become() -> None:
    """What nobody reports yet (imported, paid) would always be an empty page."""
    reported = {
        "received",
        "sent",
        "arrived",
        "parked",
        "rejected",
        "quarantined",
        "returned",
        "bounced",
        "undeliverable",
    }
    assert set(STATUSES) == reported


def test_every_status_to_filter_by_has_a_look() -> None:
    assert set(STATUSES) <= set(TONES)
