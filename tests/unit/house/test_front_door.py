"""Make, the locks and the tree: what a newcomer meets first."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "requirements").rglob("*.txt"))


def test_bare_make_prints_every_target() -> None:
    said = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for target in phony:
        assert target == "help" or f"  make {target} " in said


def test_without_a_fit_python_make_says_what_to_do(tmp_path: Path) -> None:
    """A machine whose only interpreter is too old."""
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("sh", "awk", "make", "mkdir", "touch"):
        found = subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip()
        (path / tool).symlink_to(found)
    old = path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "-s", f"VENV={tmp_path / 'venv'}", "demo"],
        cwd=ROOT,
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "needs Python 3.11 or later" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locks_pin_hashes_and_name_no_address(lock: Path) -> None:
    text = lock.read_text("utf-8")
    pins = re.findall(r"^[a-z0-9].*", text, re.MULTILINE)
    assert pins
    assert [line for line in pins if not re.match(r"[a-z0-9._\[\]-]+==\S+", line)] == []
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text


def test_a_version_is_the_same_in_every_lock() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text("utf-8"), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_wish_is_locked(path: Path) -> None:
    lock = path.read_text("utf-8")
    for line in path.with_suffix(".in").read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "-r")):
            wished = re.split(r"[<>=\[ ]", line)[0]
            assert re.search(rf"^{re.escape(wished)}==", lock, re.MULTILINE), wished


def test_nothing_is_left_for_later() -> None:
    """No open ends in what ships, and no tests that are switched off."""
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
    off = re.compile(r"pytest\.(mark\.)?(sk" + r"ip|xf" + r"ail|importorsk" + r"ip)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for top in ("libs", "services", "tests", "deploy")
        for path in (ROOT / top).rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".sql", ".toml", ".yaml", ".html"}
        and "codelists" not in path.parts  # a code of ISO 4217 looks like one
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if words.search(line) or (off.search(line) and path.name != "test_trace.py")
    ]
    assert found == []
