"""Mails as they come, and as an attacker makes them."""

from __future__ import annotations

import email
from base64 import b64encode
from email.message import EmailMessage

import pytest

from libs import clock
from libs.testing import builders
from services.ingest.mailbox import mail, mailed
from services.ingest.uploads.intake import sort


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


def raw(*files: tuple[bytes, bytes]) -> bytes:
    """A mail as careless programs make it: names in raw bytes."""
    parts = [
        b"--b\r\nContent-Type: application/octet-stream\r\n"
        b'Content-Disposition: attachment; filename="' + name + b'"\r\n\r\n' + data
        for name, data in files
    ]
    head = b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + b"\r\n".join(parts) + b"\r\n--b--\r\n"


@pytest.mark.proves("R23")
@pytest.mark.parametrize("charset", ["latin-1", "utf-8"])
def test_8_bit_names_stay_different_names(charset: str) -> None:
    one, two = builders.invoice(number="F1"), builders.invoice(number="F2")
    found = mail.read(
        raw(
            ("é.xml".encode(charset), one), ("é.pdf".encode(charset), builders.pdf("x")),
            ("à.xml".encode(charset), two), ("à.pdf".encode(charset), builders.pdf("y")),
        )
    )  # fmt: skip
    uploads = sort(found.parts).uploads
    assert [(u.original.filename, u.pdf.data if u.pdf else None) for u in uploads] == [
        ("é.xml", builders.pdf("x")), ("à.xml", builders.pdf("y")),
    ]  # fmt: skip


@pytest.mark.proves("R23")
def test_names_in_encoded_words_are_names() -> None:
    word = "=?UTF-8?B?" + b64encode("factuur één.xml".encode()).decode() + "?="
    found = mail.read(
        raw(
            (word.encode(), builders.invoice()), (b"=?utf-8?Q?factuur_=C3=A9=C3=A9n?=.pdf", builders.pdf("x"))
        )
    )
    (upload,) = sort(found.parts).uploads
    assert upload.original.filename == "factuur één.xml"
    assert upload.pdf is not None


def test_rfc_2231_names_are_names() -> None:
    part = (
        b"Content-Disposition: attachment; filename*0*=utf-8''factuur%20; filename*1*=%C3%A9.xml\r\n\r\n<a/>"
    )
    (found,) = mail.read(part).parts
    assert found.filename == "factuur é.xml"


def test_a_name_is_only_a_name() -> None:
    (part,) = mail.read(message(("../../etc/passwd.xml", b"<a/>", "xml"))).parts
    assert part.filename == "passwd.xml"


def test_nested_comments_in_a_header_do_no_harm() -> None:
    raw = b"From: " + b"(" * 500 + b")" * 500 + b" <a@example.com>\r\n\r\nx"
    assert mail.read(raw).parts == ()


def nested(depth: int, lines: int) -> bytes:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return head + b"\r\n" + b"--\r\n" * lines


