"""What another release would change of one judgement, and by which rules."""

from __future__ import annotations

import pytest

from libs.contracts.parts import Finding, InvoiceSummary, Words
from services.validate.judgement import Judgement
from services.validate.shadow import compared


def judged(rules: str) -> Judgement:
    """Rules of which those in capitals are fatal."""
    findings = tuple(
        Finding(
            rule=rule,
            severity="fatal" if rule.isupper() else "warning",
            message=Words(nl="Zo niet.", en="Not so."),
        )
        for rule in rules.split()
    )
    fatals = sum(each.severity == "fatal" for each in findings)
    return Judgement("peppol", "peppol", fatals, len(findings) - fatals, findings, InvoiceSummary())


@pytest.mark.parametrize(
    ("now", "then", "breaks", "mends"),
    [
        ("", "a", ("a",), ()),
        ("a b", "", (), ("a", "b")),
        ("a", "b X A", ("A", "X", "b"), ("a",)),
        ("X a", "Y", ("Y",), ("X", "a")),
    ],
)
def test_warnings_that_come_and_go_are_a_reason_too_behind_what_is_fatal(
    now: str, then: str, breaks: tuple[str, ...], mends: tuple[str, ...]
) -> None:
    change = compared("1", judged(now), judged(then))
    assert change is not None
    assert (change.breaks, change.mends) == (breaks, mends)


@pytest.mark.parametrize(("now", "then"), [("", ""), ("a X", "X a"), ("a", "b")])
def test_the_same_verdict_for_the_same_fatal_rules_is_no_change(now: str, then: str) -> None:
    assert compared("1", judged(now), judged(then)) is None
