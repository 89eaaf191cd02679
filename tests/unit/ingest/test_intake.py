"""Which parts are invoices, and which PDF belongs to which (R21-R24, R29)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pikepdf
import pytest

from libs.einvoice import convert, documents
from libs.einvoice.formats import hybrid
from libs.einvoice.formats.eexact import Sender
from libs.errors import BadInput, TooLarge, Unprocessable
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from services.ingest.uploads import intake
from services.ingest.uploads.part import Part
from services.ingest.uploads.submissions import compose, wants_seller
from services.ingest.uploads.words import REASONS

XML = builders.invoice(number="F1")
PDF = builders.pdf("F1")


def names(found: intake.Sorted) -> list[tuple[str | None, str | None]]:
    return [(u.original.filename, u.pdf.filename if u.pdf else None) for u in found.uploads]


@pytest.mark.proves("R22", "R23")
def test_a_pdf_of_the_same_name_belongs_to_the_xml() -> None:
    found = intake.sort([Part(PDF, "F1.pdf"), Part(XML, "F1.xml"), Part(XML, "F2.xml")])
    assert names(found) == [("F1.xml", "F1.pdf"), ("F2.xml", None)]
    assert found.refused == ()


def test_names_pair_whatever_their_case() -> None:
    assert names(intake.sort([Part(XML, "f1.XML"), Part(PDF, "F1.PDF")])) == [("f1.XML", "F1.PDF")]


@pytest.mark.proves("R24")
def test_a_pdf_alone_is_refused_with_the_reason_while_the_xml_goes_on() -> None:
    found = intake.sort([Part(XML, "F1.xml"), Part(PDF, "other.pdf")])
    assert names(found) == [("F1.xml", None)]
    assert [(r.part.filename, r.code) for r in found.refused] == [("other.pdf", "lone-pdf")]
    assert "XML" in found.refused[0].reason.nl


def test_the_picture_of_a_refused_xml_is_not_called_a_lone_pdf() -> None:
    found = intake.sort([Part(b"<html/>", "F1.xml"), Part(PDF, "F1.pdf")])
    assert [r.part.filename for r in found.refused] == ["F1.xml"]


@pytest.mark.proves("R23")
def test_a_name_that_occurs_twice_pairs_nothing() -> None:
    found = intake.sort(
        [Part(XML, "F1.xml"), Part(builders.invoice(number="F2"), "F1.xml"), Part(PDF, "F1.pdf")]
    )
    assert names(found) == [("F1.xml", None), ("F1.xml", None)]
    assert [(r.part.filename, r.code) for r in found.refused] == [("F1.pdf", "ambiguous-pdf")]
    with pytest.raises(Unprocessable) as refused:
        intake.sort_strictly([Part(XML, "F1.xml"), Part(PDF, "F1.pdf"), Part(PDF, "f1.PDF")])
    assert refused.value.code == "ambiguous-pdf"


def test_a_part_without_a_name_is_never_paired() -> None:
    found = intake.sort([Part(XML, None), Part(PDF, None)])
    assert names(found) == [(None, None)]
    assert [r.code for r in found.refused] == ["lone-pdf"]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"Geachte heer,", "not-xml", 1),
        (b'<?xml version="1.0"?>\n<!DOCTYPE Invoice SYSTEM "x">\n<Invoice/>', "doctype", 2),
        (b"<a>\xff\xfe</a>", "encoding", 1),
        (b"<html>\n</html>", "not-an-invoice", 1),
    ],
)
def test_what_is_no_invoice_is_refused_by_name_and_line(data: bytes, code: str, line: int) -> None:
    with pytest.raises(Unprocessable) as refused:
        intake.sort_strictly([Part(data, "F1.xml")])
    assert refused.value.code == code
    assert refused.value.extra["line"] == line
    assert refused.value.extra["filename"] == "F1.xml"
    words = refused.value.extra["words"]
    assert isinstance(words, dict)
    assert set(words) == {"nl", "en"}


def test_one_bad_part_refuses_the_whole_submission_of_a_caller_who_waits() -> None:
    with pytest.raises(Unprocessable):
        intake.sort_strictly([Part(XML, "F1.xml"), Part(b"<html/>", "F2.xml")])


def test_nothing_handed_over_is_said_so() -> None:
    with pytest.raises(BadInput) as refused:
        intake.sort_strictly([])
    assert refused.value.code == "no-invoice"


def test_too_large_keeps_its_own_status() -> None:
    huge = intake.as_error(intake.Refused(Part(b""), TooLarge.slug, REASONS["no-invoice"]))
    assert huge.status == 413


@pytest.mark.proves("R26")
def test_a_file_of_three_invoices_is_three_uploads_that_remember_it() -> None:
    data = file([GlobeInvoice(number=str(n)) for n in range(1, 4)])
    found = intake.sort([Part(data, "globe.xml"), Part(PDF, "globe.pdf")])
    assert [u.original.filename for u in found.uploads] == ["globe-1.xml", "globe-2.xml", "globe-3.xml"]
    assert {u.syntax for u in found.uploads} == {"eexact"}
    assert [u.source.data if u.source else None for u in found.uploads] == [data] * 3
    assert [u.pdf for u in found.uploads] == [None] * 3, "whose picture would it be?"


def test_of_one_invoice_the_picture_is_its_own() -> None:
    (upload,) = intake.sort([Part(file(), "globe.xml"), Part(PDF, "globe.pdf")]).uploads
    assert upload.pdf is not None


def test_an_eexact_file_of_anything_else_is_no_invoice() -> None:
    found = intake.sort([Part(b"<eExact><Items><Item code='1'/></Items></eExact>", "items.xml")])
    assert [r.code for r in found.refused] == ["not-an-invoice"]
    many = file([GlobeInvoice(number=str(n)) for n in range(intake.MOST_INVOICES + 1)])
    assert [r.code for r in intake.sort([Part(many, "many.xml")]).refused] == ["too-many-invoices"]


@pytest.mark.proves("R3")
def test_a_hybrid_pdf_is_the_invoice_inside_it() -> None:
    data = convert.convert(XML, "pdf")[0].data
    (upload,) = intake.sort([Part(data, "F1.pdf")]).uploads
    assert (upload.original.filename, upload.syntax) == ("F1.xml", "ubl-invoice")
    assert upload.pdf is not None
    assert upload.pdf.data == data


def saved(change: Callable[[pikepdf.Pdf], None], **how: Any) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(PDF)) as found:
        change(found)
        found.save(out, **how)
    return out.getvalue()


def scripted(found: pikepdf.Pdf) -> None:
    found.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("x"))


LOCKED = pikepdf.Encryption(owner="o", user="u")
PACKED = saved(scripted, object_stream_mode=pikepdf.ObjectStreamMode.generate)
HARMFUL = [
    (saved(scripted), "pdf-unfit"),
    (PACKED, "pdf-unfit"),
    (PACKED.replace(b"/ObjStm", b"/Obj#53tm"), "pdf-unfit"),
    (saved(scripted).replace(b"/JavaScript", b"/Java#53cript").replace(b"/JS", b"/#4aS"), "pdf-unfit"),
    (saved(lambda _: None, encryption=LOCKED), "pdf-locked"),
    (PDF[:300], "pdf-unfit"),
    (b"%PDF-", "pdf-broken"),
]


@pytest.mark.parametrize(("data", "code"), HARMFUL)
def test_a_picture_that_can_do_harm_does_not_go_along(data: bytes, code: str) -> None:
    found = intake.sort([Part(XML, "F1.xml"), Part(data, "F1.pdf")])
    assert names(found) == [("F1.xml", None)]
    assert [(r.part.filename, r.code) for r in found.refused] == [("F1.pdf", code)]


@pytest.mark.parametrize("data", [each for each, _ in HARMFUL[:4]])
def test_a_script_is_seen_however_it_is_written(data: bytes) -> None:
    assert "scripts" in hybrid.unfit(data)[0].en


@pytest.mark.parametrize(("data", "code"), [HARMFUL[4], HARMFUL[6]])
def test_a_pdf_that_cannot_be_looked_into_is_not_called_a_lone_one(data: bytes, code: str) -> None:
    assert [r.code for r in intake.sort([Part(data, "F1.pdf")]).refused] == [code]


def test_a_pdf_is_one_with_a_line_end_before_it() -> None:
    found = intake.sort([Part(XML, "F1.xml"), Part(b"\n" + PDF, "F1.pdf")])
    assert names(found) == [("F1.xml", "F1.pdf")]


@pytest.mark.proves("R3")
def test_cii_is_taken() -> None:
    (upload,) = intake.sort([Part(convert.convert(XML, "cii")[0].data, "F1.xml")]).uploads
    assert upload.syntax == "cii"


@pytest.mark.proves("R26")
def test_the_account_signs_invoices_that_name_no_seller() -> None:
    found = intake.sort([Part(file([GlobeInvoice(number="1"), GlobeInvoice(number="2")]), "globe.xml")])
    assert wants_seller(found.uploads)
    once, again = (
        compose(UUID(int=1), "api", found.uploads, seller=Sender(name))
        for name in ("Bakker BV", "Bakker B.V.")
    )
    for item in once.items:
        (done,) = documents.read(item.documents[0].data)
        assert done.read.invoice.seller is not None
        assert done.read.invoice.seller.name == "Bakker BV"
    assert [i.sha256 for i in once.items] == [i.sha256 for i in again.items], (
        "the same file is the same invoice"
    )
    assert [len(item.documents) for item in once.items] == [1, 1]
    assert len({item.source for item in once.items}) == 1, "the file they came in"


def test_exact_onlines_own_xml_is_refused_by_name() -> None:
    data = (
        b'<eExact xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="eExact-XML.xsd">'
        b'<Invoices><Invoice type="8020"><InvoiceTo code="12"/></Invoice></Invoices></eExact>'
    )
    (refused,) = intake.sort([Part(data, "export.xml", "application/xml")]).refused
    assert refused.code == "exact-online-xml"
    assert "Simplerinvoicing" in refused.reason.nl
