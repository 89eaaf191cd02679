"""``docs/rules``: what is committed is what the tables, messages and examples make."""

from __future__ import annotations

import pytest

from libs.rules import engine, messages
from libs.testing import examples, rulepages


def test_the_pages_are_those_that_make_rules_writes() -> None:
    written = dict(rulepages.pages())
    there = {file.name: file.read_text("utf-8") for file in rulepages.FOLDER.glob("*.md")}
    assert sorted(written) == sorted(there), "run `make rules`"
    assert [name for name, text in written.items() if there[name] != text] == [], "run `make rules`"


def test_every_fatal_rule_has_a_page_in_both_languages() -> None:
    for name, rule in engine.rules().items():
        if rule.severity == "fatal":
            page = (rulepages.FOLDER / f"{name}.md").read_text("utf-8")
            assert messages.of(name).message.nl in page
            assert messages.of(name).message.en in page


@pytest.mark.parametrize("name", rulepages.mended())
def test_whoever_does_what_the_dutch_page_says_mends_the_invoice(name: str) -> None:
    """From the failing example to the mended one: the finding is gone, and no other has come."""
    hint = messages.of(name).hint.nl
    assert "Exact Globe" in hint
    assert "Exact Online" in hint
    pack, example = next(
        (pack, each) for pack in examples.PACKS for each in examples.of(pack) if each.rule == name
    )
    before = {finding.rule for finding in examples.judged(example.failing(), pack)}
    after = {finding.rule for finding in examples.judged(example.passing(), pack)}
    assert name in before
    assert name not in after
    assert after <= before
