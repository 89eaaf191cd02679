"""The hub as an operator runs it: a process a service, shipped defaults, and the people around it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import httpx

from libs import clock
from libs.contracts.topology import TOPOLOGY
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.http.client import client
from libs.identifiers.kvk import looks_mistyped
from libs.messaging import AmqpTransport
from libs.testing import builders
from libs.testing.machine import free_ports
from services.ingest.access import accounts, keys
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from tests.bench.pipeline import usage
from tests.bench.pipeline.board import Board
from tests.bench.pipeline.load import TOKEN

ROOT = Path(__file__).parents[3]
SERVICES = ("ingest", "validate", "route", "deliver", "track")
SUPPLIERS = 10
RECEIVERS = 20
"""Of each kind: so many folders, and so many mail domains."""
LINES = 10
START_SECONDS = 90.0


@dataclass(frozen=True)
class Hub:
    """A running hub with suppliers and receivers."""

    database: DatabaseSettings
    folder: Path
    """Receivers' folders and mails, logs of the processes, the board."""
    ports: Mapping[str, int]
    pids: Mapping[str, int]
    """The services, and ``receiver``."""
    keys: list[str]
    templates: Mapping[str, list[str]]
    """By channel (``folder``, ``smtp``): files with ``TOKEN`` where the number goes, one a receiver."""
    board: Board


@contextlib.asynccontextmanager
async def hub(database: DatabaseSettings, amqp_url: str, folder: Path, **settings: str) -> AsyncIterator[Hub]:
    """Start everything in ``folder`` and stop it in order afterwards. ``database`` is migrated. ``settings`` are
    variables in the place of what is shipped."""
    for name in ("folders", "taken", "mails", "templates"):
        (folder / name).mkdir()
    board = Board(folder / "board", new=True)
    await apply_topology(amqp_url)
    *service_ports, smtp, otlp, door = free_ports(len(SERVICES) + 3)
    ports = dict(zip(SERVICES, service_ports, strict=True))
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
        "POSTBODE_AMQP_URL": amqp_url,
        "POSTBODE_IDENTITY_URL": f"http://127.0.0.1:{ports['ingest']}",
        # Without a collector nothing would be recorded, and tracing would seem to cost nothing.
        "POSTBODE_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp}",
        "POSTBODE_INGEST_SMTP_PORT": str(door),
        "POSTBODE_DELIVER_FOLDER_ROOT": str(folder / "folders"),
        "POSTBODE_DELIVER_SMTP_PORT": str(smtp),
        "POSTBODE_TRACK_SMTP_PORT": str(smtp),
        **settings,
    }
    async with contextlib.AsyncExitStack() as stack:
        receiver = ("tests.bench.pipeline.receiver", str(folder), str(smtp), str(otlp))
        pids = {"receiver": await stack.enter_async_context(process("receiver", receiver, env, folder))}
        for name in SERVICES:
            arguments = (f"services.{name}", "serve")
            own = {**env, "POSTBODE_PORT": str(ports[name])}
            pids[name] = await stack.enter_async_context(process(name, arguments, own, folder))
        await until_ready(ports, pids, folder)
        keys, templates = await _people(database, ports, folder / "templates")
        yield Hub(database, folder, ports, pids, keys, templates, board)


@contextlib.asynccontextmanager
async def process(
    name: str, arguments: tuple[str, ...], env: Mapping[str, str], folder: Path
) -> AsyncIterator[int]:
    with (folder / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, stdin=DEVNULL, stdout=log, stderr=log, env=dict(env), cwd=ROOT
        )
    try:
        yield process.pid
        if process.returncode is not None:
            raise RuntimeError(f"{name} ended by itself:\n{_end_of(folder, name)}")
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 40)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def apply_topology(amqp_url: str) -> None:
    transport = AmqpTransport(amqp_url)
    await transport.start()
    try:
        await transport.apply(TOPOLOGY)
    finally:
        await transport.stop()


async def until_ready(ports: Mapping[str, int], pids: Mapping[str, int], folder: Path) -> None:
    until = clock.monotonic() + START_SECONDS
    async with client(timeout=5) as http:
        for name, port in ports.items():
            while not await _ready(http, port):
                if clock.monotonic() > until or not usage.alive(pids[name]):
                    raise RuntimeError(f"{name} does not start:\n{_end_of(folder, name)}")
                await asyncio.sleep(0.1)


async def _ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


def _end_of(folder: Path, name: str) -> str:
    return (folder / f"{name}.log").read_text(errors="replace")[-3000:]


async def _people(
    database: DatabaseSettings, ports: Mapping[str, int], folder: Path
) -> tuple[list[str], dict[str, list[str]]]:
    """Suppliers' keys, and a template for each receiver by the channel it has."""
    settings = IngestSettings(database_url=database.url, secret=database.secret)
    pools = Pools(database)
    try:
        keys = [await key(pools, settings, f"Supplier {n}", "invoice:write") for n in range(SUPPLIERS)]
        staff = await key(pools, settings, "Postbode", "party:write", "party:read", "operator")
    finally:
        await pools.close()
    templates: dict[str, list[str]] = {"folder": [], "smtp": []}
    async with client(timeout=30) as http:
        http.headers["Authorization"] = f"Bearer {staff}"
        for n, kvk in enumerate(islice(_numbers(), 2 * RECEIVERS)):
            channel, name = "folder" if n < RECEIVERS else "smtp", f"Receiver {n} BV"
            await _receiver(http, ports, name, kvk, f"map-{n}" if channel == "folder" else None, n)
            xml = builders.invoice(
                number=TOKEN.decode(), lines=LINES, buyer_kvk=kvk, buyer_name=name,
                seller_name=f"Supplier {n % SUPPLIERS} BV",
            )  # fmt: skip
            (folder / f"{n}.xml").write_bytes(xml)
            templates[channel].append(str(folder / f"{n}.xml"))
    return keys, templates


def _numbers() -> Iterator[str]:
    """KvK numbers such as companies have: one that looks mistyped is warned of, in each invoice."""
    return (kvk for kvk in map(str, count(60_000_001)) if not looks_mistyped(kvk))


async def _receiver(
    http: httpx.AsyncClient, ports: Mapping[str, int], name: str, kvk: str, folder: str | None, number: int
) -> None:
    reply = await http.post(
        f"http://127.0.0.1:{ports['route']}/v1/parties",
        json={
            "name": name,
            "country": "NL",
            "email": f"facturen@receiver{number}.example",
            "identifiers": [{"scheme": "0106", "value": kvk}],
        },
    )
    reply.raise_for_status()
    # Suppliers send a page of their own (R46), and this load does not: a page made here would be measured, not the mail.
    connection: dict[str, object] = {"channel": "smtp", "page": False}
    if folder is not None:
        connection = {"package": "globe", "channel": "folder", "settings": {"folder": folder}}
    party = reply.json()["party_id"]
    reply = await http.put(f"http://127.0.0.1:{ports['deliver']}/v1/connections/{party}", json=connection)
    reply.raise_for_status()


async def key(pools: Pools, settings: IngestSettings, name: str, *scopes: str) -> str:
    claims = accounts.Claims(name=name, email=f"{name.replace(' ', '').lower()}@supplier.example")
    account_id = await accounts.open_account(await pools.get("ingest", "worker"), claims)
    async with tenant(await pools.get("ingest", "api"), account_id) as conn:
        key, _ = await keys.add_key(conn, account_id, vault_of(settings), "bench", scopes)
    return str(key)
