"""How fast invoices are brought, to local sinks, and what one receiver that hangs does to the others.

On a Postgres of its own (fsync on), by a worker as shipped in a process of its own::

    make bench-deliver
    make bench-deliver ARGS="--invoices 2000"

=======================  ======================================================================================
``email_per_s``          mails with the sender's PDF, while ``--invoices`` wait (10,000), from first claim to last commit
``email_rendered_per_s`` mails whose PDF the hub makes
``folder_per_s``         pairs renamed into ten folders
``https_per_s``          pushed, signed, to a TLS server on ten of this machine's addresses
``sftp_per_s``           pairs renamed into ten folders of an SFTP server, which is this bench's and in Python too
``pull_per_s``           listed, read and acknowledged by one receiver, through the API without a socket
``others_p99_ratio``     from entry to commit, p99 of 40 receivers beside one that hangs for 30 s, over the same without it
``mixed_per_s``          all of these at once, while ``--invoices`` wait: half are mails, one in five of those rendered
``peak_rss_mb``          the most memory the worker took, in the first of these
``mixed_peak_rss_mb``    the same, with all of these at once
=======================  ======================================================================================

Every invoice must have come once. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self
from uuid import UUID

import uvloop

from libs import heap
from libs.contracts.parts import Receiver
from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Pool
from libs.documents.postgres import PostgresDocuments
from libs.keyring import KeyRing
from libs.process import spare_the_collector
from libs.service import Wake
from libs.settings import load
from libs.telemetry.setup import configure
from libs.testing import stack
from libs.testing.databases import Databases, present
from services.deliver.app import https_channel, mail_channel, sftp_channel
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.channels.folder import FolderChannel
from services.deliver.channels.pull import PullChannel
from services.deliver.parcel import Channel
from services.deliver.settings import DeliverSettings
from tests.bench.deliver import filling
from tests.bench.deliver.filling import Papers
from tests.bench.deliver.inbox import HOSTS, Inbox, fetch_all
from tests.bench.deliver.sink import Sink
from tests.integration.deliver.serving import Serving, serving

FETCHER = UUID(int=0xF)
HANGS = 30.0
STUCK = 20.0
OTHERS, RATE, STRETCH = 40, 50, 40.0
"""Receivers, mails a second over all of them, and for how many seconds, when one more hangs."""

_OVER = """
SELECT NOT EXISTS (
    SELECT FROM delivery d WHERE lane <> 'hangs.example'
       AND (state = 'attempting' OR state = 'queued' AND NOT EXISTS (
            SELECT FROM attempt a WHERE a.delivery_id = d.delivery_id AND a.outcome = 'offered')))
"""
_LEFT = """
SELECT d.channel, d.state, (SELECT concat_ws(' ', a.outcome, a.code, a.detail) FROM attempt a
                             WHERE a.delivery_id = d.delivery_id ORDER BY number DESC LIMIT 1) AS last,
       count(*), min(d.due_at - now())::text AS due
  FROM delivery d WHERE d.state IN ('queued', 'attempting') AND d.lane <> 'hangs.example' GROUP BY 1, 2, 3 LIMIT 5
"""
_SECONDS = """
SELECT extract(epoch FROM max(a.finished_at) - min(a.started_at))::float8
  FROM attempt a JOIN delivery d USING (delivery_id) WHERE d.channel = ANY($1) AND d.created_at >= $2
"""
_WAITED = """
SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM handed_at - created_at))::float8,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM handed_at - created_at))::float8
  FROM delivery WHERE lane <> 'hangs.example' AND state = 'handed_over' AND created_at >= $1
