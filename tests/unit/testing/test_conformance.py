"""``make conformance`` sees every kind of disagreement, and counts nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from libs.testing import builders, conformance

GOOD = builders.invoice()
BROKEN = builders.invoice(break_rule="BR-NL-2")
TWICE = builders.invoice(break_rule="UBL-SR-09")
MISPLACED = builders.invoice(break_rule="UBL-XSD")
WARNED = builders.invoice().replace(
    b"  <cbc:CustomizationID>", b"  <cbc:UBLVersionID>2.0</cbc:UBLVersionID>\n  <cbc:CustomizationID>"
)


def run(tmp_path: Path, data: bytes, **row: Any) -> tuple[str, bool]:
    told = {"file": "docs/a.xml", "pack": "nlcius-2.0.3.13", "verdict": "valid", "fatal": [], "warning": [],
            "xsd_valid": True, **row}  # fmt: skip
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.xml").write_bytes(data)
    (tmp_path / "manifest.jsonl").write_text(json.dumps(told) + "\n")
    out = io.StringIO()
    scores = conformance.run(tmp_path, out)
    listed = out.getvalue()
    return listed, conformance.tell(scores, out)


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (GOOD, {}),
        (GOOD, {"verdict": "valid_with_warnings", "pack": "en16931-1.3.16"}),
        (WARNED, {"warning": ["UBL-CR-002"]}),
        (BROKEN, {"verdict": "invalid", "fatal": ["BR-NL-2"]}),
        (TWICE, {"verdict": "engine-error", "fatal": ["whatever"]}),
        (MISPLACED, {"verdict": "invalid", "fatal": ["BR-02"], "xsd_valid": False}),
        (MISPLACED, {"xsd_valid": False}),
        (b"<a/>", {"verdict": "engine-error", "xsd_valid": False}),
    ],
)
def test_agreement(tmp_path: Path, data: bytes, row: dict[str, Any]) -> None:
    assert run(tmp_path, data, **row) == ("", True)


@pytest.mark.parametrize(
    ("data", "row", "says"),
    [
        (BROKEN, {}, "verdict: ours invalid, theirs valid"),
        (GOOD, {"verdict": "invalid", "fatal": ["BR-NL-2"]}, "missing ['BR-NL-2']"),
        (BROKEN, {"verdict": "invalid", "fatal": ["BR-NL-3"]}, "extra ['BR-NL-2']"),
        (GOOD, {"warning": ["UBL-CR-002"]}, "missing ['UBL-CR-002']"),
        (WARNED, {}, "extra ['UBL-CR-002']"),
        (GOOD, {"verdict": "engine-error"}, "not invalid"),
        (MISPLACED, {"verdict": "valid"}, "schema-valid: False"),
    ],
)
def test_disagreement(tmp_path: Path, data: bytes, row: dict[str, Any], says: str) -> None:
    listed, holds = run(tmp_path, data, **row)
    assert says in listed
    assert listed.startswith("docs/a.xml nlcius-2.0.3.13: ")
    assert not holds


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("en16931-1.3.16", "en16931"),
        ("nlcius-2.0.3.12", "nlcius"),
        ("gaccount-1.0.13", "gaccount"),
        ("ehf-3", None),
    ],
)
def test_packs_are_found_by_how_their_names_begin(name: str, pack: str | None) -> None:
    assert conformance.pack_of(name) == pack


def test_a_pack_that_is_not_here_is_told_of(tmp_path: Path) -> None:
    listed, _ = run(tmp_path, GOOD, pack="ehf-3")
    assert listed == "ehf-3: 1 rows, no pack here\n"
