"""The mail that carries an invoice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.parts import PartyFacts
from services.deliver.email.mail import compose, message_id
from services.deliver.email.mail_words import day, money
from services.deliver.parcel import Loaded
from tests.unit.deliver.sample import MAIL_FROM, PDF, XML, job, loaded, receiver, summary


def read(each: Loaded) -> EmailMessage:
    """As the receiver's mail reader sees it."""
    raw = compose(each, MAIL_FROM)
    assert raw.isascii()
    return message_from_bytes(raw, policy=policy.default)


@pytest.mark.proves("R49")
def test_xml_and_pdf_are_attached_under_one_name() -> None:
    of = job()
    mail = read(loaded(of))
    attached = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert attached == {f"{of.base_name}.pdf": PDF, f"{of.base_name}.xml": XML}
    assert mail["To"] == "in@dejong.example"
    assert mail["From"] == f"Bakker Bouwmaterialen BV via Postbode <{MAIL_FROM}>"
    assert mail["X-Postbode-Invoice"] == str(of.invoice_id)
    assert mail["X-Postbode-Delivery"] == str(of.delivery_id)


def test_without_a_pdf_only_the_xml() -> None:
    mail = read(loaded(job(pdf=False), pdf=None))
    (attached,) = mail.iter_attachments()
    assert attached.get_content_type() == "application/xml"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "PDF" not in text.get_content()


@pytest.mark.parametrize(
    ("language", "subject", "shown"),
    [
        ("nl", "Factuur F1 van Bakker Bouwmaterialen BV", ("2 november 2026", "€ 1.234,50", "Geachte")),
        ("en", "Invoice F1 from Bakker Bouwmaterialen BV", ("2 November 2026", "€1,234.50", "Dear")),
        ("fr", "Facture F1 de Bakker Bouwmaterialen BV", ("2 novembre 2026", "1\u202f234,50 €", "Madame")),
    ],
)
def test_it_speaks_the_language_the_receiver_chose(
    language: str, subject: str, shown: tuple[str, ...]
) -> None:
    mail = read(loaded(job(settings={"email": "in@dejong.example", "language": language})))
    assert mail["Subject"] == subject
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert all(part in body.get_content() for part in shown), kind


@pytest.mark.parametrize(
    ("chosen", "subject"), [(None, "Invoice F1"), ("xx", "Invoice F1"), ("nl", "Factuur F1")]
)
def test_without_a_choice_the_language_agreed_with_it(chosen: str | None, subject: str) -> None:
    said = {"email": "in@dejong.example"} | ({"language": chosen} if chosen else {})
    mail = read(loaded(job(to=receiver(language="en"), settings=said)))
    assert mail["Subject"].startswith(subject)


def test_the_page_stands_without_a_style_sheet_and_without_anything_from_elsewhere() -> None:
    """Outlook and Gmail drop or change much of the style sheet; what a mail fetches tells that it was read."""
    body = read(loaded(job())).get_body(("html",))
    assert body is not None
    html = body.get_content()
    bare = html[: html.index("<style>")] + html[html.index("</style>") :]
    tables = bare.split("<table")[1:]
    assert tables
    assert all('role="presentation"' in each.partition(">")[0] for each in tables)
    assert all("style=" in each.partition(">")[0] for each in bare.split("<p")[1:])
    assert "prefers-color-scheme: dark" in html
    assert "http" not in bare
    assert "<img" not in bare


def test_the_message_id_is_that_of_the_delivery() -> None:
    of = job()
    assert message_id(of, MAIL_FROM) == f"<{of.delivery_id}@hub.example>"
    first, second = (read(loaded(of))["Message-ID"] for _ in range(2))
    assert first == second == message_id(of, MAIL_FROM)


@settings(max_examples=60)
@given(number=st.text(), seller=st.text(), name=st.text())
def test_no_name_writes_a_header_or_a_tag(number: str, seller: str, name: str) -> None:
    evil = "\r\nBcc: everybody@x.example\r\n\r\n<script>"
    of = job(
        to=receiver(name + evil),
        summary=summary(evil + number, seller=PartyFacts(name=seller + evil)),
    )
    mail = read(loaded(of))
    assert mail["Bcc"] is None
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "X-Postbode-Invoice", "X-Postbode-Delivery",
         "Auto-Submitted", "MIME-Version", "Content-Type"]
    )  # fmt: skip
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


@pytest.mark.parametrize(
    ("amount", "currency", "nl", "en"),
    [
        ("1234567.5", "EUR", "€ 1.234.567,50", "€1,234,567.50"),
        ("-12", "EUR", "€ -12,00", "€-12.00"),
        ("12", "USD", "USD 12,00", "USD 12.00"),
        ("12", "", "12,00", "12.00"),
    ],
)
def test_money(amount: str, currency: str, nl: str, en: str) -> None:
    assert money(Decimal(amount), currency, "nl") == nl
    assert money(Decimal(amount), currency, "en") == en


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("1234567.5", "EUR", "1\u202f234\u202f567,50 €"), ("12", "USD", "12,00 USD"), ("12", "", "12,00")],
)
def test_money_in_french(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency, "fr") == shown


def test_a_first_day_in_french() -> None:
    assert day(date(2026, 8, 1), "fr") == "1er août 2026"
