"""A service as the process an operator starts: settings, migrate, serve, signals, on a real Postgres and broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import httpx

from libs.db.settings import DatabaseSettings
from libs.settings import Settings
from libs.testing.databases import Databases
from services.keys import purposes

ROOT = Path(__file__).parents[3]
NOWHERE = "127.0.0.1:9"


def environment(database: DatabaseSettings, amqp_url: str, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
        "POSTBODE_AMQP_URL": amqp_url,
        "POSTBODE_PORT": "0",
        "POSTBODE_INGEST_SMTP_PORT": "0",
        **more,
    }


async def finished(role: str, env: Mapping[str, str], *, service: str = "ingest") -> tuple[int, str, str]:
    """Run to the end: exit code, output, log."""
    process = await _start(role, env, service)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def _start(role: str, env: Mapping[str, str], service: str = "ingest") -> Process:
    # The arguments are ours; the shell is not involved.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}", *role.split(), stdout=PIPE, stderr=PIPE, env=dict(env), cwd=ROOT
    )  # fmt: skip


@contextlib.asynccontextmanager
async def started(
    role: str, env: Mapping[str, str], service: str = "ingest"
) -> AsyncIterator[tuple[Process, str]]:
    """The running process and its address."""
    process = await _start(role, env, service)
    try:
        yield process, f"http://127.0.0.1:{await _port(process)}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _port(process: Process) -> int | None:
    seen = []
    assert process.stderr is not None
    while line := await asyncio.wait_for(process.stderr.readline(), 30):
        seen.append(line.decode())
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event["event"] == "started":
                port: int | None = event["port"]
                return port
    raise AssertionError("".join(seen))


async def stopped(process: Process, number: int = signal.SIGTERM) -> int:
    process.send_signal(number)
    assert process.stderr is not None
    async with asyncio.timeout(30):
        await process.stderr.read()
        return await process.wait()


async def test_migrate_then_serve_then_sigterm(databases: Databases, amqp_url: str) -> None:
    # Roles belong to the server: where nothing was ever migrated there is nobody to log in as.
    await databases.drop(await databases.fresh())
    database = await databases.empty()
    env = environment(database, amqp_url)
    printed, served = await asyncio.gather(finished("migrate --sql", env), finished("serve", env))
    code, script, _ = printed
    assert code == 0
    assert "CREATE TABLE" in script
    assert database.secret not in script
    code, _, log = served
    assert code == 1, "nothing is migrated yet"
    errors = [line for line in map(json.loads, log.splitlines()) if line["level"] == "error"]
    assert "UndefinedTable" in str(errors), "whichever part met it first, the log says why"
    for how in ("migrate --phase pre", "migrate"):
        code, _, log = await finished(how, env)
        assert code == 0, log
    # From here on without the secret: it has what `postbode keys` derives for it.
    master = Settings(secret=env.pop("POSTBODE_SECRET"))
    keys = {purpose: master.derive(purpose).hex() for purpose in purposes("ingest")}
    env["POSTBODE_OWN_KEYS"] = json.dumps({k: v for k, v in keys.items() if k != "ingest_api"})
    code, _, log = await finished("serve", env)
    assert (code, "POSTBODE_OWN_KEYS: there is no key for “ingest_api”" in log) == (78, True)
    env["POSTBODE_OWN_KEYS"] = json.dumps(keys)
    async with started("serve", env) as (process, address), httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{address}/readyz")).json() == {"status": "ok", "failing": {}}
        assert (await http.get(f"{address}/v1/accounts/me")).status_code == 401
        measured = (await http.get(f"{address}/metrics")).text
        assert "http_server_request_duration_seconds_bucket" in measured
        # What never happened is said to be 0, or the first burst of it would not be seen to grow.
        assert re.search(
            r'postbode_objectives_total\{.*objective="accept".*outcome="missed".*\} 0\.0', measured
        )
        assert re.search(r'postbode_events_redelivered_total\{.*queue="ingest\..*\} 0\.0', measured)
        assert await stopped(process) == 0
    await databases.drop(database)


async def test_intake_starts_and_is_ready_without_the_broker(database: DatabaseSettings) -> None:
    env = environment(database, f"amqp://guest:guest@{NOWHERE}/")

    async def ready_and_stopped(role: str) -> tuple[int, int]:
        async with started(role, env) as (process, address), httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"{address}/readyz")).status_code, await stopped(process, signal.SIGINT)

    for found in await asyncio.gather(ready_and_stopped("api"), ready_and_stopped("serve")):
        assert found == (200, 0)


async def test_a_release_ahead_of_its_database_is_not_ready(
    database: DatabaseSettings, amqp_url: str
) -> None:
    conn = await asyncpg.connect(database.url)
    await conn.execute("DELETE FROM ingest.migration WHERE name LIKE '%0001_pre_initial%'")
    await conn.close()
    async with started("api", environment(database, amqp_url)) as (process, address):
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.get(f"{address}/readyz")
        assert reply.status_code == 503
        assert reply.json()["failing"] == {"migrations": "MigrationsMissing"}
        assert await stopped(process) == 0


async def test_a_database_that_is_away_is_told_and_nothing_else_is(amqp_url: str) -> None:
    env = environment(DatabaseSettings(f"postgresql://postgres:hunter2@{NOWHERE}/x", "x" * 32), amqp_url)
    code, out, log = await finished("serve", env)
    assert code == 1
    line = json.loads(log.splitlines()[-1])
    assert line["event"] == "cannot go on"
    assert line["error"] == "ConnectionRefusedError"
    assert "hunter2" not in out + log


async def test_wrong_settings_are_told_by_name() -> None:
    env = environment(DatabaseSettings(f"postgresql://{NOWHERE}/x", "x" * 32), f"amqp://{NOWHERE}")
    wrong = {
        ("POSTBODE_DATABASE_URL", ""): "POSTBODE_DATABASE_URL: not set",
        ("POSTBODE_INGEST_SMTP_PORT", "many"): "POSTBODE_INGEST_SMTP_PORT: ",
        ("POSTBODE_TRANSPORT", "memory"): "postbode solo",
        ("POSTBODE_SECRET_FILE", "/nowhere"): "not both",
    }
    told = await asyncio.gather(*(finished("serve", {**env, name: value}) for name, value in wrong))
    for (code, _, log), says in zip(told, wrong.values(), strict=True):
        assert code == os.EX_CONFIG, says
        assert says in log
        assert "Traceback" not in log


async def test_a_service_that_keeps_nothing_needs_nothing() -> None:
    env = environment(DatabaseSettings("", "x" * 32), f"amqp://{NOWHERE}")
    assert (await finished("migrate", env, service="portal"))[0] == 0
    async with (
        started("serve", env, "portal") as (process, address),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        assert (await http.get(f"{address}/readyz")).status_code == 200
        assert await stopped(process) == 0
