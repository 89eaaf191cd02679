"""Markup that passed before (``libs.einvoice.passed``): what it lets through is what the parser would let through."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.einvoice import gate, passed
from libs.errors import TooLarge, Unprocessable
from libs.testing import builders

INVOICE = builders.invoice(lines=2)
PLAIN = b"""<?xml version="1.0"?>\n<!DOCTYPE-free xmlns="urn:a">""".replace(b"!DOCTYPE-free", b"Invoice")
SMALL = PLAIN + b"""<a b="x y">one</a><a b="x y"> two </a></Invoice>\n"""
NASTY = [
    b"<", b">", b"</a>", b"<a>", b"&", b"&amp;", b"&x;", b"&#0;", b"]]>", b"<!--", b"-->", b"<![CDATA[", b"<?p?>", b"?",
    b'"', b"'", b"=", b"/", b"/>", b"\x0b", b"\xef\xbf\xbf", b"\xef\xbf\xbe", b"\xc3\xa9", b"\r", b" ", b"plain", b"",
    b"<b c='>'>", b"<a b=\">\">",
]  # fmt: skip


def said(data: bytes) -> object:
    try:
        return gate.check(data)
    except (Unprocessable, TooLarge) as no:
        return no.code, no.extra


def both(data: bytes, known: bytes) -> tuple[object, object]:
    """What the gate says where nothing was seen, and where ``known`` was."""
    passed.forget()
    fresh = said(data)
    passed.forget()
    gate.check(known)
    return fresh, said(data)


@given(
    at=st.integers(0, len(SMALL)),
    length=st.integers(0, 6),
    put=st.lists(st.sampled_from(NASTY), max_size=3),
)
@example(at=0, length=0, put=[b" "])
@example(at=len(SMALL), length=0, put=[b"plain"])
@example(at=len(PLAIN) - 1, length=0, put=[b">"])
@example(at=SMALL.index(b"<Invoice"), length=0, put=[b"plain"])
@example(at=SMALL.index(b"one"), length=3, put=[b"\xef\xbf\xbf"])
@example(at=SMALL.index(b"x y"), length=0, put=[b">"])
def test_a_document_is_judged_alike_whether_its_like_was_seen_or_not(
    at: int, length: int, put: list[bytes]
) -> None:
    changed = SMALL[:at] + b"".join(put) + SMALL[at + length :]
    fresh, known = both(changed, SMALL)
    assert known == fresh


@pytest.mark.parametrize(
    ("known", "changed"),
    [
        (b"<r a='>x>y'><b/></r>", b"<r a='>x' x>y'><b/></r>"),
        (b"<!--c--><r>x</r>", b"<!--c-->bad<r>x</r>"),
        (b"<?p q?><?p q?><r>x</r>", b"<?p q?><?p q?>bad<r>x</r>"),
        (b"<r><![CDATA[a]]></r>", b"<r><![CDATA[a]]&]></r>"),
    ],
    ids=["angle in attribute", "comment", "instruction", "cdata"],
)
def test_where_markup_and_text_are_not_plainly_apart_the_parser_is_asked(
    known: bytes, changed: bytes
) -> None:
    fresh, again = both(changed, known)
    assert again == fresh
    assert isinstance(fresh, tuple), "the example should be refused"


@given(st.data())
def test_an_invoice_whose_texts_are_exchanged_is_judged_alike(data: st.DataObject) -> None:
    spots = [found.span(1) for found in re.finditer(rb">([^<]+)<", INVOICE)]
    begin, end = data.draw(st.sampled_from(spots))
    text = data.draw(
        st.one_of(st.text(max_size=20).map(lambda t: t.encode("utf-8", "ignore")), st.sampled_from(NASTY))
    )
    fresh, known = both(INVOICE[:begin] + text + INVOICE[end:], INVOICE)
    assert known == fresh


def test_other_texts_in_known_markup_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    passed.forget()
    first = gate.check(builders.invoice(number="F1", buyer_name="Jansen &amp; Zn"))
    monkeypatch.setattr(gate, "_walk", None)
    second = gate.check(builders.invoice(number="F2", buyer_name="Café De Hoek &amp; Co"))
    assert (second.root, second.namespace, second.line) == (first.root, first.namespace, first.line)
    assert b"F2" in second.data


def test_other_limits_are_not_taken_for_kept() -> None:
    passed.forget()
    gate.check(SMALL)
    with pytest.raises(Unprocessable) as caught:
        gate.check(SMALL, gate.Limits(elements=2))
    assert caught.value.code == "too-many-elements"


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    passed.forget()
    monkeypatch.setattr(passed, "_MOST", 3)
    for name in "abcdefgh":
        gate.check(b"<%b>text</%b>" % (name.encode(), name.encode()))
    assert len(passed._PASSED) <= 3


def test_large_documents_leave_nothing_behind() -> None:
    passed.forget()
    gate.check(b"<a>" + b"x" * passed.LONGEST + b"</a>")
    assert not passed._PASSED
