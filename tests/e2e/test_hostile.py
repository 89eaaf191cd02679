"""Hostile files at a real door, again and again, alone and together, beside good ones: the process stays small.

Each attack by itself is judged in ``tests/fuzz/ingest/test_attacks.py``. Here it is what one leaves behind for the next,
which only a process of its own shows: its most memory, as Linux tells it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.http.client import client
from libs.testing import builders
from libs.testing.hostile import ATTACKS
from libs.testing.machine import free_ports
from services.ingest.settings import IngestSettings
from tests.bench.pipeline import hub
from tests.integration.ingest.door import Replica

MOST_MB = 200
TIMES = 3
"""What one left behind in the process each time would by then be more than that."""
TOGETHER = 4
"""Mails at once; the door itself says when they are too many."""


@dataclass
class Door:
    http: httpx.AsyncClient
    smtp: int
    pid: int
    good: dict[str, str]
    bad: dict[str, str]
    mailbox: str
    number: int = 0

    @property
    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    async def post(self, files: Sequence[bytes]) -> None:
        for data in files:
            reply = await self.http.post("/v1/submissions", headers=self.bad, content=data)
            assert reply.status_code in (202, 413, 422), reply.text

    async def mail(self, files: Sequence[bytes]) -> None:
        head = (
            b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: application/xml; name=F1.xml\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n"
        )
        for data in files:
            text = head + base64.encodebytes(data).replace(b"\n", b"\r\n")
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.smtp, start_tls=False) as smtp:
                _, said = await smtp.sendmail("a@b.example", [self.mailbox], text)
            assert said.startswith("2.0.0 Stored as "), said

    async def go_on_beside(self, attacks: Any) -> None:
        """Good ones, until the attacks are over."""
        work = asyncio.ensure_future(attacks)
        while not work.done():
            self.number += 1
            data = builders.invoice(number=f"G{self.number}")
            reply = await self.http.post("/v1/submissions", headers=self.good, content=data)
            assert reply.status_code == 202, reply.text
            await asyncio.sleep(0.1)
        await work


@contextlib.asynccontextmanager
async def door(database: DatabaseSettings, folder: Path) -> AsyncIterator[Door]:
    port, smtp = free_ports(2)
    settings = IngestSettings(database_url=database.url, secret=database.secret)
    pools = Pools(database)
    try:
        people = Replica(port, smtp, pools, settings)
        _, good = await people.supplier()
        account, bad = await people.supplier("Visser")
        mailbox = await people.mailbox(account)
    finally:
        await pools.close()
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(hub.ROOT),
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
        "POSTBODE_BASE_URL": people.url,
        "POSTBODE_PORT": str(port),
        "POSTBODE_INGEST_SMTP_PORT": str(smtp),
        "POSTBODE_LOG_LEVEL": "WARNING",
    }
    async with hub.process("ingest", ("services.ingest", "api"), env, folder) as pid:
        await hub.until_ready({"ingest": port}, {"ingest": pid}, folder)
        async with client(base_url=people.url, timeout=60) as http:
            named = {"Postbode-Filename": "F1.xml"}
            yield Door(http, smtp, pid, good | named, bad | named, mailbox)


@pytest.mark.timeout(300)
async def test_the_door_stays_small(database: DatabaseSettings, tmp_path: Path) -> None:
    files = [attack.make() for attack in ATTACKS.values()]
    heaviest = sorted(files, key=len)[-6:]
    async with door(database, tmp_path) as at:
        await at.go_on_beside(at.post([data for data in files for _ in range(TIMES)]))
        assert at.peak_mb < MOST_MB, "by API, one after the other"
        await at.go_on_beside(at.mail([data for data in files for _ in range(TIMES)]))
        assert at.peak_mb < MOST_MB, "by mail, one after the other"
        await at.go_on_beside(asyncio.gather(*(at.post([data]) for data in [*files, *heaviest * 5])))
        assert at.peak_mb < MOST_MB, "by API, all at once"
        await at.go_on_beside(asyncio.gather(*(at.mail(files[n::TOGETHER]) for n in range(TOGETHER))))
        print(f"{at.peak_mb:.0f} MB at most")
        assert at.peak_mb < MOST_MB, "by mail, some at once"
