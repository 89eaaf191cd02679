"""``postbode demo``: real invoices through the whole hub, on this machine, to look at.

It starts solo, opens two suppliers and three receivers, hands over invoices by API and by mail, plays the
receivers' side (a mail server; a Globe that takes its files away; the books of one of them at Exact Online, where
``command`` was given one), and shows where each invoice is.

What was handed over is written down before it goes out, so a demo that was killed goes on where it was: it
hands the rest over again (the hub answers "the same invoice"), waits, and counts at the receivers' doors
that nothing is missing and nothing came twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from libs.db.embedded import EmbeddedPostgres
from libs.runtime import ALL_PARTS, Running, run
from libs.settings import Settings
from libs.telemetry.setup import configure
from libs.terminal import say
from libs.testing.machine import free_ports
from services.demo import books, cast, place, script
from services.demo.books import Office, Opened
from services.demo.receivers import Receivers
from services.demo.sender import Sender
from services.demo.table import Shown
from services.solo import Plan, hub

SECONDS = 90
"""Longest wait for every invoice to reach an end."""

_DELIVERED = frozenset({"arrived", "sent", "imported"})


@dataclass(frozen=True, slots=True)
class Ports:
    http: int
    smtp: int
    receivers: int


def command(opened: Opened | None = None) -> typer.Typer:
    """``postbode demo``. ``opened``: with an Exact Online for one of the receivers."""
    made = typer.Typer(help="Watch real invoices travel through the whole hub, on this machine.")

    @made.callback(invoke_without_command=True)
    def demo(
        keep: Annotated[bool, typer.Option(help="leave the hub running and print URLs and a key")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="last line is JSON for machines")] = False,
        folder: Annotated[
            Path | None,
            typer.Option(
                help="where the demo keeps its data; without it, one folder for each user in /var/tmp"
            ),
        ] = None,
        fresh: Annotated[bool, typer.Option(help="forget earlier runs first")] = False,
    ) -> None:
        """Send sample invoices through the hub and show what becomes of each."""
        folder = (folder or place.usual()).absolute()
        place.prepare(folder, fresh=fresh)
        console = Console(stderr=as_json)
        with opened(folder / "receivers") if opened else contextlib.nullcontext() as office:
            raise typer.Exit(asyncio.run(_demo(folder, console, office, keep=keep, as_json=as_json)))

    return made


app = command()


async def _demo(folder: Path, console: Console, office: Office | None, *, keep: bool, as_json: bool) -> int:
    console.print("[bold]Postbode[/bold] starts: Postgres, seven services, one process …")
    ports = Ports(*free_ports(3))
    postgres = EmbeddedPostgres(folder / "postgres")
    url = await asyncio.to_thread(postgres.start)
    base_url = f"http://127.0.0.1:{ports.http}"
    common = Settings(database_url=url, base_url=base_url, transport="memory", log_level="ERROR")
    configure("demo", common)
    receivers = Receivers(folder / "receivers", ports.receivers)
    overrides: dict[str, dict[str, Any]] = {
        "ingest": {"smtp_port": ports.smtp},
        "deliver": {
            "folder_root": receivers.folders,
            "smtp_port": ports.receivers,
            "poll_seconds": 0.5,
            **(office.settings if office else {}),
        },
        "track": {"smtp_port": ports.receivers},
    }
    outcome = 1
    try:
        async with receivers, hub(Plan(common, overrides)) as (services, resources):
            results: list[int] = []

            async def show(running: Running) -> None:
                results.append(
                    await _show(folder, console, resources, common, ports, receivers, office, as_json)
                )
                if keep:
                    _invite(console, base_url, folder)
                else:
                    running.stop.set()

            code = await run(services, resources, ALL_PARTS, port=ports.http, started=show)
            outcome = code or (results[0] if results else 1)
    finally:
        await asyncio.to_thread(postgres.stop)
    return outcome


async def _show(
    folder: Path,
    console: Console,
    resources: Any,
    common: Settings,
    ports: Ports,
    receivers: Receivers,
    office: Office | None,
    as_json: bool,
) -> int:
    people = await cast.engage(resources, common, folder)
    if office is not None:
        await books.link(resources, common, folder, office)
    play = script.load(folder, books=office is not None)
    sender = Sender(common.base_url, ports.smtp, people, folder)
    with Live(Shown(play, {}), console=console, refresh_per_second=8, transient=True) as live:
        await sender.hand_over(play)
        deadline = time.monotonic() + SECONDS
        while True:
            receivers.take_away()
            rows = await sender.look(play)
            live.update(Shown(play, rows))
            if all(row.ended for row in rows.values()) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.15)
    console.print(Shown(play, rows))
    # The folder remembers earlier plays, and what somebody sent by hand: they are not this play's.
    booked = office.entries() if office else {}
    twice = receivers.doubled(rows) + sum(len(booked.get(number, ())) > 1 for number in rows)
    got = receivers.got().keys() | booked.keys()
    lost = sum(
        1 for number, row in rows.items() if not row.ended or (row.status in _DELIVERED and number not in got)
    )
    if not lost:
        script.close(folder)
    console.print(f"[bold]{len(rows)} invoices · lost {lost} · duplicated {twice}[/bold]", highlight=False)
    if repeated := receivers.repeated():
        console.print(f"{repeated} mails came again under their own Message-ID, after a kill.")
    if as_json:
        invoices = [
            {
                "number": scene.number,
                "sender": scene.sender,
                "receiver": rows[scene.number].receiver or scene.receiver,
                "status": rows[scene.number].status,
                "reason": rows[scene.number].reason,
            }
            for scene in play
        ]
        say(json.dumps({"invoices": invoices, "lost": lost, "duplicated": twice}))
    return 1 if lost or twice else 0


def _invite(console: Console, base_url: str, folder: Path) -> None:
    keys = json.loads((folder / "keys.json").read_text())
    console.print(f"\nThe hub stays up. Pages: {base_url}/   API: {base_url}/docs")
    console.print(
        f"Sign in with this demo key: [bold]{next(iter(keys.values()))['key']}[/bold]", soft_wrap=True
    )
    console.print("Stop with Ctrl-C.")
