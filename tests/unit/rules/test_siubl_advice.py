"""SI-UBL's advice where there is little to advise on, and what is copied of its lists and numbers."""

from __future__ import annotations

import re

import pytest

from libs.rules import engine
from libs.testing import examples
from libs.testing.examples.edits import edited

NUMBER = rb"<cac:PartyTaxScheme>.*?</cac:PartyTaxScheme>"
COUNTRY = rb"<cac:Country>.*?</cac:Country>"
SELLERS = "AccountingSupplierParty/Party/PartyTaxScheme"
BUYERS_COUNTRY = "AccountingCustomerParty/Party/PostalAddress/Country/IdentificationCode"


def rules(data: bytes, pack: str) -> list[str]:
    return [finding.rule for finding in engine.validate(data, pack).findings]


@pytest.mark.parametrize(
    ("without", "told"), [((), 0), ((NUMBER,), 1), ((COUNTRY,), 0), ((NUMBER, COUNTRY), 1)]
)
@pytest.mark.parametrize("pack", ["siubl-1.1", "siubl-1.2"])
def test_a_vat_number_begins_with_its_country_where_there_is_either(
    without: tuple[bytes, ...], told: int, pack: str
) -> None:
    """Where there is neither only 1.2 still asks for a number: 1.1 finds that nothing begins with nothing."""
    data = examples.base({"siubl-1.1": "s11", "siubl-1.2": "siubl-1.2"}[pack])
    for part in without:
        data = re.sub(part, b"", data, count=1, flags=re.DOTALL)
    if pack == "siubl-1.1" and without == (NUMBER, COUNTRY):
        told = 0
    assert rules(data, pack).count("EUGEN-T10-R041") == told


@pytest.mark.parametrize(("pack", "base", "told"), [("siubl-1.1", "s11", 0), ("siubl-1.2", "siubl-1.2", 1)])
def test_a_country_without_code_is_in_the_list_of_1_1_alone(pack: str, base: str, told: int) -> None:
    empty = edited(examples.base(base), f"{BUYERS_COUNTRY}=")
    assert rules(empty, pack).count("CL-T10-R004") == told
    assert "CL-T10-R004" in rules(edited(empty, f"{BUYERS_COUNTRY}=XX"), pack)


@pytest.mark.parametrize(
    ("pack", "base", "rule", "told"),
    [
        ("siubl-1.0", "s10", "BIIRULE-T10-R003", 1),
        ("siubl-1.1", "s11", "EUGEN-T10-R041", 1),
        ("siubl-1.2", "siubl-1.2", "EUGEN-T10-R041", 0),
    ],
)
def test_of_two_vat_numbers_only_1_2_looks_at_the_second(pack: str, base: str, rule: str, told: int) -> None:
    twice = edited(
        examples.base(base),
        f"*{SELLERS};{SELLERS}/CompanyID=123456789B01;{BUYERS_COUNTRY}=BE",
    )
    assert rules(twice, pack).count(rule) == told
    assert rules(edited(twice, f"{SELLERS}[2]/CompanyID=123456789B01"), pack).count(rule) == 1


@pytest.mark.parametrize(("unit", "told"), [("ZZ", 0), (" ZZ ", 0), ("4A", 1), ("ZZ ZZ", 1)])
def test_a_unit_of_two_words_is_told_as_an_old_one(unit: str, told: int) -> None:
    data = edited(examples.base("siubl-1.2"), f"InvoiceLine[1]/InvoicedQuantity@unitCode={unit}")
    found = rules(data, "siubl-1.2")
    assert [found.count("OP-T10-R056"), found.count("OP-T10-R057")] == [told, told]


@pytest.mark.parametrize(
    ("pack", "zero", "told"),
    [("siubl-1.2", "-0.00", 1), ("siubl-1.2", "-0", 0), ("siubl-1.2", "0.00", 0), ("siubl-1.1", "-0.00", 0)],
)
def test_vat_turned_round_is_zero_and_not_less(pack: str, zero: str, told: int) -> None:
    """To the engine of the official rules a zero with a minus sign and a point is less than zero."""
    base = {"siubl-1.1": "s11", "siubl-1.2": "siubl-1.2"}[pack]
    data = edited(
        examples.base(base),
        f"TaxTotal/TaxSubtotal/TaxCategory/ID=AE;TaxTotal/TaxSubtotal/TaxAmount={zero};TaxTotal/TaxAmount={zero}",
    )
    assert rules(data, pack).count("BII2-T10-R050") == told


@pytest.mark.parametrize(
    ("pack", "base", "first", "second", "told"),
    [
        ("siubl-1.1", "s11-delivery", "Franco", "Af fabriek", 0),
        ("siubl-1.1", "s11-delivery", "\\n", "Af fabriek", 1),
        ("siubl-1.2", "s12-delivery", "Franco", "Af fabriek", 1),
        ("siubl-1.2", "s12-delivery", "", "Af fabriek", 0),
    ],
)
def test_of_several_terms_of_delivery_each_version_makes_something_else(
    pack: str, base: str, first: str, second: str, told: int
) -> None:
    terms = "DeliveryTerms/SpecialTerms"
    data = edited(examples.base(base), f"*{terms};{terms}[1]={first};{terms}[2]={second}")
    assert rules(data, pack).count(f"SI-V{pack[-3]}{pack[-1]}-INV-R008") == told
