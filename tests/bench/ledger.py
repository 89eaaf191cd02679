"""How long ``postbode ledger`` takes with many delivered invoices.

Fills a Postgres of its own (fsync on) with the rows that so many delivered invoices leave in every service,
with some of every other kind among them (rejected, parked, under way), and takes the ledger from a fresh process each
time. Run it from the project's folder::

    python -m tests.bench.ledger --invoices 1000000

The last line is JSON: seconds of every run, the answer, and the settings used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from libs.db.settings import DatabaseSettings
from libs.testing import stack
from libs.testing.databases import Databases, present

# Ids as the hub makes them: milliseconds, then chance. $1: how many; ten a second up to now.
_IDS = """
CREATE UNLOGGED TABLE public.made AS
SELECT n, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 100 * ({count} - n)), 12, '0') || '7' ||
        substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id,
       '00000000-0000-0000-0000-000000000001'::uuid AS account, n % 200 = 7 AS rejected, n % 500 = 11 AS parked,
       n > {count} - 300 AS young
  FROM generate_series(1, {count}) n
"""
_SUBMISSIONS = """
INSERT INTO ingest.account (account_id, name, email) VALUES ('00000000-0000-0000-0000-000000000001', 'B', 'b@b');
INSERT INTO ingest.submission (submission_id, account_id, channel) SELECT id, account, 'api' FROM public.made;
INSERT INTO ingest.invoice (invoice_id, submission_id, account_id, position, filename, sha256, outcome, syntax, open)
SELECT id, id, account, 0, 'factuur.xml', sha256(id::text::bytea), 'received', 'ubl-invoice', NOT rejected
  FROM public.made
"""
_VERDICTS = """
INSERT INTO validate.verdict (invoice_id, sequence, account_id, document_id, rule_pack, profile, verdict, fatals,
                              warnings, findings, summary)
SELECT id, 1, account, id, 'nlcius', 'nlcius-1.0.3', CASE WHEN rejected THEN 'invalid' ELSE 'valid' END, rejected::int,
       0, '[]', jsonb_build_object('pad', repeat('x', 200)) FROM public.made WHERE NOT young
"""
_DECISIONS = """
INSERT INTO route.decision (invoice_id, sequence, account_id, outcome, receiver)
SELECT id, 1, account, CASE WHEN parked THEN 'parked' ELSE 'routed' END, '{"pad": "receiver"}'
  FROM public.made WHERE NOT young AND NOT rejected;
INSERT INTO route.parked (invoice_id, account_id, code, reason, waits_for, validated)
SELECT id, account, 'no-party', '{"nl": "", "en": ""}', '{}', '{}' FROM public.made
 WHERE NOT young AND NOT rejected AND parked
"""
_DELIVERIES = """
INSERT INTO deliver.delivery (delivery_id, invoice_id, account_id, receiver_id, receiver_name, routing, channel, lane,
                              size, state, attempts, sequence, handed_at)
SELECT id, id, account, account, 'X BV', 1, 'folder', 'x', 17000, 'confirmed', 1, 2, now()
  FROM public.made WHERE NOT young AND NOT rejected AND NOT parked;
INSERT INTO deliver.attempt (delivery_id, number, account_id, invoice_id, finished_at, outcome, detail)
SELECT delivery_id, 1, account_id, invoice_id, now(), 'handed_over', 'F.xml' FROM deliver.delivery
"""
_FACTS = """
INSERT INTO track.fact (event_id, invoice_id, account_id, axis, sequence, type, occurred_at, body)
SELECT gen_random_uuid(), id, account, f.axis, f.sequence, f.type, now(), repeat('x', 100)::bytea
  FROM public.made,
       (VALUES ('ingest', 1, 'invoice.received.v1', 0), ('validation', 1, 'invoice.validated.v1', 1),
               ('validation', 1, 'invoice.rejected.v1', 2), ('routing', 1, 'invoice.routed.v1', 3),
               ('routing', 1, 'invoice.parked.v1', 4), ('delivery', 1, 'invoice.handed_over.v1', 3),
               ('delivery', 2, 'invoice.confirmed.v1', 3)) AS f (axis, sequence, type, whose)
 WHERE whose = 0 OR NOT young AND CASE whose WHEN 1 THEN NOT rejected WHEN 2 THEN rejected
       WHEN 3 THEN NOT (rejected OR parked) WHEN 4 THEN parked AND NOT rejected END;
