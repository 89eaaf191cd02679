"""What a sender reads of a delivery into somebody else's books: that it waits for its receiver, or is in, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from libs.contracts.envelope import Event
from libs.contracts.parts import Words
from services.deliver import facts, results, store
from services.deliver.channels import sftp
from services.deliver.exact import outcomes, reports
from services.deliver.exact.channel import ExactChannel
from services.deliver.exact.kinds import Kind
from services.deliver.exact.trouble import Denied, Lapsed
from services.deliver.parcel import HandedOver, Loaded, Outcome, Parked
from services.deliver.receivers import http_replies
from services.deliver.views import at_their_server
from services.track import facts as track
from tests.unit.deliver.sample import job
from tests.unit.deliver.stories import POLICY

SAID = "Geheim van de boeken"
WHERE = "purchaseentry/PurchaseEntries"
NOW = datetime(2026, 11, 2, 9, 14, tzinfo=UTC)
TEXTS = [
    "Period 2026/10 is closed", "VATCode 77", "VATAmount 1", "Amount 1", "Supplier is blocked", "Journal 60",
    "GLAccount 4500", "nobody knows",
]  # fmt: skip
REFUSED = [
    *(
        outcomes.of(Denied(400, WHERE, f"{text}: {SAID}"), NOW, writing=False, resolved=True)
        for text in TEXTS
    ),
    outcomes.of(Denied(403, WHERE, SAID), NOW, writing=False, resolved=True),
    outcomes.of(Lapsed("exact-renewal-lost", Words(nl=SAID, en=SAID)), NOW, writing=False, resolved=True),
    outcomes.OTHER_DIVISION,
    outcomes.NO_LINK,
]


class Saying(ExactChannel):
    """The channel, with books that always end so."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(cast("Any", None), cast("Any", None), timedelta())
        self.outcome = outcome

    async def book(self, each: Loaded, party_id: UUID, kind: Kind) -> Outcome:
        return self.outcome


async def told(outcome: Outcome) -> tuple[Event, store.Result]:
    """The fact of an attempt that ended so in the receiver's books, and what is written down of it."""
    loaded = Loaded(job("exact_online"), b"<Invoice/>", None)
    ((ended,),) = [done async for done in Saying(outcome).deliver([loaded])]
    found = ended[1]
    result = results.of(loaded.job, found, POLICY)
    event = facts.ended(loaded.job, result, 1, found)
    assert event is not None
    return event, result


@pytest.mark.parametrize("outcome", REFUSED, ids=lambda each: each.code)
async def test_no_word_of_the_receivers_books_is_told_its_sender(outcome: Parked) -> None:
    event, result = await told(outcome)
    data = cast("Any", event.data)
    assert (data.code, data.reason) == ("receiver-must-act", outcomes.RECEIVER_ACTS.reason)
    shown = track.words(data)
    for text in (event.data.model_dump_json(), shown.nl, shown.en):
        for inside in (SAID, WHERE, outcome.code, "division", "administratie", "stap 3"):
            assert inside not in text
    # The receiver and operators have it whole.
    kept = store.reason_of(result.refused)
    assert kept is not None
    assert kept["receiver"] == {"code": outcome.code, **outcome.reason.model_dump()}
    assert {kept["code"], kept["nl"], kept["en"]} == {data.code, data.reason.nl, data.reason.en}
    assert result.code == outcome.code


@pytest.mark.parametrize(
    ("outward", "receipt"),
    [("Exact Online: entry 7", "Exact Online: entry 7"), (None, "Exact Online")],
)
async def test_a_receipt_names_no_division_and_no_differences(outward: str | None, receipt: str) -> None:
    """Also of a booking that forgot to say what may be told."""
    event, result = await told(HandedOver(f"entry 7 in De Jong BV; differs: {SAID}", outward=outward))
    assert cast("Any", event.data).receipt == receipt
    assert SAID in result.detail


