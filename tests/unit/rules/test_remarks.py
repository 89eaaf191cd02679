"""What a finding says beside the words of its rule, because of where it stands."""

from __future__ import annotations

import re

import pytest

from libs.contracts.parts import Finding
from libs.rules import engine
from libs.rules.remarks import EMPTY
from libs.testing import builders


def finding(data: bytes, rule: str) -> Finding:
    return next(each for each in engine.validate(data).findings if each.rule == rule)


def put(data: bytes, element: bytes, value: bytes) -> bytes:
    changed = re.sub(rb"(<cbc:%s[^>]*>)[^<]*" % element, rb"\g<1>" + value, data)
    assert changed != data
    return changed


@pytest.mark.parametrize(
    ("element", "value", "rule"),
    [
        (b"InvoiceTypeCode", b" 380 ", "BR-NL-7"),
        (b"TaxInclusiveAmount", b"\n25.10 ", "BR-DEC-14"),
        (b"DocumentCurrencyCode", b" EUR ", "BR-CO-15"),
    ],
)
def test_a_blank_around_a_value_is_told(element: bytes, value: bytes, rule: str) -> None:
    data = builders.invoice()
    said = finding(put(data, element, value), rule)
    assert "spatie of regeleinde" in said.message.nl
    assert "blank or a line break" in said.message.en


def test_without_blanks_nobody_speaks_of_them() -> None:
    for data, rule in (
        (put(builders.invoice(), b"InvoiceTypeCode", b"999"), "BR-NL-7"),
        (put(builders.invoice(), b"DocumentCurrencyCode", b"USD"), "BR-CO-15"),
    ):
        assert "spatie" not in finding(data, rule).message.nl


@pytest.mark.parametrize(
    ("party", "country", "number", "hint", "whose"),
    [
        (b"Supplier", "BT-40", "BT-31", "uw eigen", "verkoper"),
        (b"Customer", "BT-55", "BT-48", "klant", "koper"),
    ],
)
def test_whose_country_or_number_it_is_is_told(
    party: bytes, country: str, number: str, hint: str, whose: str
) -> None:
    data = builders.invoice(buyer_vat="NL002455799B11")
    head, mark, tail = data.partition(b"<cac:Accounting%sParty>" % party)
    place = re.sub(rb"(<cbc:IdentificationCode>)NL", rb"\g<1>Nederland", tail, count=1)
    vat = re.sub(rb"(<cbc:CompanyID>)NL", rb"\g<1>11", tail, count=1)
    for changed, rule, term in ((place, "BR-CL-14", country), (vat, "BR-CO-09", number)):
        said = finding(head + mark + changed, rule)
        assert said.terms == (term,)
        assert whose in said.message.nl
        assert said.hint is not None
        assert hint in said.hint.nl.lower()


def test_an_empty_field_that_must_be_filled_is_not_to_be_left_out() -> None:
    data = builders.invoice().replace(b"<cbc:Name>Artikel 1 voor F1<", b"<cbc:Name><")
    said, fatal = finding(data, EMPTY), finding(data, "BR-25")
    assert said.xpath == fatal.xpath
    assert "weg" not in said.message.nl.replace("mag hier niet", "")
    assert "vul het in" in said.message.nl
    assert said.hint == fatal.hint
    other = builders.invoice().replace(b"Betaling binnen 30 dagen", b"")
    assert "laat het weg" in finding(other, EMPTY).message.nl


def test_a_number_without_a_scheme_is_shown_as_it_is() -> None:
    data = re.sub(rb'(<cbc:CompanyID) schemeID="0106"(>58070036)', rb"\g<1>\g<2>", builders.invoice())
    said = finding(data, "BR-NL-10")
    assert said.seen == "58070036"
    assert "?" not in said.message.nl
