"""Postgres from the wheel: kept data, shared folders, and nobody's permissions changed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from libs.db.embedded import EmbeddedPostgres
from libs.db.types import Connection

PROCESS = """
import os, sys
from pathlib import Path
from libs.db.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
sys.stdin.readline()
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Below pytest's own folder, which only its user may enter, as a home folder is."""
    found = tmp_path / "state" / "postgres"
    yield found
    server = EmbeddedPostgres(found)
    server.start()  # waits for the guard of a killed process
    server.stop()
    if (found / "data-is-at").exists():
        shutil.rmtree(Path((found / "data-is-at").read_text().strip()).parent)


def ask(url: str, query: str) -> object:
    async def run() -> object:
        conn: Connection = await asyncpg.connect(url)
        try:
            return await conn.fetchval(query)
        finally:
            await conn.close()

    return asyncio.run(run())


def start_elsewhere(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A process that started the server and waits to be told to die by kill -9; the server's URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    process.stdout.close()
    return process, url


def kill(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == -signal.SIGKILL


def test_data_survives_stop_and_kill_of_the_process_that_held_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    ask(server.start(), "CREATE TABLE kept AS SELECT 1 AS n")
    server.stop()
    process, url = start_elsewhere(folder)
    ask(url, "INSERT INTO kept VALUES (2)")
    kill(process)
    try:
        # At once: the guard of the dead process may still be stopping the server.
        assert ask(server.start(), "SELECT sum(n) FROM kept") == 3
    finally:
        server.stop()


def test_data_survives_the_server_being_killed_too(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.start()
    ask(url, "CREATE TABLE kept AS SELECT 1 AS n")
    pid = ask(url, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int")
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    server.stop()
    try:
        assert ask(server.start(), "SELECT sum(n) FROM kept") == 1
    finally:
        server.stop()


def test_the_server_goes_when_its_process_is_killed(folder: Path) -> None:
    process, url = start_elsewhere(folder)
    assert ask(url, "SELECT 1") == 1
    kill(process)
    for _ in range(200):
        try:
            ask(url, "SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError):
            # The last is what asyncpg says where the server goes while it is being connected to.
            return
        time.sleep(0.05)
    pytest.fail("the server outlived the process that held it")


def test_a_second_process_borrows_the_server_and_does_not_stop_it(folder: Path) -> None:
    process, url = start_elsewhere(folder)
    try:
        borrower = EmbeddedPostgres(folder)
        assert borrower.start() == url
        borrower.stop()
        assert ask(url, "SELECT 1") == 1
    finally:
        kill(process)


def test_a_removed_folder_is_a_fresh_start(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    ask(server.start(), "CREATE TABLE kept ()")
    server.stop()
    shutil.rmtree(folder)
    try:
        assert ask(server.start(), "SELECT to_regclass('kept')") is None
    finally:
        server.stop()


def test_no_permission_outside_the_data_folder_changes(folder: Path) -> None:
    folder.mkdir(parents=True)
    around = [folder, *folder.parents, Path.home(), *Path.cwd().iterdir()]
    before = {path: (path.stat().st_mode, path.stat().st_uid) for path in around}
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()
    assert {path: (path.stat().st_mode, path.stat().st_uid) for path in around} == before


def test_nothing_listens_on_the_network(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    try:
        url = server.start()
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SELECT lower('É')") == "é"
    finally:
        server.stop()
