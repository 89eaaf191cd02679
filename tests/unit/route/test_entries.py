"""Numbers as people type them, stored as what they are (R34)."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest
from typer.testing import CliRunner

from libs.contracts.parts import Identifier
from libs.contracts.party import AccountRegistered
from libs.errors import Unprocessable
from services.route.cli import app
from services.route.companies import claims
from services.route.companies.entries import read_all, read_key, read_name


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
    assert "8 cijfers" in refused.value.words["nl"]


@pytest.mark.proves("R34")
@pytest.mark.parametrize("written", ["1234567", "KvK 123.45.67", "1234567.0", "1234567.0 "])
def test_a_zero_that_a_spreadsheet_lost_is_proposed_and_not_assumed(written: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read_key("0106", written)
    assert refused.value.extra["proposed"] == "01234567"
    assert all("01234567" in refused.value.words[language] for language in ("nl", "en"))


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\t", "A\nB", "x" * 201])
def test_what_is_no_name_is_refused_in_both_languages(blank: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read_name(blank)
    assert refused.value.code == "no-name"
    assert "Vul de naam in" in refused.value.words["nl"]
    assert "Fill the name in" in refused.value.words["en"]


@pytest.mark.parametrize("names", [["--name", "  "], ["--name", "A", "--called", " "]])
def test_the_command_line_enters_nobody_without_a_name(names: list[str]) -> None:
    done = CliRunner().invoke(app, ["add", *names, "--id", "0106:58070036"])
    assert done.exit_code == 1
    assert "no-name: Een naam" in done.output


async def test_a_claim_without_a_name_becomes_no_party() -> None:
    said = AccountRegistered(
        account_id=UUID(int=1), sequence=1, name=" ", email="a@b.example", kvk="58070036"
    )

    class Heard:
        """Knows nothing but that the claim is new: whoever asks for more fails."""

        async def fetch(self, *_: object) -> list[dict[str, UUID]]:
            return [{"account_id": said.account_id}]

    await claims.hear(cast("Any", Heard()), [said])
    with pytest.raises(AttributeError):
        await claims.hear(cast("Any", Heard()), [said.model_copy(update={"name": "De Jong"})])


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


@pytest.mark.proves("R30")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("0106", "58070036"), ("0106", "69599084")),
        (("0106", "69599084"), ("0190", "00000003580700360000")),
        (("0208", "0203.201.340"), ("9925", "BE0403.170.701")),
    ],
)
def test_one_party_has_not_the_numbers_of_two_companies(one: tuple[str, str], other: tuple[str, str]) -> None:
    with pytest.raises(Unprocessable) as refused:
        read_all([one, ("9944", "NL001234567B01"), other])
    assert refused.value.code == "contradiction"
    assert refused.value.words["nl"] != refused.value.words["en"]
    assert len(read_all([("0106", "58070036"), ("0190", "00000003580700360000")])) == 2
