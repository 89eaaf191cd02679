"""Receivers get their own format, lawful or not at all; the sender's own bytes wherever they are that already."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.einvoice import convert, documents, xml
from libs.einvoice.formats import eexact
from libs.einvoice.formats.eexact import Sender
from libs.rules import engine
from libs.testing import builders
from libs.testing.eexact import file
from services.deliver.attempts import conversion
from services.deliver.email import mail
from services.deliver.parcel import Failed, Loaded, Parked
from tests.unit.deliver.sample import MAIL_FROM, job, loaded

UBL = builders.invoice(lines=2, order="PO-1")
GLOBE = eexact.signed(eexact.split(xml.parse(file()))[0], Sender("Leverancier BV", vat="NL123456789B13"))


def fit(data: bytes, *, pdf: bytes | None = None, **settings: str) -> Loaded | Parked | Failed:
    of = job(settings={"email": "in@dejong.example", **settings})
    return conversion.fit(loaded(of, xml=data, pdf=pdf))


def fitted(data: bytes, *, pdf: bytes | None = None, **settings: str) -> Loaded:
    done = fit(data, pdf=pdf, **settings)
    assert isinstance(done, Loaded), done
    return done


@pytest.mark.proves("R3")
@pytest.mark.parametrize(
    "name", ["siubl-1.2", "ubl-2.1", "ubl-2.0", "peppol", "cii", "eexact", "json", "csv"]
)
def test_a_receiver_gets_its_format(name: str) -> None:
    done = fitted(UBL, format=name)
    assert done.xml == convert.convert(UBL, name)[0].data
    assert done.extension == convert.target(name).extension
    assert done.pdf is None


@pytest.mark.proves("R3")
def test_what_is_in_the_format_already_goes_as_it_came() -> None:
    assert fitted(UBL, format="nlcius").xml == UBL
    assert (
        conversion.wanted(loaded(job(settings={"email": "a@b.example", "format": "nlcius"}), xml=UBL)) is None
    )
    done = fitted(UBL, format="nlcius", page="yes")
    assert done.xml == UBL
    assert done.pdf is not None
    assert done.pdf.startswith(b"%PDF-")


def test_without_a_choice_only_what_nobody_else_reads_is_converted() -> None:
    assert fitted(UBL).xml == UBL
    of = loaded(job(settings={"email": "a@b.example"}), xml=GLOBE)
    assert conversion.wanted(of) == "ubl-2.1"


@pytest.mark.proves("R39", "R49")
def test_a_mail_carries_a_page_that_the_hub_makes_where_the_sender_gave_none() -> None:
    done = fitted(UBL, page="yes")
    assert done.xml == UBL
    assert done.pdf is not None
    assert done.pdf.startswith(b"%PDF-")
    assert fitted(UBL, page="yes").pdf == done.pdf, "the same for every attempt"
    assert fitted(UBL, pdf=b"%PDF-own", page="yes").pdf == b"%PDF-own"
    assert fitted(UBL, page="no").pdf is None
    # What cannot be drawn goes without: the XML is the invoice.
    assert fitted(b"<Invoice/>", page="yes").pdf is None


def test_pages_are_made_beside_each_other() -> None:
    with ThreadPoolExecutor(3) as pool:
        made = set(pool.map(lambda _: fitted(UBL, page="yes").pdf, range(9)))
    assert len(made) == 1
    assert made != {None}


def test_the_senders_own_picture_stays() -> None:
    assert fitted(UBL, pdf=b"%PDF-own", format="ubl-2.1", page="yes").pdf == b"%PDF-own"


@pytest.mark.proves("R3")
@pytest.mark.parametrize(("name", "word"), [("nlcius", "NLCIUS"), ("cii", "CII"), ("pdf", "PDF")])
def test_what_is_not_lawful_in_the_format_does_not_leave(name: str, word: str) -> None:
    done = fit(GLOBE, format=name)
    assert isinstance(done, Parked)
    assert done.code == "not-lawful-in-format"
    assert "BR-" in done.detail
    assert word in done.reason.nl
    assert word in done.reason.en
    assert {finding.rule for finding in done.findings} == set(done.detail.split(", "))
    # Lines of a file that nobody but the hub has seen would be looked for in the sender's own.
    assert {finding.line for finding in done.findings} == {None}


@pytest.mark.proves("R3")
def test_the_receivers_own_number_stands_in_where_the_invoice_has_none() -> None:
    data = builders.invoice(buyer_kvk=None, buyer_vat="NL002455799B11")
    done = fitted(data, format="peppol")
    assert b'<cbc:CompanyID schemeID="0106">58070036</cbc:CompanyID>' in (done.xml or b"")


def test_what_cannot_be_read_any_more_waits_with_words() -> None:
    done = fit(b"<eExact><Items/></eExact>")
    assert isinstance(done, Parked)
    assert done.code == "cannot-convert"


def test_what_the_format_cannot_book_waits_with_words() -> None:
    done = fit(UBL.replace(b"EUR", b"USD"), format="eexact")
    assert isinstance(done, Parked)
    assert (done.code, done.detail) == ("cannot-convert", "foreign-currency")
    assert "USD" in done.reason.nl


def test_who_takes_only_a_page_gets_the_invoice_inside_it() -> None:
    done = fitted(UBL, format="pdf", language="fr")
    assert done.xml is None
    assert done.pdf is not None
    (inside,) = documents.read(done.pdf)
    assert inside.read.invoice.number == "F1"
    text = mail.compose(done, MAIL_FROM).decode()
    assert text.count("Content-Disposition: attachment") == 1
    assert "application/pdf" in text


def test_a_csv_is_mailed_under_its_own_name() -> None:
    text = mail.compose(fitted(UBL, format="csv"), MAIL_FROM).decode()
    assert "Content-Type: text/csv" in text
    assert '.csv"' in text


def test_the_codes_are_those_of_the_receivers_books() -> None:
    done = fitted(UBL, format="eexact", books='{"journal": "60", "creditor": "30001"}')
    assert b'<Journal code="60"' in (done.xml or b"")
    assert b'<Creditor code="30001"' in (done.xml or b"")


def test_every_attempt_makes_the_same_bytes_and_the_rules_agree() -> None:
    once, again = (fitted(UBL, format="ubl-2.1", page="yes") for _ in range(2))
    assert (once.xml, once.pdf) == (again.xml, again.pdf)
    assert not engine.validate(once.xml or b"").fatal
