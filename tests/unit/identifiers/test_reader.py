"""Numbers as people type them, and what each is taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.identifiers import be, branch, canonical_scheme, gln, iban, kvk, oin, read, vat


def found(text: str, scheme: str | None = None) -> tuple[str, str] | None:
    identifier = read(text, scheme)
    return None if identifier is None else (identifier.scheme, identifier.value)


@pytest.mark.proves("R31")
@pytest.mark.parametrize(
    "text",
    [
        "58070036",
        " 58070036 ",
        "5807 0036",
        "58.07.00.36",
        "5807\u00a00036",
        "KvK 58070036",
        "KVK: 58070036",
        "kvk-nummer 58070036",
        "KvK nr. 58070036",
        "NL:KVK 58070036",
        "Kamer van Koophandel 58070036",
    ],
)
def test_a_kvk_number_is_read_however_it_is_decorated(text: str) -> None:
    assert found(text) == ("0106", "58070036")
    assert found(text, "0106") == ("0106", "58070036")
    assert found(text, "NL:KVK") == ("0106", "58070036")


def test_leading_zeros_belong_to_a_kvk_number() -> None:
    assert found("01234567") == ("0106", "01234567")


@pytest.mark.parametrize(
    "text",
    [
        "5807003",
        "5807003.0",
        "580700.00",
        "580700361",
        "58070036a",
        "２２３３４４５５",
        "",
        "Postbus 58070036",
    ],
)
def test_what_is_not_eight_digits_is_no_kvk_number(text: str) -> None:
    assert kvk.read(text) is None


@pytest.mark.proves("R34", "SA8")
@pytest.mark.parametrize("text", ["000027449173", "0000 2744 9173", "vestigingsnummer: 000027449173"])
@pytest.mark.parametrize("scheme", [None, "0106", "NL:KVK", "0217"])
def test_a_branch_number_is_never_taken_for_a_kvk_number(text: str, scheme: str | None) -> None:
    assert found(text, scheme) == (branch.SCHEME, "000027449173")
    assert kvk.read(text) is None


@pytest.mark.parametrize("scheme", [None, "0106", "NL:KVK", "0190", "NL:OIN", "NL:OINO"])
def test_an_oin_is_an_oin_in_whatever_field_it_was_typed(scheme: str | None) -> None:
    assert found("0000 0003 58070036 0000", scheme) == ("0190", "00000003580700360000")


def test_an_oin_may_hold_a_kvk_number_or_an_rsin() -> None:
    assert oin.kvk("00000003580700360000") == "58070036"
    assert oin.kvk("00000003580700360001") is None
    assert oin.kvk("00000001123456789000") is None
    assert oin.rsin("00000001123456789000") == "123456789"
    assert oin.rsin("00000003580700360000") is None
    assert oin.read("12345678901234567890") is None


@pytest.mark.proves("R32")
@pytest.mark.parametrize(
    ("text", "scheme", "value"),
    [
        ("NL 0024.55.799.B11", "9944", "NL002455799B11"),
        ("BTW NL123456789B13", "9944", "NL123456789B13"),
        ("BE 0403.019.261", "9925", "BE0403019261"),
        ("BE403019261", "9925", "BE0403019261"),
        ("DE136695976", "9930", "DE136695976"),
    ],
)
def test_vat_numbers(text: str, scheme: str, value: str) -> None:
    assert found(text) == (scheme, value)
    assert found(text, "NL:VAT") == (scheme, value)
    assert vat.valid(value)


@pytest.mark.parametrize("text", ["NL12345678B01", "NL1234567890B1", "XX123456789", "DEUTSCHLAND"])
def test_what_only_looks_like_a_vat_number(text: str) -> None:
    assert vat.read(text) is None


def test_check_digits_of_a_vat_number_are_told_apart_from_its_form() -> None:
    assert vat.read("NL123456789B01") == "NL123456789B01"
    assert not vat.valid("NL123456789B01")
    assert not vat.valid("BE0403019262")


def test_belgian_numbers() -> None:
    assert found("0403.019.261") == ("0208", "0403019261")
    assert found("403.019.261", "0208") == ("0208", "0403019261")
    assert found("KBO 0403.019.261") == ("0208", "0403019261")
    assert be.enterprise("0403019262") is None
    assert be.establishment("2.142.635.117") is None or be.establishment("2142635117") == "2142635117"
    assert be.establishment("0403019261") is None
    check = 97 - 21426351 % 97
    assert be.establishment(f"21426351{check:02d}") == f"21426351{check:02d}"


def test_gln_and_iban() -> None:
    assert found("8712345678906") == ("0088", "8712345678906")
    assert found("8712345678907") is None
    assert found("8712345678907", "GLN") == ("0088", "8712345678907")
    assert not gln.valid("8712345678907")
    assert iban.read("nl91 abna 0417 1643 00") == "NL91ABNA0417164300"
    assert iban.read("NL92ABNA0417164300") is None
    assert iban.shown("NL91ABNA0417164300") == "NL91 ABNA 0417 1643 00"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NL:KVK", "0106"),
        (" nl:oin ", "0190"),
        ("GLN", "0088"),
        ("0184", "0184"),
        ("ZZZ", None),
        (None, None),
    ],
)
def test_scheme_names(name: str | None, code: str | None) -> None:
    assert canonical_scheme(name) == code


def test_a_scheme_nobody_knows_gives_nothing_rather_than_a_guess() -> None:
    assert found("58070036", "ZZZ") is None
    assert found("58070036", "0190") is None
    assert found("58070036", "0184") == ("0184", "58070036")


@pytest.mark.proves("R36")
@pytest.mark.parametrize("text", ["2e verdieping", "Postbus 1", "t.a.v. de administratie", "1234 AB", None])
def test_address_text_is_no_identifier(text: str | None) -> None:
    assert read(text) is None


def test_the_check_of_kvk_numbers_only_ever_warns() -> None:
    assert not kvk.looks_mistyped("58070036")
    assert kvk.looks_mistyped("58070037")
    assert kvk.read("58070037") == "58070037"
    assert not kvk.looks_mistyped("33031431"), "older numbers do not follow the check"


@given(
    st.text(max_size=120),
    st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["0106", "NL:OIN", "0208"])),
)
def test_reading_never_raises_and_is_stable(text: str, scheme: str | None) -> None:
    first = read(text, scheme)
    if first is not None:
        assert read(first.value, first.scheme if first.scheme.isdigit() else None) == first


@given(st.integers(min_value=0, max_value=10**13))
def test_only_eight_digits_become_a_kvk_number(number: int) -> None:
    text = str(number)
    identifier = read(text, "0106")
    assert (identifier is not None and identifier.scheme == "0106") == (len(text) == 8)


def test_a_text_of_any_length_costs_nothing() -> None:
    assert read("58070036" + " " * 100) is None
    assert read("5" * 1_000_000) is None
