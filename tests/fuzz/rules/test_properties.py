"""Whatever is done to an invoice, the verdict is a verdict."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice import detect, gate
from libs.errors import TooLarge, Unprocessable
from libs.rules import engine
from libs.testing import builders

_TAG = re.compile(rb"<[^>]*>")
_VALUE = re.compile(rb">([^<>]+)<")
_ATTRIBUTE = re.compile(rb'"([^"]*)"')
_LEAF = re.compile(rb"<(cbc:\w+)[^>]*>[^<]*</\1>")
_GROUP = re.compile(rb"<(cac:\w+)>.*?</\1>", re.DOTALL)

BASES = (
    builders.invoice(lines=2, adres2="58070036", buyer_vat="NL002455799B11"),
    builders.invoice(credit_note=True, order="PO-1"),
    builders.invoice(break_rule="BR-NL-5"),
)
VALUES = (
    b"", b" ", b"-1", b"0", b"1e309", b"NaN", b"9" * 40, b"0.005", b"NL", b"nl", b"381", b"true", b"&#x1F600;", b"&lt;",
    b"000027449173", b"00000003580700360000", b"2026-02-30", b"\xc3\xa9\xe2\x82\xac", b"urn:fdc:nen.nl:nlcius:v1.0",
)  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """An invoice with up to six places changed: values, attributes, elements gone, doubled or moved."""
    data = draw(st.sampled_from(BASES))
    for _ in range(draw(st.integers(1, 6))):
        how = draw(st.sampled_from([_VALUE, _ATTRIBUTE, _LEAF, _GROUP, _TAG]))
        places = [match.span(1 if how in (_VALUE, _ATTRIBUTE) else 0) for match in how.finditer(data)]
        if not places:
            continue
        begin, end = places[draw(st.integers(0, len(places) - 1))]
        if how in (_VALUE, _ATTRIBUTE):
            new = draw(st.one_of(st.sampled_from(VALUES), st.binary(max_size=6)))
        elif how is _TAG:
            new = b""
        else:
            piece = data[begin:end]
            new = draw(st.sampled_from([b"", piece * 2, piece * 3, b"<!-- x -->" + piece]))
            if draw(st.booleans()):
                at = places[draw(st.integers(0, len(places) - 1))][0]
                if at < begin:
                    data = data[:at] + piece + data[at:begin] + data[end:]
                    continue
        data = data[:begin] + new + data[end:]
    return data


def passes(data: bytes) -> bool:
    try:
        detect.root(gate.check(data))
    except (Unprocessable, TooLarge):
        return False
    return True


@settings(max_examples=150)
@given(mutants())
def test_every_mutant_that_passes_the_gate_gets_a_verdict(data: bytes) -> None:
    if not passes(data):
        for judge in (engine.validate, gate.check):
            try:
                detect.root(gate.check(data))
                judge(data)
            except (Unprocessable, TooLarge):
                continue
            raise AssertionError("refused by one, taken by the other")
        return
    verdict = engine.validate(data)
    assert verdict == engine.validate(data), "the same bytes, the same verdict"
    for finding in verdict.findings:
        assert finding.message.nl
        assert finding.message.en
        assert finding.line is None or 1 <= finding.line <= data.count(b"\n") + 1
    for pack in engine.PACKS:
        assert engine.validate(data, pack).rule_pack == pack


@settings(max_examples=60)
@given(mutants())
def test_the_way_for_large_documents_finds_the_same_rules_broken(data: bytes) -> None:
    if not passes(data):
        return
    padded = data.rstrip() + b" \n" * engine._LARGE
    small, large = engine.validate(data), engine.validate(padded)
    assert {f.rule for f in small.findings} == {f.rule for f in large.findings}
    assert small.summary == large.summary


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_invoice_are_refused_and_nothing_else(data: bytes) -> None:
    try:
        engine.validate(data)
    except (Unprocessable, TooLarge):
        return
