"""A rule that looks at the whole document at each of many places would take minutes over a hostile one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from libs.rules import engine
from libs.testing import builders

MANY = 10_000
SECONDS = 6  # of this process alone; a square of MANY takes ten times that

_C = b'<cbc:CompanyID schemeID="0002">1</cbc:CompanyID>'
_ENTITY = b"<cac:PartyLegalEntity>" + _C + b"</cac:PartyLegalEntity>"
_SUBTOTAL = (
    b'<cac:TaxSubtotal><cbc:TaxableAmount currencyID="EUR">1</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">0'
    b"</cbc:TaxAmount><cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>%d</cbc:Percent><cac:TaxScheme><cbc:ID>VAT"
    b"</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>"
)
_PAIR = b"<cac:OrderLineReference><cbc:LineID>1</cbc:LineID></cac:OrderLineReference>"

_CATEGORY = (
    b"<cac:ClassifiedTaxCategory><cbc:ID>%d</cbc:ID><cbc:Percent>%d</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID>"
    b"</cac:TaxScheme></cac:ClassifiedTaxCategory>"
)

REPEATED = {
    "entities": (b"</cac:AccountingCustomerParty>", b"</cac:Party></cac:AccountingCustomerParty>", _ENTITY, MANY),
    "subtotals": (b"</cac:TaxTotal>", b"</cac:TaxTotal>", _SUBTOTAL, engine.MOST_VAT_GROUPS - 1),
    "order lines": (b"</cac:InvoiceLine>", b"</cac:InvoiceLine>", _PAIR, MANY),
    "types": (b"<cbc:DocumentCurrencyCode>", b"<cbc:DocumentCurrencyCode>",
              b"<cbc:InvoiceTypeCode>384</cbc:InvoiceTypeCode>", MANY),
    "currencies": (b"<cbc:DocumentCurrencyCode>", b"<cbc:DocumentCurrencyCode>",
                   b"<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", MANY),
    "totals": (b"<cac:LegalMonetaryTotal>", b"<cac:LegalMonetaryTotal>",
               b"<cac:LegalMonetaryTotal><cbc:PayableAmount>1</cbc:PayableAmount></cac:LegalMonetaryTotal>", MANY),
    "references": (b"<cac:AccountingSupplierParty>", b"<cac:AccountingSupplierParty>",
                   b"<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>1</cbc:ID>"
                   b"</cac:InvoiceDocumentReference></cac:BillingReference>"
                   b"<cac:OrderReference><cbc:ID>1</cbc:ID></cac:OrderReference>", MANY),
    "prices": (b"</cac:Price>", b"<cac:AllowanceCharge/></cac:Price>", b"<cbc:Amount>1.001</cbc:Amount>", MANY),
    "categories": (b"<cac:ClassifiedTaxCategory>", b"<cac:ClassifiedTaxCategory>", _CATEGORY, MANY // 2),
    "categories of an allowance": (
        b"<cac:TaxTotal>", b"</cac:AllowanceCharge><cac:TaxTotal>",
        _CATEGORY.replace(b"Classified", b""), MANY // 2,
    ),
    "empty": (b"<cac:PaymentMeans>", b"<cac:PaymentMeans>", b"<cac:PaymentMeans/>", MANY),
    "payees": (b"<cac:PaymentMeans>", b"<cac:PaymentMeans>",
               b"<cac:PayeeParty><cac:PartyName><cbc:Name>P</cbc:Name></cac:PartyName></cac:PayeeParty>", MANY),
    "names": (b"</cac:AccountingSupplierParty>", b"</cac:Party></cac:AccountingSupplierParty>",
              b"<cac:PartyName><cbc:Name>N</cbc:Name></cac:PartyName>", MANY),
    "adjustments": (b"<cac:TaxTotal>", b"<cac:TaxTotal>",
                    b"<cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator><cbc:Amount>1</cbc:Amount>"
                    b"</cac:AllowanceCharge>", MANY),
}  # fmt: skip


def crowded(*names: str) -> bytes:
    data = builders.invoice(lines=2)
    for name in names:
        place, instead, piece, times = REPEATED[name]
        pieces = b"".join(piece % ((n,) * piece.count(b"%d")) for n in range(times))
        if instead.startswith(b"</cac:AllowanceCharge>"):
            pieces = b"<cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator>" + pieces
        data = re.sub(rb"\s*</cac:Party>\s*" + place, place, data) if b"</cac:Party>" in instead else data
        before, found, after = data.partition(place)
        assert found
        data = before + pieces + instead + after
    return data


@pytest.mark.parametrize(
    "names",
    [
        ("entities",), ("subtotals",), ("order lines", "references"), ("types", "references"), ("currencies",),
        ("totals", "adjustments"), ("prices",), ("empty",), ("payees", "names"), ("subtotals", "adjustments"),
        ("categories",), ("categories of an allowance", "subtotals"),
    ],
)  # fmt: skip
def test_what_stands_there_ten_thousand_times_takes_seconds(names: tuple[str, ...]) -> None:
    data = crowded(*names)
    begin = time.process_time()
    for pack in ("nlcius", "gaccount"):
        assert engine.validate(data, pack).fatal
    assert time.process_time() - begin < SECONDS


def _blanks() -> bytes:
    return builders.invoice().replace(b"Code>30<", b"Code>" + b" x " * 2_000_000 + b"<")


def _strays() -> bytes:
    """So many errors that the schema is asked no further, behind so few lines that they would be told."""
    attributes = b" ".join(b'a%d="1"' % n for n in range(60))
    good = b"<cac:InvoiceLine><cbc:ID>1</cbc:ID></cac:InvoiceLine>\n"
    bad = good.replace(b"Line>", b"Line " + attributes + b">", 1)
    return builders.invoice().replace(b"<cac:InvoiceLine>", bad * 45 + good * 20_000 + b"<cac:InvoiceLine>")


def _inside(text: bytes) -> bytes:
    return builders.invoice().replace(b"<cac:TaxTotal>", text + b"<cac:TaxTotal>", 1)


def _groups(code: bytes, rate: bytes) -> bytes:
    """VAT groups up to the limit, each of them right: the sum of the same lines, by the thousand."""
    kept = builders.invoice(lines=3_000).replace(b"<cbc:ID>S<", b"<cbc:ID>%s<" % code)
    kept = kept.replace(b"<cbc:Percent>21<", b"<cbc:Percent>%s<" % rate)
    group = kept[kept.index(b"<cac:TaxSubtotal>") : kept.index(b"</cac:TaxTotal>")]
    return kept.replace(b"</cac:TaxTotal>", group * (engine.MOST_VAT_GROUPS - 1) + b"</cac:TaxTotal>", 1)


def _accounts() -> bytes:
    """Means of payment by the ten thousand, all of them named by as many terms, and as many totals that need some."""
    means = b"<cac:PaymentMeans><cbc:ID>%d</cbc:ID><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode></cac:PaymentMeans>"
    terms = b"<cac:PaymentTerms><cbc:PaymentMeansID>%d</cbc:PaymentMeansID></cac:PaymentTerms>"
    totals = (
        b"<cac:LegalMonetaryTotal><cbc:PayableAmount>1</cbc:PayableAmount></cac:LegalMonetaryTotal>" * MANY
    )
    crowd = (
        b"".join(means % n for n in range(MANY)) + b"".join(terms % n for n in reversed(range(MANY))) + totals
    )
    data = builders.invoice().replace(b"<cac:PaymentMeans>", crowd + b"<cac:PaymentMeans>", 1)
    return data.replace(b"nlcius:v1.0", b"nlcius:v1.0#conformant#urn:fdc:nen.nl:gaccount:v1.0", 1)


def _unreadable() -> bytes:
    """The last of many lines has no number: whoever adds them up a thousand times stumbles each time at the end."""
    head, _, tail = _groups(b"S", b"21").rpartition(b'<cbc:LineExtensionAmount currencyID="EUR">')
    return head + b'<cbc:LineExtensionAmount currencyID="EUR">1e9' + tail[tail.index(b"<") :]


def _totals() -> bytes:
    totals = b"<cac:LegalMonetaryTotal><cbc:LineExtensionAmount>1</cbc:LineExtensionAmount></cac:LegalMonetaryTotal>"
    return _unreadable().replace(b"<cac:LegalMonetaryTotal>", totals * 3_000 + b"<cac:LegalMonetaryTotal>", 1)


@pytest.mark.parametrize(
    "make",
    [
        _blanks,
        _strays,
        lambda: _groups(b"S", b"21"),
        lambda: _groups(b"E", b"0"),
        lambda: _groups(b"L", b"21"),
        _unreadable,
        _totals,
        _accounts,
    ],
    ids=["blanks", "strays", "groups of S", "groups of E", "groups of L", "unreadable", "totals", "accounts"],
)
def test_what_fills_a_document_to_its_limits_takes_seconds(make: Callable[[], bytes]) -> None:
    data = make()
    engine.validate(builders.invoice())
    begin = time.process_time()
    assert engine.validate(data).fatal
    assert time.process_time() - begin < SECONDS