BOMBS = {
    "nested multiparts": nested(200, 10),
    "lines times multiparts": nested(90, 100_000),
    "one-byte lines": b"A: b\r\n\r\n" + b"\n" * (mail.MAX_LINES + 1),
    "bare carriage returns": b"A: b\r\n\r\n" + b"\r" * (mail.MAX_LINES + 1),
    "nested messages": b"Content-Type: message/rfc822\r\n\r\n" * 3000,
}
LONG_HEADERS = {
    "parameters": b'Content-Type: multipart/mixed; x="' + b";" * 5000 + b"\r\n\r\nx",
    "continuations": b"Content-Disposition: attachment;\r\n" + b" filename*0=a;\r\n" * 300 + b"\r\nx",
    "a long name": b"Content-Disposition: attachment; filename=" + b"a" * 9000 + b"\r\n\r\nx",
    "a long header": b"Subject: " + b"a" * 70_000 + b"\r\n\r\nx",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_mail_bomb_never_reaches_the_parser(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object, **__: object) -> None:
        raise AssertionError("the parser was asked")

    monkeypatch.setattr("email.message_from_bytes", parse)
    with pytest.raises(mail.UnreadableMail):
        mail.read(BOMBS[bomb])


@pytest.mark.parametrize("header", LONG_HEADERS)
def test_a_header_beyond_reason_is_not_taken_apart(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def take_apart(*_: object, **__: object) -> None:
        raise AssertionError("the header was taken apart")

    monkeypatch.setattr("email.message._parseparam", take_apart)
    with pytest.raises(mail.UnreadableMail):
        mail.read(LONG_HEADERS[header])


def test_the_largest_honest_mail_passes_the_gate() -> None:
    base64 = (b"A" * 76 + b"\r\n") * 330_000
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative\r\n"
    mail.bound(head + base64)


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
    submission = mailed.read(raw).submission(clock.uuid7(), "a@example.com")
    assert [item.refused.code for item in submission.items if item.refused] == ["unreadable-mail"]
    assert submission.items[0].documents[0].data == raw


def test_a_mail_without_files_is_quarantined_with_what_to_do() -> None:
    submission = mailed.read(message()).submission(clock.uuid7(), None)
    (item,) = submission.items
    assert item.refused is not None
    assert item.refused.code == "no-invoice"


@pytest.mark.proves("R24")
def test_one_mail_may_hold_several_pairs() -> None:
    files = [(f"F{n}.xml", builders.invoice(number=f"F{n}"), "xml") for n in range(3)]
    submission = mailed.read(message(*files)).submission(clock.uuid7(), None)
    assert [item.filename for item in submission.items] == ["F0.xml", "F1.xml", "F2.xml"]


def large(seed: int) -> bytes:
    return bytes(seed + at * at % 251 & 255 for at in range(5000))


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("encoding", [b"base64", b"7bit", b"quoted-printable", b"8bit"])
def test_base64_that_the_parser_never_saw_comes_out_as_it_was(encoding: bytes, end: bytes) -> None:
    body = b64encode(large(1)) if encoding == b"base64" else b"A" * 70
    lines = [body[at : at + 76] for at in range(0, len(body), 76)] * (1 if encoding == b"base64" else 30)
    odd = b"caf\xe9" if encoding == b"8bit" else b"cafe"
    text = end.join([odd, *lines, odd] if encoding != b"base64" else lines)
    raw = end.join(
        [b"Content-Type: multipart/mixed; boundary=b", b"", b"--b", b"Content-Type: application/x-a",
         b"Content-Transfer-Encoding: " + encoding, b"", text, b"--b", b"Content-Type: application/x-b", b"",
         *[b"Q" * 76] * 9, b"--b--", *[b"R" * 76] * 9]
    )  # fmt: skip
    assert mail.Packed(raw).text.count(b"QQ") == 0
    one, two = mail.read(raw).parts
    expected = large(1) if encoding == b"base64" else text
    assert one.data == expected
    assert two.data == end.join([b"Q" * 76] * 9)


def test_a_header_is_no_base64_however_it_looks() -> None:
    raw = b"Content-Type: application/xml\r\n" + (b"A" * 76 + b"\r\n") * 20 + b"\r\n<a/>"
    plain = email.message_from_bytes(raw).get_payload(decode=True)
    assert [part.data for part in mail.read(raw).parts] == [plain]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"QQ==",
        b"QUI=",
        b"QQ",
        b"Q",
        b"=",
        b"QQ==QQ==",
        b"Q=Q=",
        b"QQ== ",
        b"caf\xe9",
        b"--",
        b"QUJD",
        b"====",
    ],
)
def test_base64_is_decoded_as_the_library_does(tail: bytes, end: bytes) -> None:
    head = b"Content-Type: application/xml" + end + b"Content-Transfer-Encoding: base64" + end * 2
    for runs in ([30], [30, 30]):
        raw = head + (b"--" + end).join(end.join([b"QUJD" * 19] * run) + end for run in runs) + tail + end
        plain = email.message_from_bytes(raw).get_payload(decode=True)
        assert [part.data for part in mail.read(raw).parts] == [plain], (tail, runs)
