"""Two programs never write to each other for ever: what a program mails is kept, and nobody is mailed about it."""

from __future__ import annotations

import pytest

from libs import clock
from libs.contracts.invoice import InvoiceQuarantined, InvoiceReceived
from libs.testing import builders
from services.ingest.mailbox import mailed
from services.ingest.uploads.submissions import Submission

XML = builders.invoice(number="F1")
NOTICE = b"From: Postbode <noreply@hub.example>\r\nAuto-Submitted: auto-generated\r\n\r\nNiet aangenomen"
SUPPLIER = "boekhouding@bakker.example"


def taken(raw: bytes, sender: str | None = SUPPLIER) -> Submission:
    return mailed.read(raw).submission(clock.uuid7(), sender)


def silent(submission: Submission) -> list[bool]:
    return [e.silent for item in submission.items if isinstance(e := item.event.data, InvoiceQuarantined)]


def attached(data: bytes, headers: bytes = b"", kind: bytes = b"multipart/mixed") -> bytes:
    return (
        headers
        + b"Content-Type: "
        + kind
        + b"; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nBeste\r\n"
        b'--b\r\nContent-Type: application/xml; name="a.xml"\r\n\r\n' + data + b"\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    ("headers", "sender", "expected"),
    [
        (b"Auto-Submitted: auto-generated\r\n", SUPPLIER, True),
        (b"AUTO-SUBMITTED: Auto-Replied (vacation); owner=x\r\n", SUPPLIER, True),
        (b"", "<>", True), (b"", "", True),
        (b"Subject: x\r\nAuto-Submitted:\r\n auto-replied\r\n", SUPPLIER, True),
        (b"Precedence: list\r\n", SUPPLIER, True), (b"precedence: auto_reply\r\n", SUPPLIER, True),
        (b"List-Id: <leden.example>\r\n", SUPPLIER, True),
        (b"Postbode-Invoice: 1\r\n", SUPPLIER, True),
        (b"Message-ID: <notice.1@hub.example>\r\n", SUPPLIER, True),
        (b"In-Reply-To: <notice.1@hub.example>\r\n", SUPPLIER, False),
        (b"Precedence: bulk\r\nList-Unsubscribe: <mailto:x@y.example>\r\n", SUPPLIER, False),
        (b"Auto-Submitted: no\r\n", SUPPLIER, False),
        (b"Auto-Submitted: no; x=y\r\n", SUPPLIER, False),
        (b"Subject: auto-submitted: auto-replied\r\n", SUPPLIER, False),
        (b"", SUPPLIER, False),
        (b"", None, False),
    ],
)  # fmt: skip
def test_a_refusal_is_silent_when_a_program_wrote(headers: bytes, sender: str | None, expected: bool) -> None:
    assert silent(taken(attached(b"<html/>", headers), sender)) == [expected]
    assert silent(taken(headers + b"Subject: x\r\n\r\nBeste", sender)) == [expected]


def test_the_hubs_own_notice_is_kept_in_silence() -> None:
    submission = taken(NOTICE)
    assert silent(submission) == [True]
    assert submission.items[0].documents[0].data == NOTICE


def test_a_mail_that_cannot_be_read_says_so_of_itself_all_the_same() -> None:
    bomb = b"Content-Type: message/rfc822\r\n\r\n" * 3000
    assert silent(taken(b"Auto-Submitted: auto-replied\r\n" + bomb)) == [True]
    assert silent(taken(bomb + b"Auto-Submitted: auto-replied\r\n")) == [False]


def test_invoices_that_a_program_mails_are_taken() -> None:
    submission = taken(attached(XML, b"Auto-Submitted: auto-generated\r\n"))
    assert [item.upload is not None for item in submission.items] == [True]


@pytest.mark.parametrize("sender", ["<>", SUPPLIER])
def test_an_invoice_in_a_bounce_is_not_handed_over(sender: str) -> None:
    raw = attached(XML, kind=b"multipart/report; report-type=delivery-status")
    submission = taken(raw, sender)
    (item,) = submission.items
    assert item.refused is not None
    assert (item.refused.code, item.refused.part.data) == ("mail-report", raw)
    assert silent(submission) == [True]


@pytest.mark.parametrize(("own", "expected"), [((), SUPPLIER), (("bakker.example",), None)])
def test_a_proven_from_is_told_unless_it_is_the_hub_itself(
    own: tuple[str, ...], expected: str | None
) -> None:
    raw = f"From: {SUPPLIER}\r\nAuthentication-Results: mx.hub.example; dmarc=pass\r\n".encode()
    read = mailed.read(attached(XML, raw), "mx.hub.example")
    submission = read.submission(clock.uuid7(), SUPPLIER, own=own)
    told = [event.data for event in (item.event for item in submission.items)]
    assert [each.reply_to for each in told if isinstance(each, InvoiceReceived)] == [expected]


def test_a_receipt_is_silent_too_when_a_program_wrote() -> None:
    raw = attached(XML, b"Auto-Submitted: auto-generated\r\n")
    told = [item.event.data for item in taken(raw).items]
    assert [each.silent for each in told if isinstance(each, InvoiceReceived)] == [True]
