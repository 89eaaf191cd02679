"""What the suite says against mails to senders that are not as they should be."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.contracts.parts import Words
from services.track import listing
from services.track.listing import Told
from services.track.notices import Kind
from services.track.status import show
from tests.crash import notices
from tests.crash.notices import Stored
from tests.crash.people import LATER, RECEIVERS, SENDER, Invoice
from tests.crash.receivers import Notice, listed

SENT = (
    Invoice("F1", b"<a/>", None, "api", RECEIVERS[0], lawful=False),
    Invoice("F2", b"<a/>", None, "api", LATER[0]),
    Invoice("F3", b"<a/>", None, "api", RECEIVERS[0]),
    Invoice("F4", b"<a/>", None, "mail", RECEIVERS[0]),
)
KINDS: tuple[Kind, ...] = ("rejected", "rejected", "receipt")
STORED = (
    Stored("1", "F1", "rejected"), Stored("2", "F2", "sent"), Stored("3", "F3", "arrived"),
    Stored("4", "F4", "arrived"),
)  # fmt: skip
ONE = Notice("<notice.1@hub>", "Rejected: invoice F1", (SENDER,), "1", announced=False)


def mail(
    key: str = ONE.key, subject: str = ONE.subject, *, to: str = SENDER, about: str = "1", again: bool = False,
    mail: int = 1,
) -> Notice:  # fmt: skip
    return Notice(key, subject, (to,), about, again, mail)


@pytest.mark.parametrize(
    ("mails", "cut", "said"),
    [
        ([ONE], {}, []),
        ([ONE, mail("<notice.2@hub>", "Waiting for you: invoice F2", about="2")], {}, []),
        ([ONE, mail(again=True)], {"1": 1}, []),
        (
            [ONE, mail(again=True)],
            {"2": 1},
            ["a notice came again, not cut off: <notice.1@hub> came 2 times"],
        ),
        ([], {}, ["no notice: F1 is rejected"]),
        ([mail(to="in@smit.example")], {}, ["a notice to a stranger"]),
        ([ONE, mail("<notice.2@hub>")], {}, ["told twice: F1 is rejected, under 2 Message-IDs"]),
        ([ONE, mail(again=True)], {}, ["a notice came again, not cut off"]),
        ([ONE, mail()], {"1": 1}, ["a notice came 2 times and does not say so"]),
        ([ONE, mail("<notice.2@hub>", about="9")], {}, ["a notice about nothing"]),
        (
            [ONE, mail("<notice.2@hub>", "Waiting for you: invoice F3", about="3")],
            {},
            ["a false notice: F3 is arrived, its sender reads parked"],
        ),
        (
            [ONE, mail("<notice.2@hub>", "Received: invoice F3", about="3")],
            {},
            ["a false notice: F3 is arrived"],
        ),
        ([ONE, mail(about="3", mail=0)], {}, ["a false notice: F3 is arrived, its sender reads rejected"]),
    ],
)
def test_what_is_said(mails: list[Notice], cut: dict[str, int], said: list[str]) -> None:
    receipt = mail("<notice.9@hub>", "Received: invoice F4", about="4", mail=9)
    found = notices.judge([*mails, receipt], STORED, SENT, cut=cut)
    assert len(found) == len(said), found
    assert all(each.startswith(begin) for each, begin in zip(found, said, strict=True)), found


def test_who_mailed_an_invoice_has_a_receipt_or_reads_what_is_wrong_with_it() -> None:
    assert notices.judge([ONE], STORED, SENT, cut={}) == ["no receipt: F4 came by mail"]
    lost = (*STORED[:3], Stored("4", "F4", "undeliverable"))
    assert (
        notices.judge([ONE, mail("<notice.2@hub>", "Not delivered: F4", about="4")], lost, SENT, cut={}) == []
    )


def test_a_list_is_read_line_by_line() -> None:
    j = UUID(int=1)
    shown = show({"validation": {"axis": "validation", "sequence": 1, "event_id": "1", "value": "invalid",
                                 "at": "2026-11-03T09:00:00+00:00", "source": "x", "nl": "nee", "en": "no"}})  # fmt: skip
    told = [Told(kind, UUID(int=n), shown, Words(nl="nee", en="no")) for n, kind in enumerate(KINDS)]
    text = listing.text(listing.List(j, told, 0, "Bos", SENDER, "en", "http://hub.example"))
    found = [Notice("<notices.1@hub>", subject, (SENDER,), about, False) for subject, about in listed(text)]
    assert [(notices.kind_of(each), UUID(each.about).int) for each in found] == [
        ("rejected", 0), ("rejected", 1), ("receipt", 2),
    ]  # fmt: skip
