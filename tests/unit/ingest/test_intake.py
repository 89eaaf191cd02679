"""Which parts are invoices, and which PDF belongs to which (R21-R24, R29)."""

from __future__ import annotations

import pytest

from libs.errors import BadInput, TooLarge, Unprocessable
from libs.testing import builders
from services.ingest import intake
from services.ingest.part import Part
from services.ingest.words import REASONS

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
