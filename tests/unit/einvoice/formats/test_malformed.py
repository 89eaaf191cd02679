"""A value that is not wholly text is no value: it is told, never read as the half of it that could be read."""

from __future__ import annotations

from functools import cache

import pytest

from libs.contracts.parts import Finding
from libs.einvoice import documents
from libs.einvoice.formats import cii, ubl
from libs.einvoice.formats.reading import Read
from libs.einvoice.xml import parse
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file


@cache
def source(syntax: str) -> bytes:
    data = builders.invoice(number="F1", lines=1)
    if syntax == "cii":
        return cii.write(ubl.read(parse(data)).invoice).data
    return data if syntax == "ubl" else file([GlobeInvoice(number="F1")])


def changed(syntax: str, old: str, new: str) -> Read:
    text = source(syntax).decode()
    assert old in text
    (document,) = documents.read(text.replace(old, new, 1).encode())
    return document.read


def said(read: Read) -> set[tuple[str, tuple[str, ...]]]:
    return {(finding.rule, finding.terms) for finding in read.findings}


def only(found: tuple[Finding, ...], code: str) -> Finding:
    (one,) = [finding for finding in found if finding.rule == code]
    return one


@pytest.mark.proves("R3")
@pytest.mark.parametrize(("syntax", "leaf"), [("ubl", "<cbc:ID>{}</cbc:ID>"), ("cii", "<ram:ID>{}</ram:ID>")])
def test_a_number_with_an_element_inside_is_not_half_a_number(syntax: str, leaf: str) -> None:
    read = changed(syntax, leaf.format("F1"), leaf.format("F<b/>1"))
    assert read.invoice.number is None
    stray = only(read.findings, "READ-STRAY")
    assert (stray.seen, stray.severity) == ("F1", "fatal")
    assert ("READ-MISSING", ("BT-1",)) in said(read)
    # Nothing but an element: no text beside it, and still no value that nobody mentions.
    read = changed(syntax, leaf.format("F1"), leaf.format("<b>F1</b>"))
    assert read.invoice.number is None
    assert read.unread
    assert read.unread[0].endswith("ID/b")


def test_an_amount_with_an_element_inside_is_none() -> None:
    read = changed("ubl", "</cbc:PayableAmount>", "<b/>9</cbc:PayableAmount>")
    assert read.invoice.totals is not None
    assert read.invoice.totals.amount_due is None
    assert only(read.findings, "READ-STRAY").xpath.endswith("/cbc:PayableAmount")


@pytest.mark.parametrize(
    ("syntax", "place"),
    [
        ("ubl", "<cac:LegalMonetaryTotal>"),
        ("ubl", "</cac:InvoiceLine>"),
        ("cii", "<ram:ApplicableHeaderTradeSettlement>"),
        ("eexact", "<InvoiceTo>"),
    ],
)
def test_text_between_elements_is_told(syntax: str, place: str) -> None:
    stray = only(changed(syntax, place, f"{place} losse\n tekst ").findings, "READ-STRAY")
    assert stray.seen == "losse tekst"
    assert stray.line


def test_what_an_extension_holds_is_its_own_affair() -> None:
    space = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"
    extension = (
        f'<ext:UBLExtensions xmlns:ext="{space}"><ext:UBLExtension><ext:ExtensionContent>'
        "<p>vrije <b>tekst</b></p></ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>"
    )
    assert not changed("ubl", "<cbc:CustomizationID>", f"{extension}<cbc:CustomizationID>").findings


@pytest.mark.proves("R3")
@pytest.mark.parametrize("behind", [" banaan", "5", "T12:00:00", "+1"])
def test_a_day_with_something_behind_it_is_no_day(behind: str) -> None:
    assert ("READ-DATE", ("BT-2",)) in said(changed("ubl", "</cbc:IssueDate>", f"{behind}</cbc:IssueDate>"))
    assert ("READ-DATE", ("BT-2",)) in said(changed("eexact", "</Date>", f"{behind}</Date>"))


@pytest.mark.parametrize("behind", ["Z", "+01:00", "T00:00:00"])
def test_a_time_zone_or_midnight_is_left_out(behind: str) -> None:
    read = changed("ubl", "</cbc:IssueDate>", f"{behind}</cbc:IssueDate>")
    assert not read.findings
    assert read.invoice.issue_date is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [("</udt:DateTimeString>", "xyz</udt:DateTimeString>"), ('format="102"', 'format="203"')],
)
def test_a_stamp_is_eight_digits_of_format_102(old: str, new: str) -> None:
    assert ("READ-DATE", ("BT-2",)) in said(changed("cii", old, new))
