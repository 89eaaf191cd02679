"""What an API refuses in a text, and what is left of one that cannot be refused."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from libs.http import fields
from libs.text import EmailAddress, Name, PlainText, one_line, repaired, visible


class Model(BaseModel):
    name: PlainText = Field(min_length=1, max_length=20)
    email: EmailAddress = "a@b.nl"


class Party(BaseModel):
    name: Name = Field(min_length=1, max_length=20)


@pytest.mark.parametrize("bad", ["\x00", "\n", "\x1b[2J", "\x7f", "\x9b", "\u2028", "\u202e", "\ud800"])
def test_a_control_character_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        Model(name=f"a{bad}b")
    with pytest.raises(ValidationError):
        Model(name="a", email=f"a{bad}@b.nl")


@pytest.mark.parametrize("good", ["Café 't Hoekje", "Ünïcödé", "日本", "👩‍👩‍👧", "a b"])
def test_any_script_is_welcome(good: str) -> None:
    assert Model(name=good).name == good


@pytest.mark.parametrize("bad", ["", "   ", "\u00a0 ", "\t", "X\nY", "\u202eX"])
def test_blanks_are_no_name(bad: str) -> None:
    with pytest.raises(ValidationError):
        Party(name=bad)


@pytest.mark.parametrize("good", ["X", " De Jong BV ", "日本"])
def test_what_says_something_is_a_name(good: str) -> None:
    assert Party(name=good).name == good


@given(st.text(alphabet=st.characters()), st.integers(2, 50))
def test_one_line_is_one_printable_line_of_that_length(text: str, most: int) -> None:
    shown = one_line(text, most)
    assert shown.isprintable()
    assert len(shown) <= most
    assert one_line(shown, most) == shown


@pytest.mark.parametrize(
    ("raw", "text"),
    [("é.xml".encode(), "é.xml"), ("é.xml".encode("latin-1"), "é.xml"), (b"a.xml", "a.xml")],
)
def test_bytes_a_parser_could_not_decode_are_decoded(raw: bytes, text: str) -> None:
    assert repaired(raw.decode("ascii", "surrogateescape")) == text


@given(st.text(alphabet=st.characters()))
def test_what_was_repaired_can_be_stored(text: str) -> None:
    repaired(text).encode()


def test_whoever_sends_one_reads_what_to_do() -> None:
    with pytest.raises(ValidationError) as refused:
        Model(name="a\x00", email="geen adres")
    told = [fields.words(error) for error in refused.value.errors()]
    assert "stuurtekens" in told[0]["nl"]
    assert "jan@bedrijf.nl" in told[1]["nl"]


@given(st.text(alphabet=st.characters()))
def test_what_is_visible_does_nothing_to_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\n\t"]
    assert visible(shown) == shown


@given(st.text())
def test_json_reads_the_same_after_it_was_made_visible(text: str) -> None:
    assert json.loads(visible(json.dumps({"a": text}, ensure_ascii=False))) == {"a": text}
