"""What a change of a party means for those who sent to it, and what confirms one on an operator's word."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.route.companies.entries import read_all
from services.route.companies.parties import Change, Entry, Status
from services.route.confirming.letter_cli import not_checked
from services.route.deciding.decision import Key
from tests.unit.route.sample import BE, BE_VAT, KVK, OIN, VAT


def entry(*keys: Key, status: Status = "confirmed") -> Entry:
    return Entry(UUID(int=1), UUID(int=2), "De Jong", read_all(keys), status=status)


@pytest.mark.proves("R30")
@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ([(KVK, "58070036")], [(KVK, "58070036"), (VAT, "NL001234567B01")], False),
        ([(KVK, "58070036")], [(KVK, "90004760")], True),
        ([(KVK, "58070036"), (VAT, "NL001234567B01")], [(VAT, "NL001234567B01")], True),
        ([(KVK, "58070036")], [(OIN, "00000003580700360000")], False),
        ([(OIN, "00000003580700360000")], [(OIN, "00000003900047600000")], True),
        ([(OIN, "00000001123456780000")], [(OIN, "00000001876543210000")], True),
        ([(VAT, "NL001234567B01")], [(VAT, "NL007654321B01")], True),
        ([(VAT, "NL001234567B01")], [(VAT, "NL001234567B01"), (KVK, "58070036")], False),
        ([(BE_VAT, "BE0203201340")], [(BE_VAT, "BE0403170701")], True),
        ([(BE_VAT, "BE0203201340")], [(BE, "0203201340")], False),
    ],
)
def test_a_party_with_other_numbers_may_be_another_company(
    before: list[Key], after: list[Key], other: bool
) -> None:
    assert Change(entry(*after), entry(*before)).other_company() is other


@pytest.mark.proves("R30")
def test_a_party_that_is_claimed_again_may_become_anybody() -> None:
    number = (KVK, "58070036")
    assert Change(entry(number, status="claimed"), entry(number)).other_company()
    assert not Change(entry(number), entry(number, status="claimed")).other_company()
    assert not Change(entry(number)).other_company()


@pytest.mark.parametrize(
    ("keys", "checked", "confirms"),
    [
        ([(KVK, "58070036"), (VAT, "NL001234567B01")], (KVK, "58070036"), True),
        ([(OIN, "00000003580700360000")], (KVK, "58070036"), True),
        ([(KVK, "58070036"), (VAT, "NL001234567B01")], (KVK, "90004760"), False),
        ([(KVK, "58070036"), (VAT, "NL001234567B01")], (VAT, "NL001234567B01"), False),
        ([(KVK, "58070036")], None, False),
        ([(BE_VAT, "BE0203201340")], (BE, "0203201340"), True),
        ([(BE_VAT, "BE0203201340")], (KVK, "58070036"), False),
        ([(BE_VAT, "BE0203201340")], None, False),
    ],
)
def test_an_operator_confirms_the_number_that_was_looked_up_and_no_other(
    keys: list[Key], checked: Key | None, confirms: bool
) -> None:
    refused = not_checked(entry(*keys, status="claimed"), checked)
    assert (refused is None) is confirms
    assert refused is None or refused.nl != refused.en