INSERT INTO track.status (invoice_id, role, account_id, headline, problem, reason, axes, received_at, updated_at)
SELECT id, 'sender', account, 'arrived', false, '{"nl": "", "en": ""}', jsonb_build_object('pad', repeat('x', 300)),
       now(), now() FROM public.made
"""
# What was said and heard, of the last day only: older messages do not matter to the ledger.
_MESSAGES = """
INSERT INTO ingest.outbox_sent (id, event_id, account, exchange, routing_key, subject, body, created_at)
SELECT n, id, account, 'invoice.events', 'invoice.received.v1', id::text, repeat('x', 600)::bytea, now()
  FROM public.made WHERE n > {count} - 200000 AND NOT young;
INSERT INTO ingest.outbox (event_id, account, exchange, routing_key, subject, body)
SELECT id, account, 'invoice.events', 'invoice.received.v1', id::text, repeat('x', 600)::bytea
  FROM public.made WHERE young;
INSERT INTO validate.inbox (queue, event_id) SELECT 'validate.received', id FROM public.made
 WHERE n > {count} - 200000 AND NOT young
"""
_STEPS = (_IDS, _SUBMISSIONS, _VERDICTS, _DECISIONS, _DELIVERIES, _FACTS, _MESSAGES)


async def fill(database: DatabaseSettings, count: int) -> None:
    """Every service's rows of ``count`` invoices; 0.5 % rejected, 0.2 % parked, the youngest 300 under way."""
    conn = await asyncpg.connect(database.url)
    try:
        for step in _STEPS:
            began = time.monotonic()
            await conn.execute(step.replace("{count}", str(count)))
            words = " ".join(step.split()[:3])
            print(f"{words} …: {time.monotonic() - began:.0f} s", flush=True)
        await conn.execute("DROP TABLE public.made")
        await conn.execute("VACUUM ANALYZE")
        await conn.execute("CHECKPOINT")
    finally:
        await conn.close()


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of the ledger: seconds from start to end, CPU seconds of it and of Postgres, and what it said."""

    seconds: float
    own_cpu: float
    postgres_cpu: float
    answer: dict[str, Any]


def take(database: DatabaseSettings, postmaster: int) -> Taken:
    """``postbode ledger --json`` as a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
    }
    began, own, server = time.monotonic(), _own_cpu(), _cpu_of_ended_children(postmaster)
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "ledger", "--json"],
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - began
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    time.sleep(0.5)  # the server's processes for its connections have ended as well
    return Taken(
        seconds, _own_cpu() - own, _cpu_of_ended_children(postmaster) - server, json.loads(done.stdout)
    )


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cpu_of_ended_children(pid: int) -> float:
    """In seconds."""
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """What the system knows of a process, from its state on; see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


async def _postmaster(database: DatabaseSettings) -> int:
    conn = await asyncpg.connect(database.url)
    try:
        return int(_stat(await conn.fetchval("SELECT pg_backend_pid()"))[1])
    finally:
        await conn.close()


async def main(count: int, runs: int) -> None:
    with stack.postgres(private=True, durable=True) as server:
        databases = Databases(server.url, present())
        database = await databases.fresh()
        await fill(database, count)
        postmaster = await _postmaster(database)
        runs_done = [await asyncio.to_thread(take, database, postmaster) for _ in range(runs)]
    runs_done.sort(key=lambda run: run.seconds)
    middle = runs_done[len(runs_done) // 2]
    print(
        json.dumps(
            {
                "invoices": count,
                "seconds": [round(run.seconds, 2) for run in runs_done],
                "median_s": round(middle.seconds, 2),
                "cpu_s": {"ledger": round(middle.own_cpu, 2), "postgres": round(middle.postgres_cpu, 2)},
                "ledger": {**middle.answer, "invoices": len(middle.answer["invoices"])},
                "postgres": server.says,
                "cpus": os.cpu_count(),
                "load": os.getloadavg()[0],
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(main(given.invoices, given.runs))
