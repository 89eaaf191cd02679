"""Whatever the texts in a markup seen before: the verdict of a document that was never seen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice import shelf
from libs.errors import Refusal
from libs.rules import engine
from libs.testing import builders, mutants

_TEXT = re.compile(rb">([^<>]*[^<>\s][^<>]*)<")
BASES = (
    builders.invoice(lines=4, adres2="58070036", buyer_vat="NL002455799B11"),
    builders.invoice(lines=1, order="PO-1"),
    builders.invoice(lines=3, credit_note=True),
    builders.invoice(lines=2).replace(b"C62", b"HUR", 1),
    mutants.of_category("E", "0", lines=2),
    mutants.of_category("K", "0", lines=1),
    re.sub(rb">\s+<", b"><", builders.invoice(lines=4)),
)
VALUES = (
    b"-1", b"0", b"1.005", b"0.001", b"NaN", b"9" * 14, b"9" * 20, b"S", b"E", b"O", b"B", b"AE", b"C62", b"USD", b"nl",
    b"BE", b"380", b"381", b"30", b"58", b"130", b"&#65;", b"&x;", b"&amp;", b"&lt;x", b"]]>", b"\xc3\xa9", b"x\ny",
    b"x\r\ny", b" x", b"", b" ", b"\x0b", b"\xff", b"2026-01-03", b"2025-02-29", b"VAT", b"21", b"9", b"true", b"false",
    b"1", b"0106", b"58070036", b"5807003", b"urn:cen.eu:en16931:2017", b"<cbc:Note>x</cbc:Note>", b"<!-- x -->",
    b"urn:cen.eu:en16931:2017#conformant#urn:fdc:nen.nl:gaccount:v1.0",
)  # fmt: skip


def said(data: bytes, pack: str | None) -> object:
    try:
        verdict = engine.validate(data, pack)
    except Refusal as refusal:
        return refusal.code, refusal.extra
    return verdict, verdict.summary, engine.own(verdict)


def anew(data: bytes, pack: str | None) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "split", lambda *_: None)
        return said(data, pack)


@settings(max_examples=150)
@given(st.data())
def test_whatever_the_texts_are_the_verdict_is_that_of_a_document_never_seen(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(BASES))
    pack = data.draw(st.sampled_from([None, "en16931", "nlcius", "ubl-2.1"]))
    for _ in range(2):
        said(document, pack)
    for _ in range(data.draw(st.integers(1, 3))):
        places = [match.span(1) for match in _TEXT.finditer(document)]
        begin, end = places[data.draw(st.integers(0, len(places) - 1))]
        other = places[data.draw(st.integers(0, len(places) - 1))]
        new = data.draw(st.one_of(st.sampled_from(VALUES), st.just(document[slice(*other)])))
        document = document[:begin] + new + document[end:]
    for _ in range(3):
        assert said(document, pack) == anew(document, pack)
