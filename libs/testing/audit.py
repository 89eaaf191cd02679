"""Is any package of the images known to be weak? Asks OSV, which holds the advisories of PyPI and GitHub, about all that is
pinned in one request: a part of ``make check``.

    python -m libs.testing.audit

Ends with 0 when nothing is known, 1 when something is, and 75 when nobody could be asked: ``make check`` then says that it
was skipped, and goes on, for it has to work on a train. Whoever releases asks again (``make audit``).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
OSV = "https://api.osv.dev/v1/querybatch"
SECONDS = 4.0
"""It may take to answer; a check that waits for a network is one that is switched off."""
ACCEPTED: Mapping[str, str] = {}
"""Advisories that do not concern the hub, by id, each with the reason why."""

Pin = tuple[str, str]
"""Name and version."""


class NotAsked(Exception):
    """There is no network, or the other side does not answer as it says it does."""


def pins() -> list[Pin]:
    """Everything that any image installs, once."""
    found: set[Pin] = set()
    for path in (ROOT / "requirements" / "services").glob("*.txt"):
        text = path.read_text("utf-8")
        found.update(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.MULTILINE))
    return sorted(found)


def known(asked: Sequence[Pin], client: httpx.Client) -> list[tuple[Pin, str]]:
    """What is wrong with which, by the advisory's id; without the accepted ones. Raises ``NotAsked``."""
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in asked
    ]
    try:
        reply = client.post(OSV, json={"queries": queries}).raise_for_status().json()
        results = [[vuln["id"] for vuln in each.get("vulns", ())] for each in reply["results"]]
        # As documented, one result for each question, in their order.
        pairs = zip(asked, results, strict=True)
        return [(pin, vuln) for pin, vulns in pairs for vuln in vulns if vuln not in ACCEPTED]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as failed:
        raise NotAsked(str(failed) or type(failed).__name__) from failed


def main(client: httpx.Client | None = None) -> int:
    asked = pins()
    try:
        with client or httpx.Client(timeout=SECONDS) as asking:
            found = known(asked, asking)
    except NotAsked as away:
        print(
            f"nobody could be asked about {len(asked)} packages ({away}); online, run this again or `make audit`"
        )
        return os.EX_TEMPFAIL
    for (name, version), vuln in found:
        print(f"{name} {version}: {vuln}, see https://osv.dev/vulnerability/{vuln}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
