"""File names, as mail programs and attackers write them."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.uploads import names
from services.ingest.uploads.part import Part


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("=?UTF-8?B?" + b64encode("factuur één.xml".encode()).decode() + "?=", "factuur één.xml"),
        ("=?iso-8859-1?Q?factuur_=E9=E9n=2Exml?=", "factuur één.xml"),
        ("=?utf-8*nl?Q?factuur?=.xml", "factuur.xml"),
        ("=?utf-8?Q?fac?=\r\n =?utf-8?Q?tuur.xml?=", "factuur.xml"),
        ("=?no-such-charset?Q?x?=.xml", "=?no-such-charset?Q?x?=.xml"),
        ("=?utf-8?Q?=FF?=.xml", "=?utf-8?Q?=FF?=.xml"),
        (b"\xe9.xml".decode("ascii", "surrogateescape"), "é.xml"),
        ("a\x00b.xml", "ab.xml"),
        ("../../../etc/passwd.xml", "passwd.xml"),
        ("C:\\facturen\\F1.xml", "F1.xml"),
        ("\x1b[2Jnieuw\r\nregel.xml", "[2Jnieuwregel.xml"),
        ("fac\u202elmx.exe", "faclmx.exe"),
        ("..", None),
        ("\x00", None),
        ("", None),
    ],
)
def test_a_part_has_a_clean_name_whoever_made_it(given: str, shown: str | None) -> None:
    assert Part(b"", given).filename == shown


def test_a_long_name_keeps_its_beginning_and_its_extension() -> None:
    name = Part(b"", "F" * 3000 + ".xml").filename
    assert name is not None
    assert (len(name), name[-5:]) == (names.MOST_SHOWN, "F.xml")


def test_names_that_look_alike_when_cut_or_cleaned_are_still_two() -> None:
    long = "F" * 300
    assert Part(b"", f"{long}1.xml").stem != Part(b"", f"{long}2.pdf").stem
    assert Part(b"", "F\x001.xml").stem != Part(b"", "F1.pdf").stem


def test_an_accent_is_an_accent_however_it_is_written() -> None:
    assert Part(b"", "e\u0301.xml").stem == Part(b"", "\u00e9.PDF").stem


@given(st.text(alphabet=st.characters()))
def test_no_name_can_do_harm(name: str) -> None:
    shown = Part(b"", name).filename
    if shown is not None:
        assert shown.isprintable()
        assert "/" not in shown
        assert len(shown) <= names.MOST_SHOWN
        shown.encode()
