"""Invoices that are not UBL get the verdict of what they say."""

from __future__ import annotations

import pytest

from libs.einvoice import convert, xml
from libs.einvoice.formats import eexact
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.model import PostalAddress
from libs.errors import Unprocessable
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from libs.testing.finvoice import finvoice
from services.validate.judgement import judge

ADDRESS = PostalAddress(address_line_1="Kade 1", city="Delft", post_code="2611 AA", country_code="NL")


def globe(address: PostalAddress | None = ADDRESS, **how: str) -> bytes:
    (one,) = eexact.split(xml.parse(file([GlobeInvoice(**how)])))  # type: ignore[arg-type]
    return eexact.signed(
        one, Sender("Leverancier BV", "69599084", "NL123456789B13", "NL91ABNA0417164300", None, address)
    )


@pytest.mark.proves("R4", "R26")
@pytest.mark.parametrize(
    "data",
    [
        globe(),
        finvoice(),
        *(convert.convert(builders.invoice(), name)[0].data for name in ("cii", "json", "pdf")),
    ],
    ids=["eexact", "finvoice", "cii", "json", "pdf"],
)
def test_a_lawful_invoice_is_valid_in_every_syntax(data: bytes, request: pytest.FixtureRequest) -> None:
    judged = judge(data)
    assert not judged.fatals, [f.rule for f in judged.findings]
    # Nobody's rules for these are run: the name says which ones were asked of the terms of what.
    syntax = request.node.callspec.id
    assert judged.rule_pack == ("nlcius" if syntax == "pdf" else f"en16931-{syntax}")
    assert judged.summary.payable is not None


@pytest.mark.proves("R31", "R38")
def test_the_receiver_of_a_globe_invoice_stands_in_adres_2() -> None:
    summary = judge(globe(adres_2="58070036", vat="NL002455799B11", orderer_adres_2="69599084")).summary
    assert [c.identifier.value for c in summary.candidates] == ["58070036"]
    # The VAT number decides nothing, and routing warns when it names somebody else.
    assert "NL002455799B11" in {i.value for i in summary.buyer.identifiers}


@pytest.mark.proves("R4")
def test_what_is_wrong_names_the_term_and_no_line_of_ours() -> None:
    data = convert.convert(builders.invoice(lines=2), "cii")[0].data
    judged = judge(data.replace(b"<ram:DuePayableAmount>", b"<ram:DuePayableAmount>9"))
    assert judged.fatals
    finding = next(f for f in judged.findings if f.rule == "BR-CO-16")
    assert (finding.line, finding.xpath) == (None, "")
    assert "BT-115" in finding.terms


def test_an_account_without_an_address_is_told_to_add_it() -> None:
    assert "POSTBODE-SELLER" in {f.rule for f in judge(globe(None)).findings}


def test_a_file_of_many_is_checked_one_by_one() -> None:
    judged = judge(file([GlobeInvoice(number="1"), GlobeInvoice(number="2")]))
    assert "POSTBODE-SEVERAL" in {f.rule for f in judged.findings}


@pytest.mark.parametrize("data", [b"<html/>", b"<eExact/>", b"", b"{"])
def test_what_is_no_invoice_is_refused_or_found_out(data: bytes) -> None:
    try:
        assert judge(data).fatals
    except Unprocessable:
        return


def test_a_named_pack_is_about_ubl_alone() -> None:
    with pytest.raises(Unprocessable) as refused:
        judge(finvoice(), "en16931")
    assert refused.value.code == "ubl-only"
    assert "finvoice" in refused.value.message


@pytest.mark.parametrize("data", [b'{"a": 1}', b"{}"])
def test_json_of_somebody_else_is_one_finding(data: bytes) -> None:
    judged = judge(data)
    assert [finding.rule for finding in judged.findings] == ["READ-JSON"]
    assert judged.verdict == "invalid"


def test_what_is_missing_is_missed_once() -> None:
    data = b'<r:CrossIndustryInvoice xmlns:r="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>'
    terms = [
        term for finding in judge(data).findings if finding.severity == "fatal" for term in finding.terms
    ]
    assert terms
    assert len(terms) == len(set(terms))


def test_the_ubl_in_a_pdf_is_judged_by_what_it_claims() -> None:
    """As the hub does, which takes it out."""
    for how, rule in (
        ({"buyer_kvk": "5807003"}, "POSTBODE-KVK-BUYER"),
        ({"break_rule": "BR-NL-3"}, "BR-NL-3"),
    ):
        data = builders.invoice(**how)  # type: ignore[arg-type]
        judged = judge(convert.convert(data, "pdf")[0].data)
        assert judged.rule_pack == "nlcius"
        assert [finding.rule for finding in judged.findings] == [rule]
        # Lines of a file nobody sees; the path says where.
        assert judged.findings[0].line is None
        assert judged.findings[0].xpath
