"""Every syntax into every format: the report tells what the bytes do not hold, and the same input gives the same bytes."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from libs.einvoice import convert, documents, terms
from libs.einvoice.convert import TARGETS, Options
from libs.einvoice.formats.pdf_words import Language
from libs.errors import BadInput, Unprocessable
from libs.rules import engine
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from libs.testing.examples.edits import edited

UBL = builders.invoice(lines=2, order="PO-1")
SOURCES = {
    "ubl-invoice": UBL,
    "ubl-creditnote": edited(
        builders.invoice(credit_note=True, order="PO-1"), "+BillingReference/InvoiceDocumentReference/ID=F0"
    ),
    "cii": convert.convert(UBL, "cii")[0].data,
    "json": convert.convert(UBL, "json")[0].data,
    "pdf": convert.convert(UBL, "pdf")[0].data,
    "eexact": file(),
}


@pytest.mark.proves("R3")
@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_syntax_into_every_format(source: str, name: str) -> None:
    (done,) = convert.convert(SOURCES[source], name)
    (again,) = convert.convert(SOURCES[source], name)
    assert done.data == again.data
    assert not done.findings
    assert done.source == ("ubl-invoice" if source == "pdf" else source)
    if done.target.pack is not None and source != "eexact":
        verdict = engine.validate(done.data, done.target.pack)
        assert not verdict.fatal, [f.rule for f in verdict.findings]


@pytest.mark.proves("R3")
@pytest.mark.parametrize(
    "name", ["nlcius", "peppol", "ubl-2.1", "ubl-2.0", "siubl-1.2", "cii", "json", "pdf"]
)
def test_what_is_not_reported_as_lost_is_read_back(name: str) -> None:
    (done,) = convert.convert(UBL, name)
    (back,) = documents.read(done.data)
    found = {str(term.value) for term in terms.walk(back.read.invoice)}
    filled = {"BT-23", "BT-24", "BT-29", "BT-30", "BT-34", "BT-46", "BT-47", "BT-49"}
    gone = {term.path for term in done.lost}
    missing = [t for t in terms.walk(done.invoice) if str(t.value) not in found and t.number not in filled]
    assert {t.path for t in missing} <= gone


@pytest.mark.proves("R31")
def test_a_kvk_number_in_adres_2_becomes_the_buyers_own() -> None:
    data = builders.invoice(adres2="KvK 58070036", buyer_kvk=None)
    (done,) = convert.convert(data, "nlcius")
    assert b'<cbc:CompanyID schemeID="0106">58070036</cbc:CompanyID>' in done.data
    assert "BT-47" in {each.term for each in done.filled}


@pytest.mark.proves("R26")
def test_a_file_of_three_invoices_is_three_conversions() -> None:
    data = file([GlobeInvoice(number=str(n)) for n in range(1, 4)])
    assert [each.invoice.number for each in convert.convert(data, "json")] == ["1", "2", "3"]


def test_the_language_of_the_page_is_the_receivers() -> None:
    languages: tuple[Language, ...] = ("nl", "en", "fr")
    pages = {each: convert.convert(UBL, "pdf", options=Options(language=each))[0].data for each in languages}
    assert len(set(pages.values())) == 3


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match="nlcius"):
        convert.convert(UBL, "docx")


@pytest.mark.parametrize(
    "data", [b"<eExact/>", b"<eExact><Items/></eExact>", b"<html/>", b"%PDF-1.7\n%%EOF", b""]
)
def test_what_is_no_invoice_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable):
        convert.convert(data, "nlcius")


@pytest.mark.parametrize("lines", [1, 10, 200])
def test_what_is_held_while_converting_is_a_multiple_of_the_document(lines: int) -> None:
    data = builders.invoice(lines=lines, order="PO-1")
    convert.convert(data, "nlcius")
    gc.collect()
    tracemalloc.start()
    try:
        convert.convert(data, "nlcius")
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 9 * len(data)
