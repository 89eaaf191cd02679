"""A bill of materials of each image: what its list pins, no more and no less, in a form the tools of others read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PINS = ROOT / "requirements" / "services" / "ingest.txt"


def test_it_lists_what_is_pinned() -> None:
    # As `make sbom` calls it; it checks its own output against the schema.
    what = ("requirements", str(PINS), "--output-reproducible", "--of", "JSON", "--sv", "1.6")
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *what], capture_output=True, text=True, check=True
    )
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    wanted = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", PINS.read_text("utf-8"), re.MULTILINE)
    assert len(wanted) > 40
    assert {(each["name"], each["version"]) for each in bill["components"]} == set(wanted)
    assert all(each["purl"].startswith("pkg:pypi/") for each in bill["components"])
