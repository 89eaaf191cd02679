"""What the suite says against mails to senders that are not as they should be."""

from __future__ import annotations

import pytest

from tests.crash import notices
from tests.crash.notices import Stored
from tests.crash.people import LATER, RECEIVERS, SENDER, Invoice, Notice

SENT = (
    Invoice("F1", b"<a/>", None, "api", RECEIVERS[0], lawful=False),
    Invoice("F2", b"<a/>", None, "api", LATER[0]),
    Invoice("F3", b"<a/>", None, "api", RECEIVERS[0]),
)
STORED = (Stored("1", "F1", "rejected"), Stored("2", "F2", "sent"), Stored("3", "F3", "arrived"))
ONE = Notice("<notice.1@hub>", "Rejected: invoice F1", (SENDER,), "1", announced=False)


def mail(
    key: str = ONE.key, subject: str = ONE.subject, *, to: str = SENDER, about: str = "1", again: bool = False
) -> Notice:
    return Notice(key, subject, (to,), about, again)


@pytest.mark.parametrize(
    ("mails", "cut", "said"),
    [
        ([ONE], 0, []),
        ([ONE, mail("<notice.2@hub>", "Waiting for you: invoice F2", about="2")], 0, []),
        ([ONE, mail(again=True)], 1, []),
        ([], 0, ["no notice: F1 is rejected"]),
        ([mail(to="in@smit.example")], 0, ["a notice to a stranger"]),
        ([ONE, mail("<notice.2@hub>")], 0, ["told twice: F1 is rejected, under 2 Message-IDs"]),
        ([ONE, mail(again=True)], 0, ["1 notices came again, only 0 were cut off"]),
        ([ONE, mail()], 1, ["a notice came 2 times and does not say so"]),
        ([ONE, mail("<notice.2@hub>", about="9")], 0, ["a notice about nothing"]),
        (
            [ONE, mail("<notice.2@hub>", "Waiting for you: invoice F3", about="3")],
            0,
            ["a false notice: F3 is arrived, its sender reads parked"],
        ),
    ],
)
def test_what_is_said(mails: list[Notice], cut: int, said: list[str]) -> None:
    found = notices.judge(mails, STORED, SENT, cut=cut)
    assert len(found) == len(said), found
    assert all(each.startswith(begin) for each, begin in zip(found, said, strict=True)), found
