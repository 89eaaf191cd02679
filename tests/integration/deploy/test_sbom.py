"""A bill of materials of each image: what its list pins, no more and no less, in a form the tools of others read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("service", ["ingest", "portal"])
def test_it_lists_what_is_pinned(service: str) -> None:
    pins = ROOT / "requirements" / "services" / f"{service}.txt"
    # As `make sbom` calls it; it checks its own output against the schema.
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        str(pins),
        "--output-reproducible",
        "--of",
        "JSON",
    ]
    done = subprocess.run([*command, "--sv", "1.6"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    wanted = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", pins.read_text("utf-8"), re.MULTILINE)
    assert len(wanted) > 40
    assert {(each["name"], each["version"]) for each in bill["components"]} == set(wanted)
    assert all(each["purl"].startswith("pkg:pypi/") for each in bill["components"])