def test_imported_carries_number_and_time_and_no_more() -> None:
    row = {
        "invoice_id": UUID(int=1), "account_id": UUID(int=2), "sequence": 2, "delivery_id": UUID(int=3), "attempts": 1,
        "channel": "exact_online", "receiver_id": UUID(int=4), "receiver_name": "Jong BV", "correlation": None,
        "traceparent": None,
    }  # fmt: skip
    said = {
        "entry_number": "26600001", "division": 987, "booked_at": NOW, "read_at": NOW, "left_out": [],
        "differences": [{"field": "DueDate", "line": None, "sent": "a", "booked": SAID}],
    }  # fmt: skip
    confirmed, imported = reports.events(row, said)
    data = cast("Any", imported.data)
    assert (data.entry_number, data.booked_at) == ("26600001", NOW)
    for event in (confirmed, imported):
        text = event.data.model_dump_json()
        assert not [inside for inside in (SAID, "987", "DueDate", "differ") if inside in text]


def tried(*attempts: tuple[str, str | None, str | None]) -> list[dict[str, Any]]:
    """Outcome, code and detail of each."""
    return [
        {"number": n, "outcome": outcome, "code": code, "detail": detail}
        for n, (outcome, code, detail) in enumerate(attempts, 1)
    ]


def details(channel: str, *attempts: tuple[str, str | None, str | None]) -> list[str | None]:
    shown = at_their_server(channel, tried(*attempts))
    assert [each["code"] for each in shown] == [code for _, code, _ in attempts]
    return [each["detail"] for each in shown]


@pytest.mark.parametrize("status", [202, 302, 404, 413, 429, 503])
def test_of_what_a_receivers_program_said_its_sender_reads_the_status(status: int) -> None:
    loaded = job("https")
    outcome = http_replies.meaning(status, {}, SAID.encode(), NOW, again=False)
    result = results.of(loaded, outcome, POLICY)
    assert result.detail == f"{status} {SAID}", "operators and the receiver have it whole"
    assert details("https", (result.outcome, result.code, result.detail)) == [f"HTTP {status}"]
    event = facts.ended(loaded, result, 1, outcome)
    if event is not None:
        assert SAID not in event.data.model_dump_json()
    if status == 202:
        assert cast("Any", event).data.receipt == "HTTP 202"


def test_of_what_a_receivers_server_said_its_sender_reads_the_code() -> None:
    assert details(
        "sftp",
        ("failed", "folder-trouble", f"SFTPFailure: {SAID}"),
        ("unknown", "no-answer", f"ConnectionLost: {SAID}"),
        ("refused", "host-key-changed", SAID),
        ("not_begun", None, "the lease ran out"),
        ("handed_over", None, "2026-11-02_F1.xml"),
    ) == [None, None, None, "the lease ran out", "2026-11-02_F1.xml"]
    assert details("https", ("unknown", "no-answer", f"503: {SAID}"), ("failed", "https-trouble", "5")) == [
        None, None,
    ]  # fmt: skip


def test_what_was_tried_there_before_it_went_by_mail_is_shown_so_too() -> None:
    by_mail = ("failed", "mailbox-full", "452 4.2.2 Over quota")
    assert details(
        "smtp",
        ("unknown", "no-answer", SAID),
        ("failed", "https-trouble", f"500 {SAID}"),
        by_mail,
        ("handed_over", None, "250 Kept"),
    ) == [None, "HTTP 500", by_mail[2], "250 Kept"]


@pytest.mark.parametrize("channel", ["smtp", "folder", "pull"])
def test_what_mail_servers_and_the_hubs_own_disk_say_is_shown(channel: str) -> None:
    assert details(channel, ("unknown", "no-answer", "gone"), ("refused", "recipient-refused", "550 Who?")) == [
        "gone", "550 Who?",
    ]  # fmt: skip


@pytest.mark.parametrize("why", [sftp.CHANGED, http_replies.NOT_PUBLIC], ids=lambda each: each.code)
def test_elsewhere_too_each_side_reads_its_own_words_under_one_code(why: Parked) -> None:
    assert why.outward is not None
    assert why.outward.code == why.code
    assert why.outward.reason.nl.startswith(("De SFTP-server van de ontvanger", "Het adres van de ontvanger"))
    assert why.reason.nl.startswith(("Uw SFTP-server", "Het adres van uw koppeling"))
