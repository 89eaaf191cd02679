"""From bytes to a verdict."""

from __future__ import annotations

import re
import time

import pytest

from libs.contracts.parts import Finding
from libs.einvoice import gate, schema
from libs.errors import TooLarge, Unprocessable
from libs.rules import engine
from libs.testing import builders, examples, shapes
from libs.testing.examples.edits import edited

NLCIUS = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"
PEPPOL = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
SI_UBL_1 = b"urn:www.simplerinvoicing.org:si:si-ubl:ver1.1.x"
_LINE = re.compile(rb"  <cac:InvoiceLine>.*?</cac:InvoiceLine>\n", re.DOTALL)


def ids(data: bytes, pack: str | None = None) -> list[str]:
    return [finding.rule for finding in engine.validate(data, pack).findings]


def fatal(data: bytes, pack: str | None = None) -> list[Finding]:
    return [finding for finding in engine.validate(data, pack).findings if finding.severity == "fatal"]


def swap(old: bytes, new: bytes, data: bytes | None = None) -> bytes:
    found = builders.invoice() if data is None else data
    assert old in found
    return found.replace(old, new)


def only(data: bytes, pack: str | None = None) -> Finding:
    (finding,) = engine.validate(data, pack).findings
    return finding


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"lines": 12},
        {"credit_note": True},
        {"buyer_oin": "00000003580700360000"},
        {"seller_oin": "00000003580700360000"},
        {"seller_country": "BE", "seller_kvk": None},
        {"buyer_country": "BE", "buyer_kvk": None},
        {"adres2": "58070036", "order": "PO-1", "reference": "A & B"},
        {"payment_means": "59", "buyer_endpoint": ("0106", "58070036")},
    ],
)
def test_lawful_invoices_have_no_findings(terms: dict[str, object]) -> None:
    verdict = engine.validate(builders.invoice(**terms))  # type: ignore[arg-type]
    assert verdict.findings == ()
    assert not verdict.fatal
    assert (verdict.rule_pack, verdict.profile) == ("nlcius", "nlcius-2.0")
    assert verdict.summary.number == "F1"


@pytest.mark.proves("R4")
@pytest.mark.parametrize("rule", builders.BREAKS)
def test_each_rule_is_broken_alone_and_named_with_line_path_and_words(rule: str) -> None:
    data = builders.invoice(break_rule=rule)
    verdict = engine.validate(data)
    assert verdict.fatal
    finding, *others = sorted(fatal(data), key=lambda finding: finding.rule != rule)
    assert finding.rule == rule
    assert tuple(other.rule for other in others) == builders.ALONGSIDE.get(rule, ())
    assert finding.line is not None
    assert finding.xpath.startswith("/Invoice")
    assert finding.message.nl
    assert finding.hint is not None
    last = re.sub(r"\[\d+\]", "", finding.xpath.rpartition("/")[2])
    # A start tag over several lines has the number of its last one.
    assert last.encode() in b"\n".join(data.splitlines()[: finding.line])


@pytest.mark.parametrize(
    ("rule", "line_holds", "seen", "expected"),
    [
        ("BR-NL-1", b"69599068", "69599068 (0060)", "cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0106']"),
        ("BR-NL-10", b"58070036", "58070036 (0208)", "cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0106']"),
        ("BR-NL-7", b"325", "325", "380, 381, 384, 389"),
        ("BR-NL-12", b"42", "42", "30, 48, 49, 57, 58, 59"),
        ("BR-CO-15", b"TaxInclusiveAmount", "26.10", "25.10"),
        ("BR-CO-16", b"PayableAmount", "26.10", "25.10"),
    ],
)
def test_a_finding_says_what_was_seen_and_what_was_expected(
    rule: str, line_holds: bytes, seen: str, expected: str
) -> None:
    data = builders.invoice(break_rule=rule)
    finding = only(data)
    assert finding.line is not None
    assert line_holds in data.splitlines()[finding.line - 1]
    assert (finding.seen, finding.expected) == (seen, expected)


def test_where_to_mend_a_wrong_kvk_number_is_told_for_exact() -> None:
    hint = only(builders.invoice(break_rule="BR-NL-10")).hint
    assert hint is not None
    assert "Adres 2" in hint.nl
    assert "Kamer van Koophandel" in hint.nl
    assert "Exact Online" in hint.en


# --- packs ---


