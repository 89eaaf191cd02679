"""Broken mails, over a real connection: an answer that is documented, and nothing kept as an invoice that is none.

``POSTBODE_MAILS`` sets how many (1,000; the soak takes 20,000).
"""

from __future__ import annotations

import base64
import os
import random
import re
from collections import Counter

import orjson
import pytest

from libs.einvoice.formats.eexact import Sender
from libs.testing import builders
from libs.testing.broken import mutant
from libs.testing.eexact import file
from services.ingest.mailbox import mailed, smtp
from services.ingest.uploads.submissions import Submission
from tests.fuzz.ingest.door import are_invoices, packed
from tests.unit.ingest.postbox import Boxes, line, office

MANY = int(os.environ.get("POSTBODE_MAILS", "1000"))
XML, PDF = builders.invoice(number="F1"), builders.pdf("F1")
DOCUMENTED = {"250", "550", "552"}
"""Of a mail to a mailbox that is there, while everything works. (552 is for what is too large.)"""


def attached(name: str, data: bytes, kind: str = "application/xml") -> bytes:
    head = f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + base64.encodebytes(data).replace(b"\n", b"\r\n")


def whole(*parts: bytes) -> bytes:
    head = b"From: a@b.example\r\nMessage-ID: <1@b.example>\r\nMIME-Version: 1.0\r\nSubject: =?utf-8?q?F=C3=A9?=\r\n"
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--"


TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nBijgaand.\r\n"
RAW = b"Content-Type: text/xml\r\nContent-Disposition: attachment; filename*=utf-8''F%C3%A9.xml\r\n\r\n"
ZIP = packed(("F1.xml", XML), ("F1.pdf", PDF))
SOURCES = (
    whole(TEXT, attached("F1.xml", XML), attached("F1.pdf", PDF, "application/pdf")),
    whole(TEXT, RAW + XML.replace(b"\n", b"\r\n")),
    whole(attached("facturen.zip", ZIP, "application/zip")),
    whole(attached("globe.xml", file()), attached("los.pdf", PDF, "application/pdf")),
    whole(b"Content-Type: message/rfc822\r\n\r\n" + whole(TEXT, attached("F1.xml", XML)) + b"\r\n"),
    b"Content-Type: application/xml\r\n\r\n" + XML.replace(b"\n", b"\r\n"),
)
NASTY = (
    b"(" * 600 + b")", b"=?utf-8?b?////?=", b"=?x?q?=00?=", b"\x00", b"\n", b"\r", b"\r\n", b"\r\n.\r\nMAIL FROM:<>\r\n",
    b"\r\n\r\n", b"--b", b"--b--", b"\xff\xfe", b"\xe2\x80\xae", b"; name*0*=utf-8''%00", b"boundary=", b"multipart/",
    b"Content-Transfer-Encoding: uuencode\r\n", b"Content-Type: message/partial\r\n", b"charset=utf-7", b"PK\x03\x04",
    b"Auto-Submitted: no", b"%PDF-", b"<!DOCTYPE x>", b"=00=0A", b'"', b";" * 300, b"a" * 9000,
)  # fmt: skip


def broken(seed: int) -> bytes:
    """One mail: its files broken, or the mail itself, or both."""
    draw = random.Random(seed)
    data = SOURCES[seed % len(SOURCES)]
    if draw.random() < 0.4:
        hurt = mutant(XML, seed)
        hurt_zip = packed((draw.choice(["F1.xml", "../F1.xml", "a/F1.xml", "F1.pdf"]), hurt))
        data = whole(attached("F1.xml", hurt), attached("F1.pdf", PDF[: draw.randrange(len(PDF))]))
        if draw.random() < 0.3:
            data = whole(attached("f.zip", hurt_zip[: draw.randrange(1, len(hurt_zip) + 1)]))
    for _ in range(draw.choice([0, 1, 1, 2, 5])):
        at = draw.randrange(len(data) if draw.random() < 0.5 else min(400, len(data)))
        match draw.randrange(5):
            case 0:
                data = data[:at] + draw.choice(NASTY) + data[at:]
            case 1:
                data = data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
            case 2:
                data = data[:at] + data[at + draw.randrange(1, 200) :]
            case 3:
                lines = data.split(b"\r\n")
                some = draw.randrange(len(lines))
                data = b"\r\n".join([*lines[:some], *lines[some : some + 3] * 2, *lines[some + 3 :]])
            case _:
                data = data[: max(1, at)]
    return data


def looked_at(submission: Submission) -> None:
    """What was kept can be stored and shown, and its invoices are invoices."""
    assert submission.mail is not None
    text = orjson.dumps([submission.mail.facts, submission.mail.sender, submission.mail.message_id])
    assert b"\\u0000" not in text
    are_invoices(submission)


async def test_every_broken_mail_is_answered_and_no_junk_is_an_invoice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without the net below it: what nobody foresaw would be 451 here.
    monkeypatch.setattr(smtp, "_read", mailed.read)

    async def seller(*_: object) -> Sender:
        return Sender("Bakker")

    monkeypatch.setattr("services.ingest.access.accounts.sender", seller)
    boxes, codes = Boxes(), Counter[str]()
    async with office(boxes) as at:
        seeds = iter(range(MANY))
        while (seed := next(seeds, None)) is not None:
            async with line(at.smtp) as sender:
                for number in range(seed, min(seed + 200, MANY)):
                    text = re.sub(rb"(?m)^\.", b"..", broken(number)) if number % 10 else broken(number)
                    said = await sender.mail(text)
                    codes[said[:3]] += 1
                    if said[:3] == "503":
                        # A final dot of its own in the middle: the rest came too early, and is no mail.
                        break
                    assert said[:3] in DOCUMENTED, (number, said)
                    next(seeds, None) if number > seed else None
    for submission in boxes.kept:
        looked_at(submission)
    assert codes["250"] == len(boxes.kept) > MANY / 4
    assert codes["550"] > MANY / 20
    assert any(item.upload for submission in boxes.kept for item in submission.items)
