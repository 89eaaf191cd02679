"""The pages that name things name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libs.contracts.registry import PAYLOADS
from libs.contracts.topology import TOPOLOGY

ROOT = Path(__file__).parents[3]
RULES = ROOT / "docs" / "rules"
EVERY = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "services").glob("*/README.md")])
# The hundreds that are made by one hand are looked at in one go: see below.
PAGES = [page for page in EVERY if page.parent != RULES]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_every_queue_and_event_is_on_the_architecture_page() -> None:
    tables = "\n".join(line for line in ARCHITECTURE.splitlines() if line.startswith("|"))
    for queue in TOPOLOGY.queues:
        row = re.search(rf"^\| `{re.escape(queue.name)}` \| (.*?) \|", tables, re.MULTILINE)
        assert row, queue.name
        patterns = [binding.pattern.removesuffix(".#") for binding in queue.bindings]
        assert [p for p in patterns if p not in row[1]] == [], queue.name
    for kind in PAYLOADS:
        assert f"`{kind.rpartition('.')[0]}`" in ARCHITECTURE, kind


def test_nothing_there_names_an_event_that_is_not() -> None:
    known = {kind.rpartition(".")[0] for kind in PAYLOADS}
    named = set(re.findall(r"`((?:invoice|account|party)\.[a-z_]+)`", ARCHITECTURE))
    assert named <= known


def test_the_architecture_page_says_who_emits_what() -> None:
    """As the services' wiring declares it; an event nobody emits stands in nobody's row."""
    kinds = {model.__name__: kind for kind, model in PAYLOADS.items()}
    table = ARCHITECTURE.partition("| service | emits |")[2].partition("\n\n")[0]
    said = {
        row[1]: set(re.findall(r"`([a-z_.]+)`", row[2]))
        for row in re.finditer(r"^\| (\w+) \| (.*) \|$", table, re.MULTILINE)
    }
    wired = {}
    for app in sorted((ROOT / "services").glob("*/app.py")):
        for emits in re.findall(r"emits=\((.*?)\),", app.read_text("utf-8"), re.DOTALL):
            names = re.findall(r"(\w+)\.type", emits)
            wired[app.parent.name] = {kinds[name].rpartition(".")[0] for name in names}
    assert said == wired


@pytest.mark.parametrize("page", ["README.md", "docs/testing.md"])
def test_every_tier_is_listed_and_no_other(page: str) -> None:
    there = {found.relative_to(ROOT / "tests").parts[0] for found in (ROOT / "tests").glob("*/**/*.py")}
    text = (ROOT / page).read_text("utf-8")
    row = re.search(r"^tests/ +((?:\w+  )+) ", text, re.MULTILINE)
    listed = row[1].split() if row else re.findall(r"^\| `tests/(\w+)`", text, re.MULTILINE)
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("page", [*PAGES, RULES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_make_targets_lead_somewhere(page: Path) -> None:
    for each in sorted(page.glob("*.md")) if page.is_dir() else [page]:
        text = each.read_text("utf-8")
        links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
        assert [link for link in links if not (each.parent / link).exists()] == [], each.name
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= TARGETS, each.name


@pytest.mark.parametrize(
    "folder",
    [
        ROOT / "docs" / "adr",
        *sorted((ROOT / "services").glob("*/migrations")),
        *sorted((ROOT / "libs").glob("*/migrations")),
    ],
    ids=lambda folder: str(folder.relative_to(ROOT)),
)
def test_numbers_are_given_once_and_in_a_row(folder: Path) -> None:
    numbers = sorted(int(found.name[:4]) for found in folder.glob("[0-9][0-9][0-9][0-9]*"))
    assert numbers == list(range(1, len(numbers) + 1))
    for record in folder.glob("*.md"):
        assert record.read_text("utf-8").startswith(f"# {int(record.name[:4])}. ")