def test_a_lawful_invoice_with_a_g_account_is_told_nothing() -> None:
    """What the extension needs is no field without a place."""
    assert ids(examples.base("g")) == []
    assert set(ids(examples.base("g"), "nlcius")) == {"UBL-CR-411", "UBL-CR-453", "UBL-CR-459"}


@pytest.mark.parametrize(
    ("claim", "pack", "profile"),
    [
        (NLCIUS, "nlcius", "nlcius-2.0"),
        (NLCIUS + b"#conformant#urn:fdc:nen.nl:gaccount:v1.0", "nlcius", "nlcius-gaccount"),
        (PEPPOL, "peppol", "peppol-bis-3"),
        (b"urn:cen.eu:en16931:2017", "en16931", "en16931"),
        (SI_UBL_1, "siubl-1.1", "si-ubl-1.1"),
        (b"1.0", "ubl-2.1", "unknown"),
        (b"urn:e-fff", "e-fff", "e-fff"),
    ],
)
def test_the_document_chooses_its_pack(claim: bytes, pack: str, profile: str) -> None:
    verdict = engine.validate(swap(NLCIUS, claim))
    assert (verdict.rule_pack, verdict.profile) == (pack, profile)


def test_plain_ubl_2_0_is_held_to_rules_of_ours_and_says_so() -> None:
    version = b"<cbc:UBLVersionID>2.0</cbc:UBLVersionID>\n  <cbc:CustomizationID>1.0</cbc:CustomizationID>"
    data = re.sub(rb"<cbc:CustomizationID>.*?</cbc:CustomizationID>", version, builders.invoice())
    for _ in range(4):
        verdict = engine.validate(data)
        assert (verdict.rule_pack, verdict.findings) == ("ubl-2.0", ())
    assert ids(data.replace(b">F1<", b"><", 1)) == ["POSTBODE-ID"]


def test_or_the_caller_chooses_it() -> None:
    data = builders.invoice(break_rule="BR-NL-2")
    assert ids(data) == ["BR-NL-2"]
    assert ids(data, "en16931") == []
    assert ids(swap(NLCIUS, PEPPOL), "nlcius") == ["SI-V20-INV-R000"]
    with pytest.raises(KeyError):
        engine.validate(data, "nlcius-9")


def test_dutch_rules_hold_for_dutch_sellers_only() -> None:
    data = builders.invoice(break_rule="BR-NL-2", seller_country="BE")
    assert ids(data) == []
    assert ids(builders.invoice(break_rule="BR-NL-13", seller_country="BE")) == ["BR-NL-13"]


def test_they_ask_for_the_claim_to_follow_them_too() -> None:
    data = swap(NLCIUS, PEPPOL, builders.invoice(break_rule="BR-NL-2"))
    assert ids(data, "nlcius") == ["SI-V20-INV-R000"]
    data = swap(NLCIUS, PEPPOL, builders.invoice(break_rule="BR-NL-13"))
    assert ids(data, "nlcius") == ["SI-V20-INV-R000"]


def test_a_missing_customization_is_two_findings_under_nlcius() -> None:
    data = re.sub(rb"  <cbc:CustomizationID>.*?\n", b"", builders.invoice())
    assert ids(data, "nlcius") == ["BR-01", "BII2-T10-R001"]


# --- the official meaning, where it is odd ---


@pytest.mark.parametrize(
    ("code", "found"),
    [(b" 380", ["BR-NL-7"]), (b"380 ", ["BR-NL-7"]), (b"0380", ["BR-CL-01", "BR-NL-7"])],
)
def test_codes_are_compared_letter_by_letter(code: bytes, found: list[str]) -> None:
    # The European list forgives blanks, the Dutch one does not.
    assert ids(swap(b"TypeCode>380<", b"TypeCode>" + code + b"<")) == found


def test_a_credit_note_with_an_invoice_code() -> None:
    data = builders.invoice(credit_note=True)
    assert ids(swap(b"TypeCode>381<", b"TypeCode>380<", data)) == ["BR-CL-01", "BR-NL-8"]
    assert ids(swap(b"TypeCode>381<", b"TypeCode>396<", data)) == ["BR-NL-7", "BR-NL-8"]


