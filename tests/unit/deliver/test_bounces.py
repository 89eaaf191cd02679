"""Mails that come back, in the shapes servers give them; all written here, none anybody's."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deliver.email.bounces import MOST_BYTES, Answer, read

SHAPES = Path(__file__).parent / "bounces"

MEANS = {
    "a-person-writes": ("other", "", "Re: Factuur F1 van Bakker"),
    "exchange-dutch-without-report": ("hard", "5.1.1", "Het e-mailadres is onbekend bij deze organisatie."),
    "exchange-not-found": ("hard", "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
    "exchange-out-of-office": ("reply", "", "Automatisch antwoord: Factuur F1 van Bakker"),
    "exchange-too-large": ("hard", "5.2.3", "550 5.2.3 RESOLVER.RST.RecipSizeLimit"),
    "exim-text": ("hard", "5.7.1", "550 5.7.1 Our rules refuse this"),
    "french-without-a-code": ("hard", "5.1.1", "Le destinataire factures@dupont.example est inconnu."),
    "gmail-no-such-user": ("hard", "5.1.1", "550-5.1.1 The email account that you tried to reach does not exist."),
    "gmail-over-quota": ("soft", "4.2.2", "452-4.2.2 The recipient's inbox"),
    "one-of-several-refused": ("delivered", "2.1.5", "250 2.1.5 Els has it"),
    "postfix-delayed": ("delayed", "4.4.1", "connect to mx.dejong.example: Connection refused"),
    "postfix-delivered": ("delivered", "2.0.0", "250 2.0.0 Saved"),
    "postfix-gave-up": ("soft", "4.4.1", "connect to mx.dejong.example[192.0.2.7]:25: Connection timed out"),
    "postfix-mailbox-full": ("soft", "5.2.2", "552 5.2.2 <in@dejong.example>: user is over quota"),
    "postfix-no-such-user": ("hard", "5.1.1", "550 5.1.1 <in@dejong.example>: Recipient address rejected: User unknown"),
    "postfix-passed-on": ("other", "2.0.0", "relayed 250 OK"),
    "qmail-text": ("hard", "5.1.1", "Sorry, no such mailbox here by that name. (#5.1.1)"),
    "read-receipt": ("reply", "", "Read: Factuur F1"),
    "vacation": ("reply", "", "Re: Factuur F1"),
}  # fmt: skip


def test_every_shape_has_its_meaning_here() -> None:
    assert {path.stem for path in SHAPES.glob("*.eml")} == MEANS.keys()


@pytest.mark.proves("R56")
@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_what_it_says(name: str, ends: bytes) -> None:
    kind, status, said = MEANS[name]
    found = read((SHAPES / f"{name}.eml").read_bytes().replace(b"\n", ends))
    assert (found.kind, found.status, found.said[: len(said)]) == (kind, status, said)


@pytest.mark.parametrize("name", MEANS)
@given(data=st.data())
def test_half_a_mail_or_a_mangled_one_is_still_an_answer(name: str, data: st.DataObject) -> None:
    raw = bytearray((SHAPES / f"{name}.eml").read_bytes())
    for _ in range(data.draw(st.integers(0, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    found = read(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert isinstance(found, Answer)
    assert len(found.said) <= 330
    assert found.said.isprintable()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff" * 1000,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n" * 50_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n" % (n, n) for n in range(450)),
        b"Subject: " + b"=?utf-8?q?a?= " * 30_000 + b"\n\n",
        b"From: " + b"(" * 500 + b")" * 500 + b"\nSubject: failure notice\n\nno",
        b"Subject: failure notice\n\n" + b"<" * 400_000,
        b"Subject: failure notice\nContent-Type: text/html\n\n" + b"<style" * 60_000,
        b"Subject: failure notice\n\n" + b"user " * 100_000,
        b"a" * (3 * MOST_BYTES),
    ],
)
def test_what_is_made_to_take_long_does_not(raw: bytes) -> None:
    began = time.process_time()
    assert read(raw).kind in ("other", "hard")
    assert time.process_time() - began < 2
