"""Prints a bill of materials of the image it runs in (CycloneDX 1.6): every package of Python and of the system that is
really there. Needs nothing but Python: it runs once, while the image is built.

    python sbom.py ingest > /app/sbom.cdx.json
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions


def python() -> Iterator[dict[str, str]]:
    """What pip installed."""
    for each in distributions():
        name, version = each.metadata["Name"], each.version
        yield _component(name, version, f"pkg:pypi/{name.lower().replace('_', '-')}@{version}")


def system() -> Iterator[dict[str, str]]:
    """What the base image brings, where it is Debian's or Ubuntu's."""
    if shutil.which("dpkg-query") is None:
        return
    form = "${Package} ${Version} ${Architecture}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603, S607
    for line in listed.stdout.splitlines():
        name, version, arch = line.split()
        # As the specification of package URLs has it: a plus sign is written out.
        told = version.replace("+", "%2B").replace(":", "%3A")
        yield _component(name, version, f"pkg:deb/debian/{name.replace('+', '%2B')}@{told}?arch={arch}")


def _component(name: str, version: str, purl: str) -> dict[str, str]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def bill(service: str) -> dict[str, object]:
    """Without a time or a serial number: the same image has the same bill."""
    found = {each["purl"]: each for source in (python(), system()) for each in source}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": f"postbode-{service}",
                "name": f"postbode-{service}",
            }
        },
        "components": [found[purl] for purl in sorted(found)],
    }


if __name__ == "__main__":
    json.dump(bill(sys.argv[1]), sys.stdout, indent=1)
