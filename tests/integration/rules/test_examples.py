"""For every rule of a pack an invoice that breaks it, and one that does not."""

from __future__ import annotations

from functools import cache

import pytest

from libs.rules import engine
from libs.rules.checks import unused
from libs.rules.packs import peppol
from libs.rules.rule import never
from libs.testing import examples, rulepages


@cache
def broken(data: bytes, pack: str) -> set[str]:
    return {finding.rule for finding in examples.judged(data, pack)}


@pytest.mark.parametrize("pack", examples.PACKS)
def test_each_rule_is_broken_by_its_example_and_not_by_the_mended_one(pack: str) -> None:
    wrong = [
        (example.rule, "not broken" if rule_missing else "broken when mended")
        for example in examples.of(pack)
        for rule_missing in (example.rule not in broken(example.failing(), pack),)
        if rule_missing or example.rule in broken(example.passing(), pack)
    ]
    assert wrong == []


@pytest.mark.parametrize("pack", examples.PACKS)
def test_what_examples_begin_with_is_lawful(pack: str) -> None:
    for name in examples.bases(pack):
        found = examples.judged(examples.base(name), pack)
        assert [finding.rule for finding in found if finding.severity == "fatal"] == [], name


@pytest.mark.parametrize("pack", examples.PACKS)
def test_no_example_is_forgotten_or_said_twice(pack: str) -> None:
    shown = [example.rule for example in examples.of(pack)]
    assert len(shown) == len(set(shown))


CANNOT = {
    "POSTBODE-XML": "about a file that is no XML: nothing changed in an invoice makes it one",
    "SI-INV-R000": "about the root: an invoice is none other whatever is changed in it",
    "SI-UBL-INV-R000": "said of every invoice of SI-UBL 1.0, whatever is in it",
    "BIIRULE-T10-R030": "asked only of who claims SI-UBL 1.0, and so has what it asks for",
}
"""Rules without an example, and why."""


@pytest.mark.parametrize("pack", ["siubl-1.0", "siubl-1.1", "siubl-1.2"])
def test_every_rule_of_a_pack_has_one(pack: str) -> None:
    shown = {example.rule for example in examples.of(pack)}
    asked = {rule.id for rule in engine.PACKS[pack].rules if rule.check not in (never, unused)}
    assert asked - shown - CANNOT.keys() == set()


def test_every_fatal_rule_that_can_be_broken_has_one() -> None:
    shown = {example.rule for pack in examples.PACKS for example in examples.of(pack)}
    asked = {
        rule.id
        for every in engine.releases().values()
        for pack in every
        for rule in pack.rules
        if rule.severity == "fatal" and (rule.check is not never or rule.most is not None)
    }
    assert asked - shown - CANNOT.keys() == set()


def test_every_rule_that_has_words_has_one() -> None:
    """Ours, and those that only advise, too."""
    shown = {example.rule for pack in examples.PACKS for example in examples.of(pack)}
    never_broken = {
        rule.id
        for every in engine.releases().values()
        for pack in every
        for rule in pack.rules
        if rule.check is never and rule.most is None
    }
    assert rulepages.rules().keys() - shown - CANNOT.keys() - never_broken == set()


def test_every_rule_of_peppol_beside_those_of_en16931_has_one() -> None:
    shown = {example.rule for example in examples.of("peppol")}
    assert {rule.id for rule in peppol.RULES} - shown == set()
