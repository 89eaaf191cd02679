"""The UBL 2.1 schema: findings with line and path, in words a bookkeeper understands."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.contracts.parts import Finding
from libs.einvoice import schema, xml
from libs.testing import builders

LAWFUL = builders.invoice()
_LINE = re.compile(rb"  <cac:InvoiceLine>.*?</cac:InvoiceLine>\n", re.DOTALL)


def check(data: bytes) -> list[Finding]:
    return schema.check(xml.parse(data), "ubl-invoice")


def large(data: bytes) -> list[Finding]:
    findings, _ = schema.check_large(data, xml.parse(data), "ubl-invoice")
    return findings


def swap(pattern: bytes, new: bytes, data: bytes = LAWFUL) -> bytes:
    changed, count = re.subn(pattern, new, data, count=1, flags=re.DOTALL)
    assert count == 1
    return changed


BROKEN = {
    "wrong place": (
        swap(rb"(  <cbc:ID>F1</cbc:ID>\n)(  <cbc:IssueDate>.*?\n)", rb"\2\1"),
        "/Invoice/cbc:IssueDate", "cbc:IssueDate", "cbc:ProfileExecutionID, cbc:ID",
        "Het element cbc:IssueDate is hier niet toegestaan. Hier past: cbc:ProfileExecutionID, cbc:ID.",
    ),
    "one too many": (
        swap(rb"(</cac:InvoiceLine>\n)(</Invoice>)", rb"\1  <cbc:Note>x</cbc:Note>\n\2"),
        "/Invoice/cbc:Note", "cbc:Note", "cac:InvoiceLine", "Het element cbc:Note is hier niet toegestaan.",
    ),
    "missing child": (
        swap(rb"    <cbc:PayableAmount.*?\n", b""),
        "/Invoice/cac:LegalMonetaryTotal", None,
        "cbc:AllowanceTotalAmount, cbc:ChargeTotalAmount, cbc:PrepaidAmount, cbc:PayableRoundingAmount, "
        "cbc:PayableAmount",
        "In cac:LegalMonetaryTotal ontbreekt nog een van: cbc:AllowanceTotalAmount",
    ),
    "missing attribute": (
        swap(rb'(<cbc:PayableAmount) currencyID="EUR"', rb"\1"),
        "/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount", None, "@currencyID",
        "cbc:PayableAmount mist het attribuut currencyID.",
    ),
    "stray attribute": (
        swap(rb"<cbc:IssueDate>", b'<cbc:IssueDate format="x">'),
        "/Invoice/cbc:IssueDate", "@format", None, "Het attribuut format is op cbc:IssueDate niet toegestaan",
    ),
    "stray text": (
        swap(rb"<cac:LegalMonetaryTotal>", b"<cac:LegalMonetaryTotal>let op"),
        "/Invoice/cac:LegalMonetaryTotal", None, None, "In cac:LegalMonetaryTotal staat losse tekst",
    ),
    "stray child": (
        swap(rb"<cbc:IssueDate>.*?<", b"<cbc:IssueDate><cbc:ID>1</cbc:ID><"),
        "/Invoice/cbc:IssueDate", None, None, "In cbc:IssueDate staan andere elementen",
    ),
    "no date": (
        swap(rb"<cbc:IssueDate>.*?<", b"<cbc:IssueDate>2-11-2026<"),
        "/Invoice/cbc:IssueDate", "2-11-2026", "2026-01-31", "De waarde van cbc:IssueDate is geen datum.",
    ),
    "no number": (
        swap(rb'(<cbc:PayableAmount currencyID="EUR">).*?<', rb"\g<1>25,10<"),
        "/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount", "25,10", "1234.56",
        "De waarde van cbc:PayableAmount is geen getal met een punt.",
    ),
}  # fmt: skip


def test_a_lawful_invoice_has_no_findings() -> None:
    assert check(LAWFUL) == []
    assert schema.check(xml.parse(builders.invoice(credit_note=True)), "ubl-creditnote") == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_said_in_both_languages_with_line_and_path(name: str) -> None:
    data, path, seen, expected, dutch = BROKEN[name]
    (finding,) = check(data)
    assert (finding.rule, finding.severity, finding.xpath) == ("UBL-XSD", "fatal", path)
    assert (finding.seen, finding.expected) == (seen, expected)
    assert finding.message.nl.startswith(dutch)
    assert finding.message.en != finding.message.nl
    assert "urn:" not in finding.message.nl + finding.message.en
    assert finding.line is not None
    tag = path.rpartition("/")[2]
    assert tag.encode() in data.splitlines()[finding.line - 1]


@pytest.mark.parametrize("name", BROKEN)
def test_the_way_for_large_documents_says_the_same(name: str) -> None:
    data = BROKEN[name][0]
    (small,) = check(data)
    assert large(data) == [small]


def test_the_only_thing_missing_is_named_plainly() -> None:
    words, _, expected = schema.explain("Element 'cac:X': Missing child element(s). Expected is ( cbc:ID ).")
    assert words.nl == "In cac:X ontbreekt cbc:ID."
    assert words.en == "cac:X is missing cbc:ID."
    assert expected == "cbc:ID"


def test_an_unknown_message_still_becomes_a_finding() -> None:
    words, seen, expected = schema.explain("Element 'x': Something libxml2 has not said before.")
    assert "Something" in words.nl
    assert (seen, expected) == (None, None)


def test_the_path_does_not_depend_on_the_prefixes_of_the_sender() -> None:
    data = BROKEN["no date"][0]
    renamed = data.replace(b"cbc:", b"x:").replace(b"xmlns:cbc", b"xmlns:x")
    renamed = renamed.replace(b"<Invoice xmlns=", b"<inv:Invoice xmlns:inv=").replace(
        b"</Invoice", b"</inv:Invoice"
    )
    (finding,) = check(renamed)
    assert finding.xpath == "/Invoice/cbc:IssueDate"
    assert "cbc:IssueDate" in finding.message.en


def test_a_valid_large_document_has_no_findings() -> None:
    data = builders.invoice(lines=500)
    assert large(data) == []


def test_thousands_of_wrong_lines_give_a_few_findings_in_good_time() -> None:
    line = _LINE.search(LAWFUL)
    assert line is not None
    bad = b"  <cac:InvoiceLine>\n    <cbc:ID>1</cbc:ID>\n  </cac:InvoiceLine>\n"
    data = LAWFUL.replace(line[0], bad * 20_000)
    begin = time.process_time()
    findings, more = schema.check_large(data, xml.parse(data), "ubl-invoice")
    assert time.process_time() - begin < 2
    assert more
    assert len(findings) == schema.MOST + 1
    assert "Mend this first" in findings[-1].message.en
    assert findings[1].xpath == "/Invoice/cac:InvoiceLine[2]"
    assert findings[1].line == (findings[0].line or 0) + 3


def test_blank_lines_by_the_million_cost_nothing() -> None:
    data = BROKEN["no date"][0].replace(b"<cbc:IssueDate>", b"\n" * 2_000_000 + b"<cbc:IssueDate>")
    begin = time.process_time()
    (finding,) = large(data)
    assert time.process_time() - begin < 1
    assert finding.xpath == "/Invoice/cbc:IssueDate"
    assert finding.line == 2_000_008


def test_on_a_single_line_the_place_is_left_open_rather_than_guessed() -> None:
    line = _LINE.search(LAWFUL)
    assert line is not None
    data = LAWFUL.replace(line[0], b"<cac:InvoiceLine><cbc:ID>1</cbc:ID></cac:InvoiceLine>" * 3)
    data = b"".join(part.strip() + b" " for part in data.splitlines())
    findings = large(data)
    assert findings
    assert all(finding.xpath == "" and finding.line == 1 for finding in findings)


def test_threads_never_hear_of_each_others_documents() -> None:
    names = ["wrong place", "missing child", "no date", "no number", None] * 40
    wanted = {name: check(BROKEN[name][0] if name else LAWFUL) for name in set(names)}

    def one(name: str | None) -> bool:
        return check(BROKEN[name][0] if name else LAWFUL) == wanted[name]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, names))


def test_the_package_with_the_schemas_is_never_imported() -> None:
    script = (
        "import sys; from libs.einvoice import schema; schema.compiled('ubl-creditnote');"
        "sys.exit('facturx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