@pytest.mark.parametrize(
    ("country", "expected"),
    [(b"NL", ["BR-NL-4"]), (b"BE", []), (b"nl", ["BR-CL-14"]), (None, ["BR-11", "BR-NL-4"])],
)
def test_only_another_country_lets_the_buyers_address_off(country: bytes | None, expected: list[str]) -> None:
    data = builders.invoice(break_rule="BR-NL-4")
    head, mark, tail = data.partition(b"AccountingCustomerParty")
    pattern = rb"        <cac:Country>.*?</cac:Country>\n"
    new = (
        b""
        if country is None
        else (b"<cac:Country><cbc:IdentificationCode>" + country + b"</cbc:IdentificationCode></cac:Country>")
    )
    assert ids(head + mark + re.sub(pattern, new, tail, count=1, flags=re.DOTALL)) == expected


def test_an_order_reference_takes_the_place_of_the_buyers() -> None:
    assert ids(builders.invoice(break_rule="BR-NL-2", order="PO-1")) == []
    assert ids(builders.invoice(break_rule="BR-NL-13", order="PO-1")) == []


def test_means_of_payment_may_stand_in_an_allowance() -> None:
    data = builders.invoice(payment_means=None).replace(
        b"<cac:TaxTotal>",
        b"<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:AllowanceChargeReason>x"
        b'</cbc:AllowanceChargeReason><cbc:Amount currencyID="EUR">0.00</cbc:Amount><cac:TaxCategory><cbc:ID>S</cbc:ID>'
        b"<cbc:Percent>21</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>"
        b"<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode><cac:PayeeFinancialAccount>"
        b"<cbc:ID>NL91ABNA0417164300</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans></cac:AllowanceCharge>"
        b"<cac:TaxTotal>",
    )
    assert "BR-NL-11" not in ids(data)


def test_nothing_to_pay_needs_no_means_of_payment() -> None:
    data = builders.invoice(payment_means=None)
    assert ids(data) == ["BR-NL-11"]
    gross = re.search(rb"<cbc:PayableAmount[^>]*>([0-9.]+)<", data)
    assert gross is not None
    paid = swap(
        b"    <cbc:PayableAmount",
        b'    <cbc:PrepaidAmount currencyID="EUR">'
        + gross[1]
        + b"</cbc:PrepaidAmount>\n    <cbc:PayableAmount",
        data,
    )
    assert ids(paid.replace(gross[0], gross[0].replace(gross[1], b"0.00"))) == []
    assert ids(builders.invoice(payment_means=None, credit_note=True)) == []


def test_a_line_without_a_price_has_none_that_is_not_negative() -> None:
    data = re.sub(rb"    <cac:Price>.*?</cac:Price>\n", b"", builders.invoice(), flags=re.DOTALL)
    assert ids(data) == ["BR-26", "BR-27"]


def test_a_blank_number_of_the_seller() -> None:
    assert ids(swap(b">69599068<", b"> <")) == ["BR-NL-1", "SI-UBL-2"]


def test_a_blank_number_of_the_buyer() -> None:
    assert ids(swap(b">58070036<", b"> <")) == ["BR-NL-10", "SI-UBL-2"]
    assert ids(builders.invoice(buyer_kvk=None)) == ["BR-NL-10"]


# --- documents without a pack ---


def test_a_document_that_claims_nothing_is_held_to_what_delivery_needs_and_no_more() -> None:
    def old(**terms: object) -> bytes:
        return swap(NLCIUS, b"1.0", builders.invoice(**terms))  # type: ignore[arg-type]

    assert ids(old()) == []
    assert ids(old(break_rule="BR-NL-1")) == []
    assert ids(old(break_rule="BR-02")) == ["POSTBODE-ID"]
    assert ids(old(break_rule="UBL-XSD")) == [schema.RULE]
    warned = engine.validate(old(break_rule="BR-CO-15"))
    assert [(f.rule, f.severity) for f in warned.findings] == [("POSTBODE-VAT", "warning")]
    assert not warned.fatal
    nameless = re.sub(rb"        <cbc:RegistrationName>.*?\n", b"", old())
    assert ids(nameless) == ["POSTBODE-SELLER", "POSTBODE-BUYER"]
    line = _LINE.search(old())
    assert line is not None
    assert set(ids(old().replace(line[0], b""))) == {schema.RULE, "POSTBODE-LINE", "POSTBODE-LINES"}


# --- numbers (field.md §C.3 row 30) ---


