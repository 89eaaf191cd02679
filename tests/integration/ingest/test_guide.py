"""Every command of docs/submissions.md does what the page says it does."""

from __future__ import annotations

import asyncio
import os
import re
import zipfile
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from libs.db.settings import DatabaseSettings
from libs.testing import builders
from tests.integration.ingest.door import replica

PAGE = Path(__file__).parents[3] / "docs" / "submissions.md"
_STEP = re.compile(r"```sh\n(.*?)```\n+```(?:json|text)\n(.*?)```", re.DOTALL)


async def test_the_commands_of_the_page_answer_as_it_says(database: DatabaseSettings, tmp_path: Path) -> None:
    for number in ("F2026-0117", "F2026-0118", "F2026-0119"):
        (tmp_path / f"{number}.xml").write_bytes(builders.invoice(number=number))
    (tmp_path / "F2026-0117.pdf").write_bytes(builders.pdf("F2026-0117"))
    with zipfile.ZipFile(tmp_path / "facturen.zip", "w") as made:
        for number in ("F2026-0201", "F2026-0202"):
            made.writestr(f"{number}.xml", builders.invoice(number=number))
        made.writestr("los.pdf", builders.pdf("x"))
    with zipfile.ZipFile(tmp_path / "paar.zip", "w") as made:
        made.writestr("F2026-0120.xml", builders.invoice(number="F2026-0120"))
        made.writestr("F2026-0120.pdf", builders.pdf("F2026-0120"))
    page = PAGE.read_text("utf-8")
    steps = _STEP.findall(page)
    assert len(steps) == page.count("```sh") > 6
    async with replica(database) as door:
        _, login = await door.supplier()
        key = login["Authorization"].removeprefix("Bearer ")
        env = {"PATH": os.environ["PATH"], "HUB": door.url, "KEY": key, "NO_PROXY": "*"}
        for command, answer in steps:
            shell = await asyncio.create_subprocess_exec(
                "sh", "-c", command, stdout=PIPE, stderr=STDOUT, cwd=tmp_path, env=env
            )
            out, _ = await shell.communicate()
            wanted = ".*?".join(re.escape(part) for part in answer.strip().split("…"))
            said = out.decode().replace("\r", "").strip()
            assert re.fullmatch(wanted, said), f"{command}\n{said}"
