"""Every command of docs/first-invoice.md and docs/solo.md runs as it stands, and what the pages say comes of it.

The hub is this process, and so is the command line: starting Python thirty times would be most of the time.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.db.settings import DatabaseSettings
from libs.messaging.memory import MemoryTransport
from services.cli import COMMANDS
from tests.e2e.world import world

DOCS = Path(__file__).parents[2] / "docs"
_STEP = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
_SCRIPT = """
set -eu
trap 'printf "\\0the-end\\0" > call.in; echo > call.go' EXIT
postbode() {{
    printf '%s\\0' "${{POSTBODE_API_KEY-}}" "$@" > call.in
    echo > call.go
    read code < call.done
    cat call.out
    return $code
}}
sleep() {{ command sleep 0.5; }}
{page}
"""


def _page() -> str:
    """The boxes of docs/solo.md, after those that start three terminals."""
    runs = (DOCS / "solo.md").read_text("utf-8").partition("## Two accounts")[2]
    return "\n".join(re.findall(r"```sh\n(.*?)```", runs, re.DOTALL))


def _first() -> tuple[str, str]:
    """Those of docs/first-invoice.md, and a pattern of what they print. Commands of which the page shows nothing may
    print what they like."""
    runs = (DOCS / "first-invoice.md").read_text("utf-8").partition("## Sign up")[2]
    steps = _STEP.findall(runs)
    script = "".join(f"{command}echo '=='\n" for command, _ in steps)
    shown = [".*?".join(map(re.escape, said.strip().split("…"))) if said else ".*?" for _, said in steps]
    return script, "".join(rf"\s*{each}\s*==\n" for each in shown)


async def _answer(folder: Path, env: dict[str, str]) -> None:
    """One command after the other, through two pipes with names, until the script ends."""

    def one() -> bool:
        (folder / "call.go").read_text()
        key, *arguments = (folder / "call.in").read_text().split("\0")[:-1]
        if arguments == ["the-end"]:
            return False
        module = __import__(COMMANDS[arguments[0]].module, fromlist=["app"])
        own = {**env, "POSTBODE_API_KEY": key} if key else env
        done = CliRunner().invoke(module.app, arguments[1:], env=own, prog_name="postbode")
        (folder / "call.out").write_text(done.output)
        (folder / "call.done").write_text(f"{done.exit_code}\n")
        return True

    while await asyncio.to_thread(one):
        pass


async def _run(page: str, folder: Path, env: dict[str, str]) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", _SCRIPT.format(page=page), cwd=folder, stdout=PIPE, stderr=STDOUT,
        env={"PATH": path, "HUB": env["POSTBODE_BASE_URL"], "NO_PROXY": "*"},
    )  # fmt: skip
    async with asyncio.timeout(240):
        (out, _), _ = await asyncio.gather(shell.communicate(), _answer(folder, env))
    assert shell.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.timeout(300)
@pytest.mark.proves("R30", "R35", "R51")
async def test_the_walk_through_a_hub_of_ones_own(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("call.go", "call.done"):
        os.mkfifo(tmp_path / name)
    async with world(database.url, database.secret, tmp_path / "hub", MemoryTransport()) as hub:
        env = {
            "POSTBODE_DATABASE_URL": database.url,
            "POSTBODE_SECRET": database.secret,
            "POSTBODE_BASE_URL": hub.common.base_url,
        }
        # What the page keeps in a folder of its own, the hub of the test mails to its receivers.
        (tmp_path / "mail").mkdir()
        (tmp_path / "mail" / "new").symlink_to(hub.receivers.folders.parent / "mail")
        script, pattern = _first()
        first = await _run(script, tmp_path, env)
        out = await _run(_page(), tmp_path, env)
    assert re.fullmatch(pattern.replace("127\\.0\\.0\\.1:8080", r"[0-9.:]+"), first, re.DOTALL), first
    said = out
    place = 0
    for word in (
        "F1 sent", "F2 parked", "F2 sent", "F3 parked", "not-corroborated", "F3 sent", "F4 parked", "12 digits",
        "F5 parked", "01234567", "F5 returned", "F5 sent", "F1 duplicate", "F1 parked", "BT-106", "F6 sent",
        "F7 parked", "F7 sent", "formula", "kwijt 0 · dubbel 0 · onverklaard 0",
    ):  # fmt: skip
        found = said.find(word, place)
        assert found >= place, f"{word} does not follow in\n{said}"
        place = found
