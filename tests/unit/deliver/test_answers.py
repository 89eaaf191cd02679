"""A receiver's words in the codes of Peppol's Invoice Response (https://docs.peppol.eu/poacc/upgrade-3/: the rules and code
lists of T111)."""

from __future__ import annotations

from typing import get_args

import pytest

from services.deliver.receivers.answers import OTHER, STATUS, Why, Word, coded

STATUSES = {"AB", "AP", "RE", "IP", "UQ", "CA", "PD"}
"""UNCL4343-T111."""
REASONS = {"NON", "REF", "LEG", "REC", "QUA", "DEL", "PRI", "QTY", "ITM", "PAY", "UNR", "FIN", "PPD", "OTH"}
"""OPStatusReason."""


def test_every_word_has_a_status_and_every_code_is_one_of_the_list() -> None:
    assert set(STATUS) == set(get_args(Word))
    assert set(STATUS.values()) <= STATUSES
    # Partly paid goes with PD alone (R005), which no word here is.
    assert set(get_args(Why)) == REASONS - {"PPD"}
    assert "PD" not in STATUS.values()


@pytest.mark.parametrize("answer", ["queried", "rejected"])
def test_who_asks_or_rejects_has_a_code(answer: Word) -> None:
    """R001."""
    assert coded(answer, None) == OTHER
    assert coded(answer, "PRI") == "PRI"
    with pytest.raises(ValueError, match="NON"):
        coded(answer, "NON")


def test_who_accepts_names_no_trouble() -> None:
    assert coded("accepted", None) is None
    assert coded("accepted", "NON") == "NON"
    with pytest.raises(ValueError, match="queried"):
        coded("accepted", "QTY")
