"""What images leave out is what nothing of ours loads, and what they say they hold is in a form others read."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import opentelemetry.exporter
import opentelemetry.proto
import pikepdf
import pytest
import stdnum.be
import stdnum.eu
import stdnum.nl
import typst
import zstandard
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from libs.einvoice import convert
from libs.einvoice.formats import hybrid
from libs.testing import builders
from tests.unit.house.test_requirements_lists import SERVICES, imported, pinned

ROOT = Path(__file__).parents[3]
INSTALL = (ROOT / "deploy" / "install.sh").read_text("utf-8")
MODULES = {"googleapis-common-protos": "google", "pillow": "PIL", "pypdf": "pypdf"}
"""Distributions that come along and go again, by the module each brings."""
LOADS_PARTS = ("lxml", "stdnum")
"""Of these only parts go."""
PAGE = b"#set document(date: datetime(year: 2026, month: 1, day: 1))\n= Factuur"
DRAWS = f"""
import sys, typst
loaded = lambda: "memfd:typst" in open("/proc/self/maps").read()
before = loaded()
page = typst.Compiler(ignore_system_fonts=True).compile({PAGE!r}, format="pdf", pdf_standards="a-3b")
sys.stdout.buffer.write(f"{{before}} {{loaded()}} ".encode() + page)
"""
"""What a process does that draws with the Typst of images."""


def taken_out() -> set[str]:
    (names,) = re.findall(r"pip uninstall (.*?) 2>", INSTALL)
    return {word for word in names.split() if not word.startswith("--")}


def test_nothing_is_taken_out_that_a_service_imports() -> None:
    assert taken_out() == MODULES.keys()
    for service in SERVICES:
        assert not imported(service) & {*MODULES.values(), "facturx", "mssql_py_core"}, service
    assert all(any(name in pinned(service) for service in SERVICES) for name in MODULES), (
        "no longer comes along"
    )


def test_no_part_is_taken_out_that_is_loaded() -> None:
    parts = re.findall(r"\b(?:lxml|stdnum)/(\w+)(?!\.dat)\b", INSTALL)
    assert {"objectify", "html", "cn"} <= set(parts)
    loads = re.compile(
        rf"^\s*(?:from|import) (?:{'|'.join(LOADS_PARTS)})\b.*\b(?:{'|'.join(parts)})\b", re.MULTILINE
    )
    ours = (path for tree in ("libs", "services") for path in (ROOT / tree).rglob("*.py"))
    theirs = (
        path for each in (pikepdf, stdnum.nl, stdnum.be, stdnum.eu) for path in within(each).rglob("*.py")
    )
    assert [str(path) for path in (*ours, *theirs) if loads.search(path.read_text("utf-8"))] == []


def test_telemetry_is_sent_without_googles_messages() -> None:
    others = re.compile(r"^\s*(?:from|import) google\.(?!protobuf\b|_upb\b)", re.MULTILINE)
    senders = (*within(opentelemetry.exporter).rglob("*.py"), *within(opentelemetry.proto).rglob("*.py"))
    assert len(senders) > 20
    assert [str(path) for path in senders if others.search(path.read_text("utf-8"))] == []


def within(package: ModuleType) -> Path:
    (folder,) = package.__path__
    return Path(folder)


def test_a_pdf_is_read_and_written_without_what_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ["PIL", "pypdf", *(name for name in sys.modules if name.startswith("PIL."))]:
        monkeypatch.setitem(sys.modules, module, None)
    data = convert.convert(builders.invoice(number="F1"), "pdf")[0].data
    assert hybrid.extract(data).xml
    assert hybrid.unfit(data) == ()


def test_a_page_is_the_same_drawn_by_the_packed_library(tmp_path: Path) -> None:
    """As ``deploy/install.sh`` packs it; in a process of its own, for a library is loaded once."""
    packed = tmp_path / "typst"
    packed.mkdir()
    shutil.copy(ROOT / "deploy" / "typst.py", packed / "__init__.py")
    library = (within(typst) / "_typst.abi3.so").read_bytes()
    (packed / "_typst.abi3.so.zst").write_bytes(zstandard.ZstdCompressor(1).compress(library))
    done = subprocess.run(
        [sys.executable, "-c", DRAWS],
        capture_output=True,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
    )
    before, after, drawn = done.stdout.split(b" ", 2)
    assert (before, after) == (b"False", b"True"), "unpacked by whoever draws, and nobody else"
    assert drawn == typst.Compiler(ignore_system_fonts=True).compile(PAGE, format="pdf", pdf_standards="a-3b")


def test_the_bill_of_materials_is_one() -> None:
    bill = sbom().bill("ingest")
    text = json.dumps(bill)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert bill == sbom().bill("ingest"), "the same image has the same bill"
    purls = [each["purl"] for each in json.loads(text)["components"]]
    assert any(purl.startswith("pkg:pypi/lxml@") for purl in purls)


def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "deploy" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
