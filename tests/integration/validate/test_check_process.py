"""``postbode check`` as a process: what it loads, what it holds, what it does when nobody reads on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from libs.testing import builders
from libs.testing.machine import most_memory

_LARGEST_KB = 90 * 1024
_CHECK = [sys.executable, "-m", "services.cli", "check"]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.xml"
    path.write_bytes(builders.invoice())
    return path


@pytest.fixture
def paid_elsewhere(tmp_path: Path) -> Path:
    """An invoice whose PDF names another account."""
    path = tmp_path / "F1.xml"
    path.write_bytes(builders.invoice(iban="NL20INGB0001234567"))
    path.with_suffix(".pdf").write_bytes(builders.pdf("Betaal op NL91 ABNA 0417 1643 00"))
    return path


def test_a_stream_of_paths_is_answered_line_by_line_by_a_small_process(good: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.xml"
    large.write_bytes(builders.invoice(lines=1_000, break_rule="BR-NL-10"))
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [*_CHECK, "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=buffered
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Each question waits for its answer: nothing is kept back until there is more of it.
        for path, verdict in ((good, "valid"), (large, "invalid"), (good, "valid")):
            process.stdin.write(f"\n  \n{path}\n".encode())  # blank lines name no file
            process.stdin.flush()
            said = json.loads(process.stdout.readline())
            assert (said["file"], said["verdict"]) == (str(path), verdict)
        used = most_memory(process.pid)
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 1
    assert used < _LARGEST_KB


def test_it_starts_without_what_it_does_not_need(paid_elsewhere: Path) -> None:
    # A verdict on a file needs no database, no broker and no server; each costs a tenth of a second or more. A PDF beside
    # it is read by a process of its own.
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *_CHECK[1:], "--json", str(paid_elsewhere)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "POSTBODE-IBAN-PDF" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "libs.rules.engine" in loaded
    assert not loaded & {
        "asyncpg",
        "aio_pika",
        "fastapi",
        "asyncio",
        "pydantic_settings",
        "facturx",
        "structlog",
        "pypdfium2",
    }


def test_whoever_reads_only_the_beginning_gets_no_traceback(good: Path) -> None:
    command = [*_CHECK, "--json", *[str(good)] * 2_000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
