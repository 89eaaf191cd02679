"""``make bench-pipeline`` or ``python -m tests.bench.pipeline [--invoices N]``: see the package.

Progress goes to standard error; the last line of standard output is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
from dataclasses import replace
from typing import Any

import asyncpg

from libs.settings import Settings
from libs.testing import stack
from libs.testing.databases import Databases, present
from libs.testing.machine import scratch
from libs.testing.postgres import Postgres
from libs.testing.rabbitmq import RabbitMQ
from tests.bench.pipeline import hub as hubs
from tests.bench.pipeline import statements, usage
from tests.bench.pipeline.phases import Bench, Load
from tests.bench.pipeline.usage import Processes

OPEN_SHARE = 0.65
WARM_UP = 400
_SERVER_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How many invoices a second, and at what cost?")
    parser.add_argument("--invoices", type=int, default=20_000, help="of each loop to folders")
    parser.add_argument("--mails", type=int, help="invoices sent on by mail; default a quarter of the others")
    parser.add_argument("--in-flight", type=int, default=1_500, help="closed loop: most under way")
    parser.add_argument(
        "--rate", type=float, help=f"open loop; default {OPEN_SHARE:.0%}% of the closed one's"
    )
    parser.add_argument("--only", choices=["closed", "open", "mail"], action="append", help="repeatable")
    parser.add_argument("--statements", action="store_true", help="what the time in Postgres goes to")
    parser.add_argument("--keep", action="store_true", help="leave logs and what was delivered")
    return parser.parse_args()


async def _bench(options: argparse.Namespace, postgres: Postgres, broker: RabbitMQ) -> dict[str, Any]:
    databases = Databases(postgres.url, present())
    database = await databases.fresh()
    folder = scratch("bench", durable=True)
    only = options.only or ["closed", "open", "mail"]
    load_before = os.getloadavg()
    try:
        async with hubs.hub(database, broker.url, folder) as hub:
            processes = Processes({**hub.pids, **await _servers(database.url, broker)})
            _say(f"running in {folder}: {json.dumps(processes.roots)}")
            bench = Bench(hub, processes)
            await bench.run("warm-up", Load("folder", WARM_UP, in_flight=WARM_UP // 2))
            found: dict[str, Any] = {}
            closed = Load("folder", options.invoices, in_flight=options.in_flight)
            async with statements.recorded(database.url, options.statements) as recorded:
                if "closed" in only:
                    found["closed"] = await _phase(bench, "closed", closed)
                if "open" in only:
                    rate = options.rate or OPEN_SHARE * found.get("closed", {}).get("invoices_per_s", 300)
                    found["open"] = await _phase(bench, "open", replace(closed, rate=rate))
            if "mail" in only:
                mails = options.mails or options.invoices // 4
                await bench.run("mail-warm-up", Load("smtp", 100, in_flight=100))
                found["mail"] = await _phase(bench, "mail", replace(closed, channel="smtp", count=mails))
            for line in recorded.lines(options.invoices * len({"closed", "open"} & set(only))):
                _say(line)
            settings = await _settings(database.url, postgres, broker, load_before, options)
        return _report(found, settings)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        await databases.close()


async def _phase(bench: Bench, name: str, load: Load) -> dict[str, Any]:
    figures = await bench.run(name, load)
    _say(f"{name}: {json.dumps(figures)}")
    return figures


async def _servers(database_url: str, broker: RabbitMQ) -> dict[str, int]:
    """The roots of Postgres and RabbitMQ, when they run on this machine and not in a container."""
    conn = await asyncpg.connect(database_url)
    postmaster = usage.parent(await conn.fetchval("SELECT pg_backend_pid()"))
    await conn.close()
    roots = {"postgres": postmaster} if usage.named(postmaster, "postgres") else {}
    node = broker.management.process_id()
    return roots | ({"broker": node} if usage.named(node, "beam") else {})


async def _settings(
    url: str,
    postgres: Postgres,
    broker: RabbitMQ,
    load_before: tuple[float, ...],
    options: argparse.Namespace,
) -> dict[str, Any]:
    conn = await asyncpg.connect(url)
    servers = {name: await conn.fetchval(f"SHOW {name}") for name in _SERVER_SETTINGS}
    await conn.close()
    return {
        "processes": [f"python -m services.{name} serve" for name in hubs.SERVICES],
        "sampling_ratio": Settings().sampling_ratio,
        "row_security": True,
        "postgres": {"server": postgres.says, **servers},
        "broker": f"{broker.says}; quorum queues",
        "lines_per_invoice": hubs.LINES,
        "suppliers": hubs.SUPPLIERS,
        "receivers": hubs.RECEIVERS,
        "in_flight": options.in_flight,
        "open_share": OPEN_SHARE,
        "generator": "raw asyncio HTTP/1.1, 64 kept-alive connections, one invoice a request",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average_before": [round(load, 2) for load in load_before],
    }


def _report(found: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The figures that are compared from run to run on top, all of them below."""
    closed, steady = found.get("closed", {}), found.get("open", {})
    waited = steady.get("accepted_to_delivered_ms", {})
    cpu = closed.get("cpu_ms_per_invoice", {})
    return {
        "invoices_per_s": closed.get("invoices_per_s"),
        **{f"{name}_ms": waited.get(name) for name in ("p50", "p95", "p99")},
        "cpu_s_per_invoice": {name: round(ms / 1000, 6) for name, ms in cpu.items()},
        "peak_rss_mb": {
            name: max(phase["peak_rss_mb"][name] for phase in found.values())
            for name in closed.get("peak_rss_mb", {})
        },
        "rss_end_to_fifth": closed.get("rss_end_to_fifth"),
        "lost": sum(phase["lost"] for phase in found.values()),
        "duplicated": sum(phase["duplicated"] for phase in found.values()),
        "mail_invoices_per_s": found.get("mail", {}).get("invoices_per_s"),
        "phases": found,
        "settings": settings,
    }


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    options = _options()
    with (
        stack.postgres(private=True, durable=True) as postgres,
        stack.rabbitmq(private=True, durable=True) as broker,
    ):
        if options.statements:
            statements.prepare(postgres)
        report = asyncio.run(_bench(options, postgres, broker))
    print(json.dumps(report))
    wrong = any(phase["wrong"] or phase["damaged"] or phase["refused"] for phase in report["phases"].values())
    return 1 if wrong or report["lost"] or report["duplicated"] else 0


if __name__ == "__main__":
    sys.exit(main())