"""


_CLOSED: tuple[tuple[str, Channel, int, bool], ...] = (
    ("email_rendered_per_s", "smtp", 10, False),
    ("folder_per_s", "folder", 2, True),
    ("https_per_s", "https", 2, True),
    ("sftp_per_s", "sftp", 5, True),
)
"""Beside mails with a page: the figure, its channel, a share of ``--invoices``, whether the sender gave a page."""
_MIXED: tuple[tuple[Channel, int, bool], ...] = (
    ("smtp", 4, True),
    ("smtp", 1, False),
    ("folder", 2, True),
    ("https", 1, True),
    ("sftp", 1, True),
    ("pull", 1, True),
)
"""Of ten: the channel, how many, whether the sender gave a page."""


async def work(settings: DeliverSettings) -> None:
    """The worker: until it is told to end, by the end of what it reads."""
    pools = Pools(database_of(settings))
    pool = await pools.get("deliver", "worker")
    dispatcher = Dispatcher(
        settings,
        pool,
        PostgresDocuments(pool),
        {
            "folder": FolderChannel(settings.folder_root),
            "sftp": sftp_channel(settings, pool),
            "smtp": mail_channel(settings),
            "https": https_channel(settings, pool),
            "pull": PullChannel(timedelta(days=settings.pull_days)),
        },
        Wake(),
    )
    spare_the_collector()
    heap.give_back()

    async def wake() -> None:
        # As the consumer does after each commit.
        while True:
            await asyncio.sleep(0.05)
            dispatcher.due.everywhere()

    async with dispatcher.running():
        waking = asyncio.create_task(wake())
        await asyncio.to_thread(sys.stdin.read)
        waking.cancel()
    await pools.close()
    print(
        json.dumps({"peak_rss_mb": round(_peak_mb(), 1), "cpu_s": round(time.process_time(), 1)}), flush=True
    )


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@dataclass(frozen=True, slots=True)
class Around:
    """Those who receive."""

    sink: Sink
    inbox: Inbox
    server: Serving
    folders: Path

    def came(self, channel: Channel) -> int:
        """How much came by it so far."""
        match channel:
            case "smtp":
                return self.sink.ids.total()
            case "https":
                return self.inbox.ids.total()
            case _:
                return len(list(filling.taken(self.folders if channel == "folder" else self.server.root)))

    @property
    def doubles(self) -> int:
        """What came under a Message-ID or webhook-id that was there; a name stands in a folder once."""
        return sum(ids.total() - len(ids) for ids in (self.sink.ids, self.inbox.ids))


class Worker:
    """The worker's process: ``async with`` it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.said: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.deliver", "--worker",
            env=self._environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        out, _none = await self._process.communicate(b"")
        self.said = json.loads(out.splitlines()[-1])


