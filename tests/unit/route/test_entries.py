"""Numbers as people type them, stored as what they are (R34)."""

from __future__ import annotations

import pytest

from libs.contracts.parts import Identifier
from libs.errors import Unprocessable
from services.route.entries import read_all, read_key


@pytest.mark.parametrize(
    ("scheme", "value", "key"),
    [
        ("0106", "58070036", ("0106", "58070036")),
        ("NL:KVK", "KvK 58.07.00.36", ("0106", "58070036")),
        ("0106", "01234567", ("0106", "01234567")),
        ("9944", "nl 0012.34.567.B01", ("9944", "NL001234567B01")),
        ("branch", "000027449173", ("branch", "000027449173")),
        ("0190", "00000003580700360000", ("0190", "00000003580700360000")),
        ("0208", "0203.201.340", ("0208", "0203201340")),
    ],
)
def test_numbers_are_stored_in_one_form(scheme: str, value: str, key: tuple[str, str]) -> None:
    assert read_key(scheme, value) == key


@pytest.mark.proves("R34")
@pytest.mark.parametrize("value", ["000027449173", "1234567", "5807003X", "", "00000003580700360000"])
def test_what_is_no_kvk_number_is_not_stored_as_one(value: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read_key("0106", value)
    assert refused.value.code == "bad-identifier"
    assert "8 cijfers" in str(refused.value.extra["words"])


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(Unprocessable) as refused:
        read_key("phone", "0201234567")
    assert refused.value.code == "unknown-scheme"
    assert "0106" in refused.value.message


def test_the_same_number_twice_is_one() -> None:
    given = [("0106", "58070036"), ("KVK", "KvK 58070036"), ("9944", "NL001234567B01")]
    assert read_all(given) == (
        Identifier(scheme="0106", value="58070036"),
        Identifier(scheme="9944", value="NL001234567B01"),
    )
