"""The preconditions, each its own check with its own message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.sync import checks
from services.sync.checks import Check, GlobeFacts, P2PFacts

P2P = P2PFacts(
    {"DIFFERENT_SUPPLIERS_BY_COMPANY": "Yes", "EXACTGLOBE_ADMINS_SAME_COSTTYPES": "False"},
    frozenset({"VIS", "DEL", "POS", "INV"}),
    frozenset({"001"}),
)
GLOBE = GlobeFacts("001", True, "EUR", "NL", 0, "508", "integrator", True, True)


def failing(found: list[Check]) -> list[str]:
    return [each.rule for each in found if each.stops]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"api_right": False}, "R214"),
        ({"settings": {}}, "R216"),
        ({"address_types": frozenset({"VIS", "DEL", "POS"})}, "R219"),
    ],
)
@pytest.mark.proves("R201", "R214", "R216", "R219")
def test_what_must_hold_of_purchase_to_pay(change: dict[str, Any], rule: str | None) -> None:
    found = list(checks.of_client(replace(P2P, **change)))
    assert failing(found) == ([rule] if rule else [])
    assert checks.stopped(found)[0] is (rule is not None)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"country": "BE"}, None),
        ({"found": False}, "R201.2"),
        ({"code": "002"}, "R215"),
        ({"licensed": False}, "R201.4"),
        ({"currency": "USD"}, "R201.6"),
        ({"country": "DE"}, "R305"),
        ({"bban": 2}, "R201.10"),
        ({"integrator": "cmdm"}, "R201.8"),
        ({"product_update": "420"}, "R202"),
        ({"invoicing": False}, "R217"),
    ],
)
@pytest.mark.proves("R201", "R202", "R215", "R217", "R247", "R305", "SB1", "SB2", "SB19")
def test_what_must_hold_of_an_administration(change: dict[str, Any], rule: str | None) -> None:
    found = list(checks.of_administration(replace(GLOBE, **change), P2P))
    assert failing(found) == ([rule] if rule else [])
    whole, out = checks.stopped(found)
    assert not whole
    assert bool(out) is (rule is not None)
    for each in found:
        assert (each.words.nl, each.words.en) != ("", "")
        assert each.words.nl != each.words.en


@pytest.mark.parametrize(
    ("update", "supported"),
    [
        ("421SP7", True),
        ("421SP6", False),
        ("421", False),
        ("422", True),
        ("508", True),
        ("420SP12", False),
        ("x", False),
    ],
)
@pytest.mark.proves("R202")
def test_supported_updates(update: str, supported: bool) -> None:
    assert checks.supported(update) is supported


@pytest.mark.proves("R201")
def test_suppliers_with_another_name_elsewhere_are_named() -> None:
    found = checks.names_agree({"001": {"1": "A", "2": "B"}, "002": {"1": "A", "2": "C"}})
    assert found.met is None
    assert "2 (001: B; 002: C)" in found.words.en
    assert checks.names_agree({"001": {"1": "A"}, "002": {"1": "A"}}).met is True


@pytest.mark.proves("R218")
def test_the_feature_may_not_be_switched_after_cost_types_went_over() -> None:
    assert not checks.cost_types_switched(None, True).stops
    assert not checks.cost_types_switched(True, True).stops
    assert checks.cost_types_switched(False, True).stops
