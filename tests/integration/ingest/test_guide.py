"""Every command of docs/submissions.md and docs/accounts.md does what the page says it does."""

from __future__ import annotations

import asyncio
import os
import re
import zipfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from libs.db.settings import DatabaseSettings
from libs.testing import builders
from tests.integration.ingest.door import Replica, replica
from tests.integration.ingest.test_people import Hub

DOCS = Path(__file__).parents[3] / "docs"
_STEP = re.compile(r"```sh\n(.*?)```\n+```(?:json|text)\n(.*?)```", re.DOTALL)

Change = Callable[[str], Awaitable[str]]


async def _as_it_stands(command: str) -> str:
    return command


async def walk(page: Path, folder: Path, change: Change = _as_it_stands, **known: str) -> int:
    """Try every command of the page, each with the variables ``known``; how many there were."""
    text = page.read_text("utf-8")  # noqa: ASYNC240 - a page
    steps = _STEP.findall(text)
    assert len(steps) == text.count("```sh")
    for command, answer in steps:
        shell = await asyncio.create_subprocess_exec(
            "sh", "-c", await change(command), stdout=PIPE, stderr=STDOUT, cwd=folder,
            env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **known},
        )  # fmt: skip
        out, _ = await shell.communicate()
        wanted = ".*?".join(re.escape(part) for part in answer.strip().split("…"))
        said = out.decode().replace("\r", "").strip()
        assert re.fullmatch(wanted, said), f"{command}\n{said}"
    return len(steps)


@pytest.fixture
async def door(database: DatabaseSettings) -> AsyncIterator[Replica]:
    async with replica(database) as found:
        yield found


async def test_handing_invoices_over(door: Replica, tmp_path: Path) -> None:
    for number in ("F2026-0117", "F2026-0118", "F2026-0119", "F2026-0121", "F2026-0122"):
        (tmp_path / f"{number}.xml").write_bytes(builders.invoice(number=number))
    (tmp_path / "F2026-0117.pdf").write_bytes(builders.pdf("F2026-0117"))
    with zipfile.ZipFile(tmp_path / "facturen.zip", "w") as made:
        for number in ("F2026-0201", "F2026-0202"):
            made.writestr(f"{number}.xml", builders.invoice(number=number))
        made.writestr("los.pdf", builders.pdf("x"))
    with zipfile.ZipFile(tmp_path / "paar.zip", "w") as made:
        made.writestr("F2026-0120.xml", builders.invoice(number="F2026-0120"))
        made.writestr("F2026-0120.pdf", builders.pdf("F2026-0120"))
    _, login = await door.supplier()
    key = login["Authorization"].removeprefix("Bearer ")
    assert await walk(DOCS / "submissions.md", tmp_path, HUB=door.url, KEY=key) > 6


async def test_accounts_people_and_keys(door: Replica, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=door.url) as http:
        hub = Hub(door, http)

        async def with_link(command: str) -> str:
            if "pb_link_…" not in command:
                return command
            return command.replace("pb_link_…", (await hub.links("jan@bakker.example"))[-1]["token"])

        me = "jan@bakker.example:een lang wachtwoord"
        assert await walk(DOCS / "accounts.md", tmp_path, with_link, HUB=door.url, ME=me) > 8