class Bench:
    def __init__(self, pool: Pool, keys: KeyRing, environment: dict[str, str], around: Around) -> None:
        self._pool = pool
        self._keys = keys
        self._environment = environment
        self._around = around
        self._papers = Papers.made()
        self.papers = f"XML {len(self._papers.xml)} bytes, PDF {len(self._papers.pdf)} bytes"

    async def closed(self, channel: Channel, count: int, *, page: bool = True) -> tuple[float, Worker]:
        """All wait when the worker starts; deliveries a second."""
        return await self._brought([(channel, count, page)])

    async def mixed(self, count: int) -> tuple[float, Worker]:
        """The same with some of every channel."""
        found = await self._brought([(channel, count * share // 10, page) for channel, share, page in _MIXED])
        # What lies ready for who fetches is not the next phase's.
        await fetch_all(self._pool, FETCHER)
        return found

    async def _brought(self, all_: Sequence[tuple[Channel, int, bool]]) -> tuple[float, Worker]:
        channels = sorted({channel for channel, _, _ in all_} - {"pull"})
        began = await self._pool.fetchval("SELECT now()")
        before = {channel: self._around.came(channel) for channel in channels}
        for channel, count, page in all_:
            to = await self._receivers(channel)
            await filling.enter(self._pool, to, count, self._papers, page=page)
        await self._pool.execute("ANALYZE delivery; ANALYZE parcel")
        async with Worker(self._environment) as worker:
            await self._over()
        for channel in channels:
            went = sum(count for each, count, _ in all_ if each == channel)
            came = self._around.came(channel) - before[channel]
            if came != went or self._around.doubles:
                raise SystemExit(
                    f"{channel}: {went} went out, {came} came, {self._around.doubles} of them again"
                )
        seconds = await self._pool.fetchval(_SECONDS, channels, began)
        return sum(count for channel, count, _ in all_ if channel in channels) / seconds, worker

    async def fetched(self, count: int) -> float:
        """All lie ready when the receiver begins to ask; invoices a second."""
        to = await self._receivers("pull")
        await filling.enter(self._pool, to, count, self._papers)
        async with Worker(self._environment):
            await self._over()
        began = time.monotonic()
        came = await fetch_all(self._pool, FETCHER)
        if came != count:
            raise SystemExit(f"pull: {count} lay ready and {came} were fetched")
        return count / (time.monotonic() - began)

    async def _receivers(self, channel: Channel) -> list[Receiver]:
        match channel:
            case "folder":
                return await filling.in_folders(self._pool, 10)
            case "https":
                urls = [f"https://{host}:{self._around.inbox.port}/in" for host in HOSTS]
                return await filling.pushed(self._pool, self._keys, urls)
            case "sftp":
                return await filling.afar(self._pool, self._keys, self._around.server, 10)
            case "pull":
                return await filling.fetching(self._pool, FETCHER, 10)
            case _:
                return filling.receivers(50)

    async def others(self, *, hangs: bool) -> float:
        """p99 in seconds from entry to commit, of mails that come at an even rate."""
        others, slow = filling.receivers(OTHERS), filling.receivers(1, "hangs.example")
        async with Worker(self._environment):
            await filling.enter(self._pool, others, 10 * OTHERS, self._papers)
            await self._over()
            if hangs:
                await filling.enter(self._pool, slow, 20, self._papers)
            began = await self._pool.fetchval("SELECT now()")
            until = time.monotonic() + STRETCH
            while time.monotonic() < until:
                tick = time.monotonic()
                await filling.enter(self._pool, others, RATE // 5, self._papers)
                if hangs:
                    await filling.enter(self._pool, slow, 1, self._papers)
                await asyncio.sleep(max(0.0, tick + 0.2 - time.monotonic()))
            await self._over()
            row = await self._pool.fetchrow(_WAITED, began)
        assert row is not None
        print(
            f"p99 {row[0] * 1000:.0f} ms, p50 {row[1] * 1000:.0f} ms{', one hangs' if hangs else ''}",
            flush=True,
        )
        return float(row[0])

    async def _over(self) -> None:
        since, last = time.monotonic(), -1
        while not await self._pool.fetchval(_OVER):
            done = await self._pool.fetchval("SELECT count(*) FROM attempt WHERE outcome IS NOT NULL")
            if done != last:
                since, last = time.monotonic(), done
            if time.monotonic() - since > STUCK:
                said = await self._pool.fetch(_LEFT)
                raise SystemExit(f"nothing moves: {[tuple(row) for row in said]}")
            await asyncio.sleep(0.2)


async def main(count: int, *, only: str = "") -> None:
    async with AsyncExitStack() as held:
        server = held.enter_context(stack.postgres(private=True, durable=True))
        root = Path(held.enter_context(tempfile.TemporaryDirectory()))
        database = await Databases(server.url, present()).fresh()
        around = Around(
            Sink(HANGS), Inbox(root), await held.enter_async_context(serving(root / "afar")), root / "folders"
        )
        for each in (around.sink, around.inbox):
            await each.start()
            held.push_async_callback(each.stop)
        pools = Pools(database)
        held.push_async_callback(pools.close)
        environment = os.environ | {
            "POSTBODE_DATABASE_URL": database.url,
            "POSTBODE_SECRET": database.secret,
            "POSTBODE_DELIVER_SMTP_PORT": str(around.sink.port),
            "POSTBODE_DELIVER_FOLDER_ROOT": str(around.folders),
            "POSTBODE_DELIVER_HTTPS_CERTIFICATES": str(around.inbox.certificate),
            "POSTBODE_DELIVER_REACHABLE_NETWORKS": '["127.0.0.0/8"]',
            "POSTBODE_LOG_LEVEL": "ERROR",
        }
        settings = DeliverSettings(database_url=database.url, secret=database.secret, log_level="ERROR")
        configure("bench", settings)  # the API of which invoices are fetched runs here
        bench = Bench(await pools.get("deliver", "worker"), settings.keys, environment, around)
        if only == "others":
            alone = await bench.others(hangs=False)
            print(await bench.others(hangs=True) / alone)
            return
        print(bench.papers, flush=True)
        email, worker = await bench.closed("smtp", count)
        print(f"{email:.0f} mails/s, worker {worker.said}", flush=True)
        mixed, worker_of_all = await bench.mixed(count)
        print(f"{mixed:.0f} of all/s, worker {worker_of_all.said}", flush=True)
        if only == "waiting":
            return
        rates = {"email_per_s": email, "mixed_per_s": mixed}
        for name, channel, share, page in _CLOSED:
            rates[name], worker_of = await bench.closed(channel, max(200, count // share), page=page)
            print(f"{name} {rates[name]:.0f}, worker {worker_of.said}", flush=True)
        rates["pull_per_s"] = await bench.fetched(max(200, count // 5))
        alone = await bench.others(hangs=False)
        beside = await bench.others(hangs=True)
    print(
        json.dumps(
            {name: round(rate) for name, rate in rates.items()}
            | {
                "others_p99_ratio": round(beside / alone, 2),
                "peak_rss_mb": worker.said["peak_rss_mb"],
                "mixed_peak_rss_mb": worker_of_all.said["peak_rss_mb"],
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make bench-deliver", description=__doc__)
    parser.add_argument("--invoices", type=int, default=10_000, help="that wait at once, by mail")
    parser.add_argument(
        "--only", choices=("waiting", "others"), default="", help="what waits at once, or who hangs"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        settings = load(DeliverSettings)
        configure("deliver", settings)
        uvloop.run(work(settings))
    else:
        asyncio.run(main(chosen.invoices, only=chosen.only))
