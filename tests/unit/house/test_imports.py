"""The import contracts bite: each one is broken by the import it was written against."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PLANTED = {
    "independence": ("services/validate/planted.py", "services.ingest.uploads.intake"),
    "foundation": ("libs/planted.py", "services.ingest.uploads.intake"),
    "client": ("libs/client/postbode_client/planted.py", "libs.clock"),
    "above": ("services/route/planted.py", "services.cli"),
    "pure": ("libs/rules/planted.py", "socket"),
    "order": ("libs/db/planted.py", "libs.http.problems"),
    "edges": ("services/track/planted.py", "services.track.api"),
    "wiring": ("services/deliver/planted.py", "services.deliver.app"),
    "broker": ("libs/http/planted.py", "libs.messaging.amqp"),
    "tests": ("libs/telemetry/planted.py", "libs.testing.stack"),
}
"""By contract: a file, and what it imports though it must not."""


@pytest.fixture(scope="module")
def contracts() -> configparser.ConfigParser:
    read = configparser.ConfigParser()
    read.read(ROOT / ".importlinter", "utf-8")
    return read


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says about a copy of the tree with every violation in it."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("libs", "services"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    for file, module in PLANTED.values():
        (copy / file).write_text(f"import {module}\n", "utf-8")
    linter = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    path = {**os.environ, "PYTHONPATH": str(copy / "libs" / "client")}
    done = subprocess.run(linter, cwd=copy, capture_output=True, text=True, check=False, env=path)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_every_contract_has_its_violation(contracts: configparser.ConfigParser) -> None:
    named = {section.rpartition(":")[2] for section in contracts.sections() if ":contract:" in section}
    assert named == set(PLANTED)


@pytest.mark.parametrize("contract", PLANTED)
def test_the_contract_bites(contract: str, verdict: str, contracts: configparser.ConfigParser) -> None:
    name = contracts[f"importlinter:contract:{contract}"]["name"]
    assert f"{name} BROKEN" in verdict
    section = re.search(rf"\n{re.escape(name)}\n-+\n(.*?)(\n[^\n]+\n---|\Z)", verdict, re.DOTALL)
    assert section
    file, module = PLANTED[contract]
    assert (
        f"{file.removeprefix('libs/client/').removesuffix('.py').replace('/', '.')} -> {module} "
        in section[1]
    )


def test_every_service_is_under_contract(contracts: configparser.ConfigParser) -> None:
    listed = contracts["importlinter:contract:independence"]["modules"].split()
    present = {f"services.{wiring.parent.name}" for wiring in (ROOT / "services").glob("*/app.py")}
    assert set(listed) == present
    assert contracts["importlinter:contract:above"]["source_modules"].split() == listed
