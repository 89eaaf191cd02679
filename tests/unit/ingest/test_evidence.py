"""Evidence is what the server in front says, and nothing that anybody could have written (R20)."""

from __future__ import annotations

import pytest

from libs import clock
from services.ingest.mailbox import evidence, mail, mailed
from services.ingest.mailbox.evidence import Carried, Evidence

FRONT = "mx.postbode.example"


def of(*headers: str, authserv_id: str = FRONT) -> Evidence:
    raw = "".join(f"{each}\r\n" for each in headers).encode("utf-8", "surrogateescape") + b"\r\nBeste\r\n"
    return mail.read(raw, authserv_id).evidence


def test_results_are_read_with_what_they_are_about() -> None:
    found = of(
        "From: Bakker <verkoop@bakker.example>",
        f"Authentication-Results: {FRONT} 1;\r\n\tspf=pass (sender; SPF=ok (really)) smtp.mailfrom=bakker.example;"
        '\r\n\tdkim=fail reason="bad; signature" header.d=bakker.example header.i="@bakker.example"',
        f"Authentication-Results: {FRONT.upper()}; dmarc=pass header.from=bakker.example",
    )
    assert found.header_from == "Bakker <verkoop@bakker.example>"
    assert list(found.authentication) == [
        {"method": "spf", "result": "pass", "smtp.mailfrom": "bakker.example"},
        {
            "method": "dkim", "result": "fail",
            "header.d": "bakker.example", "header.i": "@bakker.example",
        },
        {"method": "dmarc", "result": "pass", "header.from": "bakker.example"},
    ]  # fmt: skip
    assert found.dmarc_passed


@pytest.mark.proves("R20")
@pytest.mark.parametrize(
    "header",
    [
        "mx.other.example; dmarc=pass header.from=bank.example",
        f"{FRONT}.evil.example; dmarc=pass",
        f"x {FRONT}; dmarc=pass",
        f"(c) x; {FRONT}; dmarc=pass",
        f'"x; {FRONT}"; dmarc=pass',
        "; dmarc=pass",
        f"{FRONT}; none",
        f"{FRONT}; dmarc=passed",
        f"{FRONT}; dmarc=none; x=pass",
    ],
)
def test_what_others_wrote_does_not_count(header: str) -> None:
    assert not of("From: a@bank.example", f"Authentication-Results: {header}").dmarc_passed


def test_without_a_server_in_front_nobodys_results_count() -> None:
    assert of(f"Authentication-Results: {FRONT}; dmarc=pass", authserv_id="").authentication == ()
    assert not of("Authentication-Results: ; dmarc=pass", authserv_id="").dmarc_passed


def test_one_that_failed_is_not_made_good_by_another_that_passed() -> None:
    said = (f"Authentication-Results: {FRONT}; dmarc={word}" for word in ("pass", "fail"))
    assert not of(*said).dmarc_passed


def test_floods_stay_small_and_quick() -> None:
    many = [f"Authentication-Results: {FRONT};" + "dkim=pass header.d=x;" * 700 for _ in range(40)]
    found = of(*many, f"From: {'x' * 5000}")
    assert len(found.authentication) <= 40
    assert len(found.header_from or "") <= 200
    assert len(found.head) == evidence.MOST_HEAD
    of(f"Authentication-Results: {FRONT}; " + "(" * 8000 + ")" * 8000)


def test_the_head_is_kept_as_it_came_and_the_mail_by_its_hash() -> None:
    raw = b"From: a@b.example\r\nX-Odd:\xff\r\n\tfolded\r\n\r\nBeste\r\n"
    submission = mailed.read(raw).submission(
        clock.uuid7(), "a@b.example", carried=Carried("smtp", "192.0.2.1", "bad\x07helo", "TLSv1.3")
    )
    arrival = submission.mail
    assert arrival is not None
    assert arrival.head == b"From: a@b.example\r\nX-Odd:\xff\r\n\tfolded"
    assert len(arrival.facts["sha256"]) == 64
    assert (arrival.facts["peer"], arrival.facts["tls"], arrival.facts["from"]) == (
        "192.0.2.1",
        "TLSv1.3",
        "a@b.example",
    )
    assert arrival.facts["helo"].isprintable()


@pytest.mark.parametrize(
    ("headers", "answered"),
    [
        (("From: Jan <jan@bakker.example>", f"Authentication-Results: {FRONT}; dmarc=pass"), "jan@bakker.example"),
        (
            ("From: jan@bakker.example", f"Authentication-Results: {FRONT}; dmarc=pass header.from=Bakker.example"),
            "jan@bakker.example",
        ),
        (("From: jan@bakker.example",), None),
        (("From: jan@bakker.example", f"Authentication-Results: {FRONT}; dmarc=fail"), None),
        (("From: jan@bakker.example", "Authentication-Results: mx.other.example; dmarc=pass"), None),
        (
            ("From: jan@bakker.example", f"Authentication-Results: {FRONT}; dmarc=pass header.from=evil.example"),
            None,
        ),
        (("From: a@evil.example, jan@bakker.example", f"Authentication-Results: {FRONT}; dmarc=pass"), None),
        (
            ("From: a@evil.example", "From: jan@bakker.example", f"Authentication-Results: {FRONT}; dmarc=pass"),
            None,
        ),
        (('From: "jan@bakker.example" <a@evil.example>', f"Authentication-Results: {FRONT}; dmarc=pass"), None),
        (("From: jan@localhost", f"Authentication-Results: {FRONT}; dmarc=pass"), None),
        (("From: =?utf-8?q?jan=40bakker.example=0ABcc=3A?=", f"Authentication-Results: {FRONT}; dmarc=pass"), None),
        ((f"Authentication-Results: {FRONT}; dmarc=pass",), None),
    ],
)  # fmt: skip
def test_only_one_address_whose_domain_answers_for_the_mail_is_written_to(
    headers: tuple[str, ...], answered: str | None
) -> None:
    assert of(*headers).answerable == answered