@pytest.mark.parametrize("value", [b"1e309", b"9" * 1_000_000, b"NaN", b"12,50", b"99999999999999999999"])
def test_what_is_no_number_is_one_finding_and_spoils_no_sum(value: bytes) -> None:
    before, mark, after = builders.invoice().partition(b'<cbc:PayableAmount currencyID="EUR">')
    data = before + mark + value + after[after.index(b"<") :]
    verdict = engine.validate(data)
    assert verdict.fatal
    # What the schema says is not said again; of a number that is only too long it says nothing.
    assert {f.rule for f in verdict.findings} == {schema.RULE if not value.isdigit() else "POSTBODE-NUMBER"}
    if value == b"12,50":
        (finding,) = verdict.findings
        assert finding.message.nl.endswith("is geen getal met een punt.")
        assert finding.hint is not None
        assert "komma" in finding.hint.nl
        assert "SI-UBL" not in finding.hint.nl
    assert all(len(f.seen or "") <= 100 for f in verdict.findings)
    assert verdict.summary.payable is None


# --- refusals, and what only one of the two parsers takes ---


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Geachte heer,", "not-xml"),
        (b"<Invoice", "not-xml"),
        (b"<a><b></a></b>", "not-xml"),
        (builders.invoice().replace(b"F1", b"F & 1"), "not-xml"),
        (b"<html></html>", "not-an-invoice"),
        (b"<html/>", "not-an-invoice"),
        (b"<!DOCTYPE a><a/>", "doctype"),
        (b"<a>" * 70 + b"</a>" * 70, "too-deep"),
        (b"<a>" + b"<b></b>" * 60_000 + b"</a>", "not-an-invoice"),
        (b"<a>" + b"<b></b>" * 60_000, "not-xml"),
        (b"<a>" + b"<b><c></b></c>" * 30_000 + b"</a>", "not-xml"),
        (builders.invoice().replace(b"F1", b"F & 1" + b" " * 300_000), "not-xml"),
        (b"<?xml version='1.0'?>" + b" " * 300_000, "not-xml"),
        (b" " * 300_000 + b"<a></b>", "not-xml"),
    ],
)
def test_what_the_gate_refuses_is_refused_here_too(data: bytes, code: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        engine.validate(data)
    assert caught.value.code == code


def test_too_large_is_refused() -> None:
    with pytest.raises(TooLarge):
        engine.validate(b"<" * (gate.DEFAULT.size + 1))


@pytest.mark.parametrize("padding", [0, 300_000])
def test_what_only_libxml2_refuses_is_a_finding(padding: int) -> None:
    # libxml2 holds names to 50,000 characters, expat to nothing.
    name = b"n" * 60_000
    data = swap(b"  <cbc:ID>F1</cbc:ID>\n", b"<" + name + b"></" + name + b">")
    data = swap(b"</Invoice>", b" " * padding + b"</Invoice>", data)
    gate.check(data)
    verdict = engine.validate(data)
    assert verdict.fatal
    assert [f.rule for f in verdict.findings] == [engine.UNPARSED]


# --- size ---


def test_large_and_small_documents_take_different_ways_to_the_same_verdict() -> None:
    broken = builders.invoice(lines=2, break_rule="BR-NL-10")
    large = swap(b"</Invoice>", b" " * 300_000 + b"</Invoice>", broken)
    assert len(large) > engine._LARGE > len(broken)
    assert engine.validate(large) == engine.validate(broken)


def test_thousands_of_wrong_lines_are_judged_in_good_time_and_not_listed_all() -> None:
    data = builders.invoice()
    line = _LINE.search(data)
    assert line is not None
    bad = line[0].replace(b' unitCode="C62"', b"")
    bad = re.sub(rb"      <cbc:Description>.*?</cbc:Description>\n", b"", bad, flags=re.DOTALL)
    begin = time.process_time()
    verdict = engine.validate(data.replace(line[0], bad * 1_000))
    assert time.process_time() - begin < 2
    rules = [finding.rule for finding in verdict.findings]
    assert rules.count("BR-23") == engine.MOST_OF_ONE_RULE
    assert verdict.findings[-1].xpath.startswith("/Invoice/cac:")


def test_an_invoice_of_thousands_of_lines_is_judged_by_those_that_differ() -> None:
    """More tags than elements are allowed, and not more elements."""
    data = shapes.invoice(4_500)
    assert data.count(b"<") > gate.DEFAULT.elements
    verdict = engine.validate(data)
    assert not verdict.findings
    assert verdict.facts is not None
    assert len(verdict.facts.lines) == 2


def test_what_is_too_large_for_the_ordinary_is_looked_at_by_the_gate_first() -> None:
    data = builders.invoice(lines=1).rstrip()
    long = data.replace(b"<cbc:Note>", b"<cbc:Note>" + b"x" * (gate.DEFAULT.text // 2), 2)
    assert gate.DEFAULT.text < len(long) < gate.DEFAULT.size
    assert engine.validate(long).findings == engine.validate(data).findings
    with pytest.raises(Unprocessable) as refused:
        engine.validate(data.replace(b"<cbc:Note>", b"<cbc:Note>" + b"x" * (gate.DEFAULT.text + 1), 1))
    assert refused.value.code == "text-too-long"
    many = data.replace(b"<cbc:Note>", b"<cbc:Note></cbc:Note>" * gate.DEFAULT.elements + b"<cbc:Note>", 1)
    with pytest.raises(Unprocessable) as refused:
        engine.validate(many)
    assert refused.value.code == "too-many-elements"


# --- Peppol: lines that are alike must be right in themselves too ---


def peppol(lines: int = 12) -> bytes:
    return shapes.invoice(lines, shapes.PEPPOL)


def test_lines_alike_are_reckoned_one_by_one_for_peppol() -> None:
    data = peppol()
    assert ids(data) == []
    # The price of one line alone; its amount, and so every total, stays.
    wrong = re.sub(rb"(<cbc:ID>7</cbc:ID>.*?<cbc:PriceAmount[^>]*>)[0-9.]+", rb"\g<1>1.00", data, count=1)
    (finding,) = engine.validate(wrong).findings
    assert finding.rule == "PEPPOL-EN16931-R120"
    assert "InvoiceLine[7]" in finding.xpath
    assert ids(wrong, "nlcius") == ["SI-V20-INV-R000"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<cbc:ChargeIndicator>false</", b"<cbc:ChargeIndicator>0</"),
        (b'<cbc:PriceAmount currencyID="EUR">12.39</cbc:PriceAmount>', b'<cbc:PriceAmount currencyID="EUR">12.39'
         b'</cbc:PriceAmount><cbc:BaseQuantity unitCode="C62">0</cbc:BaseQuantity>'),
        (b'<cbc:Amount currencyID="EUR">1.00<', b'<cbc:Amount currencyID="EUR">1.10<'),
    ],
)  # fmt: skip
def test_a_line_that_does_not_plainly_reckon_is_looked_at_closely(old: bytes, new: bytes) -> None:
    found = [finding.rule for finding in engine.validate(swap(old, new, peppol())).findings]
    assert set(found) & {"PEPPOL-EN16931-R043", "PEPPOL-EN16931-R121", "PEPPOL-EN16931-R120"}


def test_periods_of_lines_are_held_against_that_of_the_invoice() -> None:
    data = swap(
        b"<cac:OrderReference>",
        b"<cac:InvoicePeriod><cbc:StartDate>2026-04-01</cbc:StartDate><cbc:EndDate>2026-04-30</cbc:EndDate>"
        b"</cac:InvoicePeriod><cac:OrderReference>",
        peppol(),
    )
    line = (
        b"<cac:InvoicePeriod><cbc:StartDate>2026-04-0%d</cbc:StartDate><cbc:EndDate>2026-04-30</cbc:EndDate>"
        b"</cac:InvoicePeriod><cac:OrderLineReference>"
    )
    inside = data.replace(b"<cac:OrderLineReference>", line % 1)
    assert ids(inside) == []
    outside = inside.replace(b"<cbc:StartDate>2026-04-01", b"<cbc:StartDate>2026-03-31").replace(
        b"<cbc:StartDate>2026-03-31", b"<cbc:StartDate>2026-04-01", 8
    )
    assert set(ids(outside)) == {"PEPPOL-EN16931-R110"}


@pytest.mark.parametrize(("zero", "told"), [("0.00", 0), ("-0", 0), ("-0.00", 1), ("-.0", 1), ("-1.00", 1)])
def test_vat_in_two_currencies_has_one_sign(zero: str, told: int) -> None:
    """To the engine of the official rules a zero with a minus sign and a point is less than zero."""
    data = edited(examples.base("two-currencies"), f"TaxTotal[1]/TaxAmount={zero}")
    assert ids(data, "peppol").count("PEPPOL-EN16931-R055") == told
