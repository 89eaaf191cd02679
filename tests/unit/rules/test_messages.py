"""Every rule speaks Dutch and English, in its own words, and says where to mend it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from libs.rules import engine, messages

FOLDER = Path(messages.__file__).parent


def table(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))


def fatal() -> list[str]:
    return [rule.id for rule in engine.rules().values() if rule.severity == "fatal"]


def test_both_languages_know_the_same_rules_and_every_fatal_one() -> None:
    assert set(table("nl")) == set(table("en"))
    assert {*fatal(), engine.UNPARSED} <= set(table("nl"))


@pytest.mark.parametrize("rule", sorted(table("nl")))
def test_every_rule_has_a_message_and_a_hint_in_both_languages(rule: str) -> None:
    for language in ("nl", "en"):
        words = table(language)[rule]
        assert set(words) == {"message", "hint"}
        for text in words.values():
            assert len(text) > 15
            assert text[0].isupper()
            assert text.endswith(".")
            assert rule not in text, "a rule's id means nothing to a bookkeeper"
    said = messages.of(rule)
    assert said.message.nl != said.message.en
    assert said.hint.nl != said.hint.en


def test_a_warning_nobody_wrote_words_for_names_the_field() -> None:
    said = messages.of("UBL-CR-001", "/Invoice/cac:InvoiceLine[3]/cbc:FreeOfChargeIndicator")
    assert "FreeOfChargeIndicator" in said.message.nl
    assert "FreeOfChargeIndicator" in said.message.en


def test_ids_are_unique_within_a_pack() -> None:
    for pack in engine.PACKS.values():
        ids = [rule.id for rule in pack.rules]
        assert len(ids) == len(set(ids)), pack.name
