"""``make demo-sync``: two administrations of Exact Globe+ and a Purchase to Pay, kept alike by the command line. With
``--short`` the end of ``make demo``: one administration, plan, apply, verify, on a Postgres from a Python wheel.

Every command shown is run as it stands, in a process of its own, as somebody at a terminal would. The two products are
the simulators of ``tests/sims``: real servers on real storage, written from public documents, never compared with the
products themselves.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from libs import clock
from libs.db.embedded import EmbeddedPostgres
from libs.db.migrate import migrate
from libs.db.settings import DatabaseSettings
from libs.testing import stack
from services.sync.app import MIGRATIONS
from tests.sims.globe import Administration, Fill, Globe, people, rows
from tests.sims.p2p import P2PProcess
from tests.sims.p2p.settings import Settings

SECRET = "only for this walk, on this machine"
MOST_LINES = 24


class Terminal:
    """Runs ``postbode``; shows what was typed and what came."""

    def __init__(self, database_url: str) -> None:
        usual = Settings()
        self._environment = {
            **os.environ,
            "POSTBODE_DATABASE_URL": database_url,
            "POSTBODE_SECRET": SECRET,
            "POSTBODE_P2P_PASSWORD": usual.password,
            "POSTBODE_P2P_API_KEY": usual.api_key,
            "POSTBODE_LOG_LEVEL": "ERROR",
        }

    def type(self, command: str, *, quiet: bool = False, most: int = MOST_LINES, fails: bool = False) -> str:
        """Run one command; ends the walk when it ends otherwise than it should."""
        if not quiet:
            print(f"\n$ postbode {command}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *shlex.split(command)],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if not quiet:
            shown = (done.stdout + done.stderr).splitlines()
            print("\n".join(shown[:most]))
            if len(shown) > most:
                print(f"… {len(shown) - most} more lines")
        if (done.returncode != 0) is not fails:
            raise SystemExit(f"postbode {command}: ended {done.returncode}\n{done.stderr}")
        return done.stdout


def named(output: str) -> str:
    """The plan that was printed, as ``apply`` wants it named."""
    found = re.search(r"^plan (\S+) .*\nhash (\S+)$", output, re.MULTILINE)
    if found is None:
        raise SystemExit(f"no plan in what was printed:\n{output}")
    return f"{found[1]} --hash {found[2]}"


async def prepare(url: str, codes: Sequence[str] = ("001", "002")) -> dict[str, Administration]:
    await migrate(DatabaseSettings(url, SECRET), MIGRATIONS)
    today = clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).date()
    globe = Globe(url)
    made = {}
    for fill in (
        Fill("001", "Molen BV", 1, 100, today=today),
        Fill("002", "Molen Zuid BV", 1, 100, today=today),
    ):
        if fill.code in codes:
            made[fill.code] = await globe.create(fill.company())
            await made[fill.code].load(fill.rows())
    return made


def walk(terminal: Terminal, p2p: str, globes: dict[str, Administration], page: Path) -> None:
    terminal.type(f"sync client P2P --address {p2p} --username api")
    for code, each in globes.items():
        source = each.reader_url.replace("postgresql://", "postgresql+psycopg://")
        print(f"\n$ postbode sync administration {code} --update 508 --source …")
        print(terminal.type(f"sync administration {code} --update 508 --source {source}", quiet=True), end="")
    terminal.type(
        "sync solution Kantoor --client P2P --administration 001 --administration 002 --every day --at 06:30"
    )
    terminal.type("sync check Kantoor --lang en")
    plan = named(terminal.type(f"sync plan Kantoor --lang en --html {page}"))
    terminal.type(f"sync apply {plan} --lang en")
    terminal.type("sync load-save Kantoor 001 supplier")
    terminal.type("sync load-start Kantoor 001 supplier")
    terminal.type("sync load-stop Kantoor 001 supplier")
    terminal.type('sync load-preview Kantoor 001 gl_account --filter "grtbk.Blocked = 0" --limit 2')
    print(
        "\n(somebody changes a ledger account in 001 and deletes a VAT code; 002 gives a payment condition other days)"
    )
    asyncio.run(change(globes["001"]))
    asyncio.run(people.change(globes["002"], rows.PaymentCondition, "14", kbdagen=5))
    plan = named(terminal.type("sync plan Kantoor --lang en", most=60))
    terminal.type(f"sync apply {plan} --lang en")
    print("\n(an old plan is not applied again)")
    terminal.type(f"sync apply {plan} --lang en", fails=True)
    # On what the administrations disagree the first one's value stands, and the other is listed.
    terminal.type("sync verify Kantoor --lang en", fails=True)
    terminal.type("sync history vat_code 001-0E --lang en")
    terminal.type("sync runs Kantoor --lang en")


async def change(administration: Administration) -> None:
    async with administration.connection() as conn:
        code = await conn.fetchval("SELECT reknr FROM grtbk ORDER BY 1 LIMIT 1")
    await people.change(administration, rows.GLAccount, code, oms25="Huisvesting en energie")
    await people.delete(administration, rows.VatCode, "0E")


def tell(words: str) -> None:
    print(f"\n{words}", flush=True)


def short(terminal: Terminal, p2p: str, globe: Administration) -> None:
    tell(
        "And the other half: Exact Globe+ and Exact Purchase to Pay, kept alike. Both are stand-ins here, real servers on\n"
        "real storage. First we say where they are; each is asked whether it answers."
    )
    terminal.type(f"sync client P2P --address {p2p} --username api")
    source = globe.reader_url.replace("postgresql://", "postgresql+psycopg://")
    print("\n$ postbode sync administration 001 --update 508 --source …")
    print(terminal.type(f"sync administration 001 --update 508 --source {source}", quiet=True), end="")
    terminal.type("sync solution Kantoor --client P2P --administration 001")
    tell(
        "A plan tells what would be done, record by record, with the rule where one is left out. It changes nothing."
    )
    plan = named(terminal.type("sync plan Kantoor --lang en", most=8))
    tell("Its hash names exactly this plan: applied is what was looked at, or nothing.")
    terminal.type(f"sync apply {plan} --lang en")
    tell(
        "Somebody changes a ledger account in Globe+, and deletes a VAT code. Only that is in the next plan."
    )
    asyncio.run(change(globe))
    plan = named(terminal.type("sync plan Kantoor --lang en", most=8))
    terminal.type(f"sync apply {plan} --lang en")
    tell(
        "Both sides compared whole. Suppliers stand in Globe+ only: those that were there before go over by a first load\n"
        "(make demo-sync shows one, and two administrations that disagree)."
    )
    terminal.type("sync verify Kantoor --lang en", most=10, fails=True)


def main() -> None:
    if "--short" in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="postbode-demo-sync-", dir="/var/tmp") as folder:
            Path(folder).chmod(0o755)  # root's Postgres runs as somebody else
            server = EmbeddedPostgres(Path(folder) / "postgres")
            url = server.start()
            try:
                with P2PProcess(Path(folder) / "p2p.sqlite", "--company", "001=Molen BV") as p2p:
                    globes = asyncio.run(prepare(url, codes=("001",)))
                    short(Terminal(url), p2p.base_url, globes["001"])
            finally:
                server.stop()
        return
    with (
        stack.postgres(private=True) as started,
        tempfile.TemporaryDirectory() as folder,
        P2PProcess(
            Path(folder) / "p2p.sqlite", "--company", "001=Molen BV", "--company", "002=Molen Zuid BV"
        ) as p2p,
    ):
        globes = asyncio.run(prepare(started.url))
        walk(Terminal(started.url), p2p.base_url, globes, Path(folder) / "plan.html")


if __name__ == "__main__":
    main()
