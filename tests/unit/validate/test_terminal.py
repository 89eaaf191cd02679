"""What a bookkeeper sees: what is wrong, the line itself, where to mend it, in 80 columns."""

from __future__ import annotations

import re

import pytest

from libs.errors import Unprocessable
from libs.testing import builders
from services.validate import terminal
from services.validate.judgement import judge, unreadable
from services.validate.report import report
from services.validate.terminal import Language


def shown(data: bytes, language: Language = "nl", *, columns: int = 80, colour: bool = False) -> str:
    view = terminal.view(language, columns, colour=colour)
    return "\n".join(terminal.render(report("F1.xml", judge(data)), data, view))


@pytest.mark.proves("R35")
def test_a_wrong_kvk_number_in_dutch() -> None:
    assert shown(builders.invoice(buyer_kvk="5807003")) == (
        "F1.xml: in orde, met waarschuwingen (1 waarschuwing) [nlcius]\n"
        "\n"
        "  WAARSCHUWING POSTBODE-KVK-BUYER · regel 47 · BT-47\n"
        '  47 | <cbc:CompanyID schemeID="0106">5807003</cbc:CompanyID>\n'
        "  Het KvK-nummer van de koper is geen KvK-nummer: dat heeft acht cijfers; er\n"
        "  staat '5807003'. Met dit nummer is de ontvanger niet te vinden.\n"
        "  Herstellen: Zoek het KvK-nummer (8 cijfers) van uw klant op bij de Kamer van\n"
        "  Koophandel (kvk.nl), vul het in bij de klant en maak de factuur opnieuw. Exact\n"
        "  Online: klantkaart, Algemeen, Kamer van Koophandel. Exact Globe:\n"
        "  factuurdebiteur, contactpersoon, Adres 2 (alleen voor NIEUWE orders). AFAS:\n"
        "  KvK-nummer van de organisatie.\n"
    )


def test_and_without_its_scheme_in_english() -> None:
    said = shown(builders.invoice().replace(b' schemeID="0106">58070036', b">58070036"), "en")
    assert said.startswith("F1.xml: invalid (1 error) [nlcius]\n\n  ERROR BR-NL-10 · line 47 · BT-47\n")
    assert "  47 | <cbc:CompanyID>58070036</cbc:CompanyID>\n" in said
    assert "Exact Globe: invoice debtor, contact person, Adres 2" in " ".join(said.split())


@pytest.mark.parametrize("columns", [20, 80, 500])
@pytest.mark.parametrize("break_rule", builders.BREAKS)
def test_no_line_is_wider_than_the_terminal(break_rule: str, columns: int) -> None:
    said = shown(builders.invoice(break_rule=break_rule, buyer_kvk="000027449173"), columns=columns)
    assert max(map(len, said.splitlines())) <= max(60, min(columns, 100)), said


def test_fatal_ones_come_first_and_many_of_a_rule_are_told_together() -> None:
    data = builders.invoice(lines=9, buyer_kvk="5807003").replace(b' unitCode="C62"', b"")
    said = shown(data)
    assert said.index("FOUT BR-23") < said.index("WAARSCHUWING POSTBODE-KVK-BUYER")
    assert said.count("FOUT BR-23") == terminal.SHOWN
    rest = re.search(r"… nog 6 keer, op regel ([\d, ]+)", said)
    assert rest is not None
    assert len(rest[1].split(",")) == 6


def test_colours_are_asked_for() -> None:
    data = builders.invoice(break_rule="BR-NL-2")
    assert "\x1b[" not in shown(data)
    coloured = shown(data, colour=True)
    assert "\x1b[31;1mongeldig\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured) == shown(data)


def test_nothing_of_a_document_reaches_the_terminal_that_it_obeys() -> None:
    evil = "58\u009b31m\u202e07003"
    said = shown(builders.invoice(buyer_kvk=evil))
    assert all(char.isprintable() or char == "\n" for char in said)
    name = report("a\x1b]0;b\x07.xml", unreadable(Unprocessable("x", code="x")))
    told = "".join(terminal.render(name, b"\x1b[2J", terminal.view("nl", 80, colour=False)))
    assert "\x1b" not in told


def test_of_a_document_on_one_line_the_part_is_quoted_that_matters() -> None:
    data = builders.invoice(buyer_kvk="5807003").replace(b"\n", b"")
    (line,) = [line for line in shown(data).splitlines() if line.startswith("  1 | ")]
    assert ">5807003<" in line
    assert len(line) <= 80


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lines_are_quoted_in_words_whatever_the_encoding(encoding: str) -> None:
    text = builders.invoice(buyer_kvk="5807003", buyer_name="Één BV").decode()
    data = text.replace(' encoding="UTF-8"', "").encode(encoding)
    assert '47 | <cbc:CompanyID schemeID="0106">5807003</cbc:CompanyID>' in shown(data)
