"""``make commonest`` counts what somebody might send, each invoice once for a rule."""

from __future__ import annotations

import json
from pathlib import Path

from libs.rules import messages
from libs.testing import builders, commonest, rulepages


def test_each_invoice_counts_once_for_a_rule_and_made_ones_not_at_all(tmp_path: Path) -> None:
    found = {
        "a.xml": ("nl", builders.invoice(break_rule="BR-NL-2")),
        "b.xml": ("nl", builders.invoice(lines=3, break_rule="BR-NL-2").replace(b' unitCode="C62"', b"")),
        "c.xml": ("nl", builders.invoice()),
        "d.xml": ("mut-cr", builders.invoice(break_rule="BR-NL-2")),
        "e.xml": ("en-unit", builders.invoice(break_rule="BR-NL-2")),
        "f.xml": ("nl", b"<html/>"),
    }
    rows = []
    for name, (group, data) in found.items():
        (tmp_path / name).write_bytes(data)
        rows += [json.dumps({"file": name, "group": group, "pack": pack}) for pack in ("x", "y")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(rows), "utf-8")
    every, invalid, broken = commonest.count(commonest.documents(tmp_path))
    assert (every, invalid) == (4, 3)
    assert broken == {"BR-NL-2": 2, "BR-23": 1}
    assert "| 1 | [BR-NL-2](rules/BR-NL-2.md) | 2 |" in commonest.page(every, invalid, broken)


def test_the_walkthrough_is_about_those_that_were_counted() -> None:
    assert len(commonest.commonest()) == commonest.TWENTY
    walked = rulepages.walkthrough()
    for number, rule in enumerate(commonest.commonest(), 1):
        assert f"## {number}. [{rule}]" in walked
        for text in (messages.of(rule).hint.nl, messages.of(rule).hint.en):
            assert "Exact Globe" in text, rule
            assert "Exact Online" in text, rule
