"""A bill of materials of each image: what its list pins, no more and no less, in a form the tools of others read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


SERVICES = ("ingest", "portal")


def begun(service: str) -> subprocess.Popen[str]:
    """As `make sbom` calls it; it checks its own output against the schema."""
    pins = str(ROOT / "requirements" / "services" / f"{service}.txt")
    what = ("requirements", pins, "--output-reproducible", "--of", "JSON", "--sv", "1.6")
    return subprocess.Popen([sys.executable, "-m", "cyclonedx_py", *what], stdout=subprocess.PIPE, text=True)


def test_it_lists_what_is_pinned() -> None:
    for service, process in [(service, begun(service)) for service in SERVICES]:
        said, _ = process.communicate()
        assert process.returncode == 0, service
        bill = json.loads(said)
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
        pins = (ROOT / "requirements" / "services" / f"{service}.txt").read_text("utf-8")
        wanted = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", pins, re.MULTILINE)
        assert len(wanted) > 40
        assert {(each["name"], each["version"]) for each in bill["components"]} == set(wanted)
        assert all(each["purl"].startswith("pkg:pypi/") for each in bill["components"])
