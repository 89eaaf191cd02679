"""Mails as they come, and as an attacker makes them."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from libs import clock
from libs.testing import builders
from services.ingest import mail
from services.ingest.smtp import submission_of


def message(*files: tuple[str, bytes, str]) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Message-ID"] = "a@example.com", "key@uploads.example", "<1@example.com>"
    made.set_content("Hierbij de factuur.")
    for name, data, subtype in files:
        made.add_attachment(data, maintype="application", subtype=subtype, filename=name)
    return made.as_bytes()


def test_attachments_come_out_as_they_went_in() -> None:
    xml = builders.invoice(number="F1")
    found = mail.read(message(("F1.xml", xml, "xml"), ("F1.pdf", b"%PDF-1.4", "pdf")))
    assert [(p.filename, p.data) for p in found.parts] == [("F1.xml", xml), ("F1.pdf", b"%PDF-1.4")]
    assert found.message_id == "<1@example.com>"


def test_a_name_is_only_a_name() -> None:
    (part,) = mail.read(message(("../../etc/passwd.xml", b"<a/>", "xml"))).parts
    assert part.filename == "passwd.xml"


def test_nested_comments_in_a_header_do_no_harm() -> None:
    raw = b"From: " + b"(" * 500 + b")" * 500 + b" <a@example.com>\r\n\r\nx"
    assert mail.read(raw).parts == ()


def test_a_mail_nested_beyond_reason_is_quarantined_whole() -> None:
    raw = b"x"
    for n in range(30):
        raw = (
            f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n'.encode()
            + raw
            + f"\r\n--b{n}--\r\n".encode()
        )
    with pytest.raises(mail.UnreadableMail):
        mail.read(raw)
    submission = submission_of(clock.uuid7(), raw, "a@example.com")
    assert [item.refused.code for item in submission.items if item.refused] == ["unreadable-mail"]
    assert submission.items[0].documents[0].data == raw


def test_a_mail_without_files_is_quarantined_with_what_to_do() -> None:
    submission = submission_of(clock.uuid7(), message(), None)
    (item,) = submission.items
    assert item.refused is not None
    assert item.refused.code == "no-invoice"


@pytest.mark.proves("R24")
def test_one_mail_may_hold_several_pairs() -> None:
    files = [(f"F{n}.xml", builders.invoice(number=f"F{n}"), "xml") for n in range(3)]
    submission = submission_of(clock.uuid7(), message(*files), None)
    assert [item.filename for item in submission.items] == ["F0.xml", "F1.xml", "F2.xml"]
