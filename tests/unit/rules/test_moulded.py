"""A document of known markup: the same verdict as of one that was never seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libs.einvoice import detect, shelf, xml
from libs.einvoice.facts import Facts
from libs.einvoice.tree import Element, Group
from libs.rules import engine, moulded
from libs.rules.checks import at_most_one, cents_at_most, exists, filled, one_of
from libs.rules.packs import structure
from libs.rules.rule import Breach, Finish, Pack, Rule
from libs.testing import builders
from libs.testing.verdicts import said

NLCIUS = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    shelf.forget()
    yield
    shelf.forget()


def anew(data: bytes, pack: str | None = None) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "split", lambda *_: None)
        return said(data, pack)


def known(data: bytes, pack: str | None = None) -> bool:
    """Whether the verdict came by the mould."""
    return engine.validate(data, pack).parsed is not None


def teach(data: bytes, pack: str | None = None) -> None:
    for _ in range(2):
        assert not known(data, pack)


@pytest.mark.parametrize("pack", [None, "en16931", "nlcius", "ubl-2.1"])
def test_the_third_document_of_a_markup_is_not_parsed(
    pack: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = builders.invoice(lines=6)
    wanted = anew(data, pack)
    teach(data, pack)
    for _ in range(2):
        assert known(data, pack)  # what the pack leaves open is found out, with codes and without
    with monkeypatch.context() as patch:
        patch.setattr(xml, "parse", None)
        assert known(data, pack)
        other = data.replace(b"<cbc:ID>F1<", b"<cbc:ID>F2<")
        assert engine.validate(other, pack).summary.number == "F2"
    assert said(data, pack) == wanted


def test_any_number_of_lines_is_the_same_markup() -> None:
    teach(builders.invoice(lines=6))
    for lines in (3, 60):
        assert known(builders.invoice(lines=lines))


@pytest.mark.proves("R4")
@pytest.mark.parametrize(
    "rule", ["BR-CO-10", "BR-CO-13", "BR-CO-14", "BR-NL-1", "BR-25", "BR-27", "BR-23", "BR-NL-13"]
)
def test_a_broken_rule_says_the_same(rule: str) -> None:
    for lines in (1, 12):
        shelf.forget()
        teach(builders.invoice(lines=lines))
        data = builders.invoice(lines=lines, break_rule=rule)
        assert rule in {finding.rule for finding in engine.validate(data).findings}
        assert said(data) == anew(data)


def test_packs_of_one_name_are_not_taken_for_each_other() -> None:
    """Who claims the g-account extension is held to more, under the same name."""
    plain = builders.invoice(lines=1)
    other = plain.replace(NLCIUS, NLCIUS + b"#conformant#urn:fdc:nen.nl:gaccount:v1.0")
    assert other != plain
    for first, second in ((plain, other), (other, plain)):
        shelf.forget()
        for data in (first, first, first, second, second, second, first):
            assert said(data) == anew(data)
    assert known(plain)
    assert "BR-GA-1" in {finding.rule for finding in engine.validate(other).findings}


def test_other_codes_are_other_rules_to_ask() -> None:
    lawful = builders.invoice(lines=2)
    teach(lawful)
    for old, new in (
        (b">EUR<", b">USD<"),
        (b">S<", b">E<"),
        (b">S<", b">B<"),
        (b">21<", b">9<"),
        (b">380<", b">384<"),
        (b">380<", b">999<"),
        (b"nlcius", b"xlcius"),
        (b">NL<", b">BE<"),
    ):
        data = lawful.replace(old, new, 1)
        assert data != lawful
        for _ in range(3):
            assert said(data) == anew(data)
        assert known(lawful)


def test_a_crowd_of_codes_is_not_kept() -> None:
    lawful = builders.invoice(lines=1)
    teach(lawful)
    for number in range(25):
        data = lawful.replace(b"MeansCode>30<", b"MeansCode>%d<" % (100 + number))
        assert data != lawful
        assert said(data) == anew(data)
    (kept,) = shelf._MOULDS.values()
    assert len(kept.memo) <= moulded._MOST_CODES
    long = lawful.replace(b"MeansCode>30<", b"MeansCode>" + b"5" * 2_000 + b"<")
    assert said(long) == anew(long)


def test_what_the_hub_says_beside_the_rules_has_its_lines() -> None:
    data = builders.invoice(buyer_kvk="5807003")
    wanted = anew(data)
    teach(data)
    assert known(data)
    assert said(data) == wanted
    (finding,) = engine.own(engine.validate(data))
    assert finding.rule == "POSTBODE-KVK-BUYER"
    assert finding.line is not None
    assert b"5807003" in data.splitlines()[finding.line - 1]


# ------------------------------------------------------------------ which rules are left open


def _root_text(_: Facts, root: Group) -> Breach | None:
    return Breach(root.element) if root.text("ID") == "BAD" else None


def _asks_too_much(_: Facts, leaf: Element) -> Breach | None:
    return Breach(leaf) if leaf.sourceline is None else None


def _pack(*rules: Rule, finish: tuple[Finish, ...] = ()) -> Pack:
    return Pack("made up", "", rules, finish)


def _open(pack: Pack, data: bytes) -> object:
    root = xml.parse(data)
    for _ in range(2):
        document = shelf.split(data)
        assert document is not None
        shelf.learn(document, root, detect.root_of(root).syntax)
    document = shelf.split(data)
    assert document is not None
    assert document.mould is not None
    made = document.mould.cast(document.texts)
    assert made is not None
    holds = moulded.clean(pack, document.mould, made)
    left = document.mould.memo[pack]
    if not isinstance(left, moulded.Open):
        assert left is False
        assert not holds
        return None
    return sum(len(checks) for _, checks in left.rules), len(left.finish), holds


def test_rules_that_ask_for_no_text_are_asked_once() -> None:
    rules = (
        Rule("A", "fatal", (), exists("ID")),
        Rule("B", "fatal", (), at_most_one("ID"), "/Line"),
        Rule("C", "fatal", (), filled("ID")),
        Rule("C", "fatal", (), cents_at_most("PayableAmount"), "/cac:LegalMonetaryTotal"),
        Rule("C", "fatal", (), cents_at_most("PriceAmount"), "/Line/cac:Price"),
        Rule("D", "fatal", (), one_of({"EUR"}), "/cbc:DocumentCurrencyCode"),
        Rule("E", "fatal", (), exists("NoSuchThing"), when=lambda facts: facts.is_credit_note),
        Rule("F", "fatal", (), exists("NoSuchThing"), when=lambda facts: facts.root.text("ID") == "BAD"),
        Rule("G", "fatal", (), exists("ID"), when=lambda facts: facts.root.text("ID") == "BAD"),
    )
    last = (Finish("Y", "fatal", (), lambda facts: iter(())), structure.NUMBERS)
    assert _open(_pack(*rules, finish=last), builders.invoice()) == (3, 1, True)


def test_a_rule_that_is_broken_by_the_markup_sends_all_of_it_the_ordinary_way() -> None:
    for rule in (
        Rule("A", "fatal", (), exists("NoSuchThing")),
        Rule("A", "fatal", (), exists("NoSuchThing"), "/Line"),
        Rule("A", "warning", (), lambda _, leaf: Breach(leaf), "/cbc:ID"),
        Rule("A", "fatal", (), structure.needs_line, "/cbc:ID", most=0),
    ):
        shelf.forget()
        assert _open(_pack(rule), builders.invoice()) is None


def test_a_rule_that_asks_for_more_than_is_known_sends_all_of_it_the_ordinary_way() -> None:
    assert _open(_pack(Rule("A", "fatal", (), _asks_too_much, "/cbc:ID")), builders.invoice()) is None


def test_a_rule_that_reads_is_asked_of_every_document() -> None:
    pack = _pack(Rule("A", "fatal", (), _root_text))
    assert _open(pack, builders.invoice()) == (1, 0, True)
    shelf.forget()
    assert _open(pack, builders.invoice(number="BAD")) == (1, 0, False)
