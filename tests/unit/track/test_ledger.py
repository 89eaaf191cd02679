"""What the ledger says, to people, machines and whoever watches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from libs.testing.spans import recording
from services.track import bookkeeper, books, ledger_words
from services.track.books import Place
from services.track.ledger import Ledger
from services.track.ledger_cli import as_dict, lines

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
LOST, LATE, TWICE = UUID(int=1), UUID(int=2), UUID(int=3)


def crooked() -> Ledger:
    """One of each trouble, and one parked."""
    found = Ledger(NOW)
    found.add(LOST, Place("lost", "deliver", "delivery", NOW), twice=False)
    found.add(LATE, Place("unaccounted", "route", "not-taken-up", NOW), twice=False)
    found.add(TWICE, Place("delivered", "deliver", "handed_over", NOW), twice=True)
    found.add(UUID(int=4), Place("open", "route", "parked", NOW), twice=False)
    found.add(UUID(int=5), Place("open", "deliver", "parked", NOW), twice=False)
    return found


def test_machines_get_the_fields_of_the_ledger_and_every_invoice_by_its_id() -> None:
    said = json.loads(json.dumps(as_dict(crooked())))
    invoices = said.pop("invoices")
    assert said == {
        "acknowledged": 5, "delivered": 1, "returned": 0, "open": 2, "lost": 1, "duplicated": 1, "unaccounted": 1,
    }  # fmt: skip
    assert {(each["invoice_id"], each["problem"]) for each in invoices} == {
        (str(LOST), "lost"), (str(LATE), "unaccounted"), (str(TWICE), "duplicated"),
    }  # fmt: skip
    assert as_dict(Ledger(NOW))["invoices"] == []


@pytest.mark.parametrize(
    ("lang", "sums", "next_step"),
    [
        ("nl", "kwijt 1 · dubbel 1 · onverklaard 1", "postbode redrive --invoice"),
        ("en", "lost 1 · duplicated 1 · unaccounted 1", "Tell the receiver"),
    ],
)
def test_people_read_what_is_wrong_and_what_to_do(lang: str, sums: str, next_step: str) -> None:
    said = "\n".join(lines(crooked(), lang))
    assert sums in said
    assert next_step in said
    assert "postbode parked list" in said
    assert "postbode delivery list --state parked" in said
    for invoice_id in (LOST, LATE, TWICE):
        assert str(invoice_id) in said
    assert ("De boeken kloppen" in said, "The books balance" in said) == (False, False)
    well = "\n".join(lines(Ledger(NOW), lang))
    assert ("De boeken kloppen" in well) == (lang == "nl")


def test_every_place_has_words_in_both_languages() -> None:
    reasons = {
        "twice",
        "parked-row",
        "attempt",
        "status",
        "fact",
        "event",
        "repeat",
        "not-taken-up",
        "dropped",
    }
    for why in reasons | set(books.RECORD.values()):
        words = ledger_words.missing(LOST, Place("lost", "deliver", why, NOW))
        assert words.nl != words.en
        assert "{" not in words.nl + words.en


def test_gauges_are_set_and_trouble_is_named_in_the_log() -> None:
    with recording(), capture_logs() as logged:
        bookkeeper.tell(Ledger(NOW, delivered=7))
        assert logged == []
        bookkeeper.tell(crooked())
        shown = generate_latest().decode()
    assert [each["lost"] for each in logged] == [1]
    assert str(LOST) in logged[0]["invoices"]
    taken = next(line for line in shown.splitlines() if line.startswith("postbode_ledger_taken_seconds"))
    assert float(taken.split()[-1]) == NOW.timestamp(), "who watches must see that the figures are old"
    for outcome in ("lost", "duplicated", "unaccounted"):
        assert any(
            line.startswith("postbode_ledger") and f'outcome="{outcome}"' in line and line.endswith(" 1.0")
            for line in shown.splitlines()
        ), outcome
