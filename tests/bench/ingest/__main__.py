"""``make bench-ingest`` or ``python -m tests.bench.ingest [--invoices N]``: see the package.

Progress goes to standard error; the last line of standard output is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import statistics
import sys
import zipfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from libs import clock
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.http.client import client
from libs.testing import builders, stack
from libs.testing.databases import Databases, present
from libs.testing.machine import free_ports, scratch
from libs.testing.postgres import Postgres
from libs.testing.rabbitmq import RabbitMQ
from services.ingest.access import mailboxes
from services.ingest.access.credentials import read_api_key
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from tests.bench.ingest.fairness import Fairness
from tests.bench.ingest.hostile import Hostile
from tests.bench.ingest.mails import Mails
from tests.bench.pipeline import hub as hubs
from tests.bench.pipeline import usage
from tests.bench.pipeline.board import Board
from tests.bench.pipeline.load import TOKEN, Plan
from tests.bench.pipeline.usage import Processes

OPEN_SHARE = 0.8
CONNECTIONS = 64
_PIECE = 256 * 1024
_LARGER = round(hubs.LINES * 1.3)
"""Lines of an invoice of the upload that is not packed: 5,000 of them are more than 100 MB."""


@dataclass(frozen=True)
class Door:
    """A running ingest."""

    folder: Path
    port: int
    smtp: int
    processes: Processes
    keys: Sequence[str]
    mailboxes: Sequence[str]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How many invoices a second are taken in?")
    parser.add_argument("--invoices", type=int, default=10_000, help="single ones, in each of the two loops")
    parser.add_argument("--batch", type=int, default=5_000, help="invoices in a ZIP")
    parser.add_argument("--batches", type=int, default=3, help="ZIPs, one after the other")
    parser.add_argument("--mails", type=int, default=3_000, help="of an XML and its PDF")
    parser.add_argument(
        "--others", type=float, default=10, help="invoices a second beside a burst of 100 times as many"
    )
    parser.add_argument("--others-seconds", type=float, default=60, help="for so long, three times")
    parser.add_argument(
        "--only",
        choices=["single", "batch", "mailbox", "hostile", "fairness"],
        action="append",
        help="repeatable",
    )
    return parser.parse_args()


@contextlib.asynccontextmanager
async def _door(database: DatabaseSettings, amqp_url: str, folder: Path) -> AsyncIterator[Door]:
    await hubs.apply_topology(amqp_url)
    port, smtp = free_ports(2)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(hubs.ROOT),
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
        "POSTBODE_AMQP_URL": amqp_url,
        "POSTBODE_BASE_URL": f"http://127.0.0.1:{port}",
        "POSTBODE_PORT": str(port),
        "POSTBODE_INGEST_SMTP_PORT": str(smtp),
    }
    settings = IngestSettings(database_url=database.url, secret=database.secret)
    pools = Pools(database)
    try:
        people = [await _supplier(pools, settings, n) for n in range(hubs.SUPPLIERS)]
    finally:
        await pools.close()
    async with hubs.process("ingest", ("services.ingest", "serve"), env, folder) as pid:
        await hubs.until_ready({"ingest": port}, {"ingest": pid}, folder)
        keys, addresses = zip(*people, strict=True)
        yield Door(folder, port, smtp, Processes({"ingest": pid}), keys, addresses)


async def _supplier(pools: Pools, settings: IngestSettings, number: int) -> tuple[str, str]:
    """A key and a key mailbox of one account."""
    key = await hubs.key(pools, settings, f"Supplier {number}", "invoice:write")
    api = await pools.get("ingest", "api")
    found = read_api_key(key)
    async with api.acquire() as conn:
        account = await conn.fetchval("SELECT account_id FROM find_key($1)", found.key_id if found else "")
    async with tenant(api, account) as conn:
        _, local = await mailboxes.add_mailbox(conn, account, vault_of(settings))
    return key, f"{local}@{settings.upload_domains[0]}"


async def _single(door: Door, first: int, count: int, rate: float) -> dict[str, Any]:
    """``rate`` 0: as many as are taken."""
    Board(door.folder / "board", new=True)
    template = door.folder / "template.xml"
    template.write_bytes(builders.invoice(number=TOKEN.decode(), lines=hubs.LINES))
    results = door.folder / f"single-{first}.tsv"
    plan = Plan(
        host="127.0.0.1", port=door.port, templates=[str(template)], keys=list(door.keys), first=first, count=count,
        in_flight=count, rate=rate, seed=1, connections=CONNECTIONS, board=str(door.folder / "board"),
        results=str(results),
    )  # fmt: skip
    before, machine = door.processes.cpu(), usage.machine()
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.pipeline.load", json.dumps(asdict(plan)),
        stdout=PIPE, cwd=hubs.ROOT, env={**os.environ, "PYTHONPATH": str(hubs.ROOT)},
    )  # fmt: skip
    out, _ = await generator.communicate()
    if generator.returncode:
        raise RuntimeError(f"the load generator ended with {generator.returncode}")
    rows = [line.split("\t") for line in results.read_text().splitlines()]
    taken = [(float(due), float(at)) for _, due, at, status in rows if status == "202"]
    seconds = max(at for _, at in taken) - min(due for due, _ in taken)
    cuts = statistics.quantiles([1000 * (at - due) for due, at in taken], n=100, method="inclusive")
    return {
        "accepted_per_s": round(len(taken) / seconds, 1),
        "p50_ms": round(cuts[49], 1),
        "p99_ms": round(cuts[98], 1),
        "refused": count - len(taken),
        "cpu_ms": {
            "ingest": round(1000 * (door.processes.cpu()["ingest"] - before["ingest"]) / count, 3),
            "generator": round(1000 * json.loads(out)["cpu"] / count, 3),
        },
        "machine_busy": _busy(machine),
    }


async def _batch(door: Door, first: int, count: int, method: int, lines: int = hubs.LINES) -> dict[str, Any]:
    path = door.folder / f"batch-{first}.zip"
    template = builders.invoice(number=TOKEN.decode(), lines=lines)
    with zipfile.ZipFile(path, "w", method) as made:
        for number in range(first, first + count):
            name = b"PB%08d" % number
            made.writestr(f"{name.decode()}.xml", template.replace(TOKEN, name))
    before, machine, own = door.processes.cpu(), usage.machine(), _own_cpu()
    began = clock.monotonic()
    accepted = 0
    end: dict[str, int] = {}
    headers = {"Authorization": f"Bearer {door.keys[0]}", "Content-Length": str(path.stat().st_size)}
    async with (
        client(timeout=120) as http,
        http.stream(
            "POST",
            f"http://127.0.0.1:{door.port}/v1/submissions:batch",
            content=_pieces(path),
            headers=headers,
        ) as reply,
    ):
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            accepted += '"status":202' in line
            end = json.loads(line).get("end", {}) if '"end"' in line else end
    seconds = clock.monotonic() - began
    if end.get("accepted") != count or accepted != count:
        raise RuntimeError(f"{accepted} of {count} were taken: {end}")
    return {
        "invoices_per_s": round(count / seconds, 1),
        "sent_mb": round(path.stat().st_size / 1e6, 1),
        "cpu_ms": {
            "ingest": round(1000 * (door.processes.cpu()["ingest"] - before["ingest"]) / count, 3),
            "generator": round(1000 * (_own_cpu() - own) / count, 3),
        },
        "peak_rss_mb": _peak(door.processes.roots["ingest"]),
        "machine_busy": _busy(machine),
    }


async def _mailbox(door: Door, first: int, count: int) -> dict[str, Any]:
    load = Mails(door.mailboxes)
    await load.send(door.smtp, first, 200)
    before, machine, own = door.processes.cpu(), usage.machine(), _own_cpu()
    figures = await load.send(door.smtp, first + 200, count)
    return {
        **figures,
        "cpu_ms": {
            "ingest": round(1000 * (door.processes.cpu()["ingest"] - before["ingest"]) / count, 3),
            "generator": round(1000 * (_own_cpu() - own) / count, 3),
        },
        "machine_busy": _busy(machine),
    }


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak(pid: int) -> float:
    """The most memory it ever had, in MB; counted anew from here."""
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return round(peak / 1024, 1)


def _busy(since: usage.Machine) -> float:
    now = usage.machine()
    return round((now.busy - since.busy) / (now.total - since.total), 3)


async def _bench(options: argparse.Namespace, postgres: Postgres, broker: RabbitMQ) -> dict[str, Any]:
    databases = Databases(postgres.url, present())
    database = await databases.fresh()
    folder = scratch("bench", durable=True)
    only = options.only
    report: dict[str, Any] = {}
    try:
        async with _door(database, broker.url, folder) as door:
            await _single(door, 1, 500, 0)
            number = 501
            if "batch" in only:
                _peak(door.processes.roots["ingest"])
                packed = []
                for _ in range(options.batches):
                    packed.append(await _batch(door, number, options.batch, zipfile.ZIP_DEFLATED))
                    number += options.batch
                    _say(f"batch: {json.dumps(packed[-1])}")
                plain = await _batch(door, number, options.batch, zipfile.ZIP_STORED, _LARGER)
                number += options.batch
                _say(f"batch, not packed: {json.dumps(plain)}")
                report["batch"] = {
                    "invoices_per_s": statistics.median(each["invoices_per_s"] for each in packed),
                    "peak_rss_mb": max(each["peak_rss_mb"] for each in [*packed, plain]),
                    "packed": packed,
                    "not_packed": plain,
                }
            if "single" in only:
                closed = await _single(door, number, options.invoices, 0)
                number += options.invoices
                _say(f"single, closed loop: {json.dumps(closed)}")
                steady = await _single(door, number, options.invoices, OPEN_SHARE * closed["accepted_per_s"])
                _say(f"single, at {OPEN_SHARE:.0%}: {json.dumps(steady)}")
                report["single"] = {
                    "accepted_per_s": closed["accepted_per_s"],
                    "p99_ms": steady["p99_ms"],
                    "closed": closed,
                    "open": steady,
                }
                number += options.invoices
            if "hostile" in only:
                _peak(door.processes.roots["ingest"])
                hostile = Hostile(door.port, door.smtp, door.keys[0], door.keys[1], door.mailboxes[1])
                report["hostile"] = await hostile.run()
                report["hostile"]["peak_rss_mb"] = _peak(door.processes.roots["ingest"])
                _say(f"hostile: {json.dumps(report['hostile'])}")
            if "mailbox" in only:
                report["mailbox"] = await _mailbox(door, number, options.mails)
                _say(f"mailbox: {json.dumps(report['mailbox'])}")
        return report
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        await databases.close()


async def _fair(options: argparse.Namespace, postgres: Postgres, broker: RabbitMQ) -> dict[str, Any]:
    databases = Databases(postgres.url, present())
    folder = scratch("bench", durable=True)
    try:
        database = await databases.fresh()
        async with hubs.hub(database, broker.url, folder) as hub:
            return {"fairness": await Fairness(hub, options.others, options.others_seconds).run()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        await databases.close()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    options = _options()
    options.only = options.only or ["single", "batch", "mailbox", "hostile", "fairness"]
    report: dict[str, Any] = {"load_average_before": [round(load, 2) for load in os.getloadavg()]}
    # What the door alone leaves in the queues would be work for the hub: each has servers of its own.
    for parts, run in ((set(options.only) - {"fairness"}, _bench), (set(options.only) & {"fairness"}, _fair)):
        if parts:
            with (
                stack.postgres(private=True, durable=True) as postgres,
                stack.rabbitmq(private=True, durable=True) as broker,
            ):
                report |= asyncio.run(run(options, postgres, broker))
    print(json.dumps(report))
    phases = [*(report["single"][loop] for loop in ("closed", "open"))] if "single" in report else []
    phases += [report["mailbox"]] if "mailbox" in report else []
    phases += (
        [report["fairness"][part] for part in ("alone_before", "during", "alone_after")]
        if "fairness" in report
        else []
    )
    return 1 if any(phase["refused"] or phase.get("lost") for phase in phases) else 0


if __name__ == "__main__":
    sys.exit(main())
