"""``postbode redrive``: publish events of the past again. Stands above the services, for it works on all of them."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from libs import clock
from libs.contracts.topology import TOPOLOGY, Queue
from libs.db.types import Pool
from libs.messaging import redrive as past
from libs.messaging.redrive import Redriven, forget
from libs.messaging.sessions import run
from libs.terminal import say

app = typer.Typer(
    help="\n\n".join(
        (
            "Publish events of the past again, each to the queues that have not handled it.",
            "For a broker that lost its disk (`--since` the time before that), one invoice that got stuck (`--invoice`), "
            "a queue that was empty or is new (`--queue`), and a projection to build anew (`--queue track.facts --again`).",
            "Events are kept for 7 days after they were published. What is older lives where it was written down: with "
            "`--again` track builds its status from its timeline, and accounts are told from ingest's rows.",
            "Harmless at any time: what was handled is not sent, and what comes twice is known by its event id.",
        )
    )
)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@app.callback(invoke_without_command=True)
def redrive(
    since: Annotated[
        str | None, typer.Option(help="published since then: 90m, 2h, 3d, or 2026-11-03T09:00 (UTC)")
    ] = None,
    invoice: Annotated[UUID | None, typer.Option(help="only what is about this invoice")] = None,
    queue: Annotated[str | None, typer.Option(help="only to this queue, such as track.facts")] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="with --queue: its service forgets what it handled, and handles all anew"
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="all that is kept, to every queue")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only count")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
) -> None:
    """Publish events of the past again, each to the queues that have not handled it."""
    if not (since or invoice or queue or everything):
        raise typer.BadParameter("say what: --since, --invoice, --queue, or --everything")
    if again and (queue is None or dry_run or since or invoice):
        raise typer.BadParameter(
            "--again goes with --queue and nothing else: a service forgets all of a queue"
        )
    start = _instant(since) if since else None
    queues = [_queue(queue)] if queue else list(TOPOLOGY.queues)

    async def work(pools: Mapping[str, Pool]) -> tuple[dict[str, Redriven], dict[str, int]]:
        older: dict[str, int] = {}
        if again:
            for each in queues:
                await forget(pools[each.service], each.name)
                older.update(await _from_rows(each.name, pools))
        subject = str(invoice) if invoice else None
        done = {
            each.name: await past.redrive(
                pools, pools[each.service], each, since=start, subject=subject, dry=dry_run
            )
            for each in queues
        }
        return done, older

    done, older = run(work)
    if as_json:
        say(json.dumps({"queues": {name: asdict(each) for name, each in done.items()}, **older}))
        return
    for line in _lines(done, older, dry_run=dry_run):
        say(line)


async def _from_rows(queue: str, pools: Mapping[str, Pool]) -> dict[str, int]:
    """What is older than published events are kept, from the rows in which it was written down."""
    if queue == "track.facts" and _here("services.track.rebuild"):
        from services.track.rebuild import rebuild

        built = await rebuild(pools["track"])
        return {f"status_{name}": count for name, count in asdict(built).items()}
    if queue == "track.accounts" and _here("services.ingest.accounts"):
        from services.ingest.accounts import tell_all

        return {"accounts_told": await tell_all(pools["ingest"])}
    return {}


def _here(module: str) -> bool:
    """Whether this image holds that service."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _instant(text: str) -> datetime:
    """Raises ``typer.BadParameter``."""
    if found := re.fullmatch(r"(\d+)([smhd])", text):
        return clock.now() - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as bad:
        raise typer.BadParameter(f"--since {text!r}: write 90m, 2h, 3d, or 2026-11-03T09:00") from bad
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _queue(name: str) -> Queue:
    """Raises ``typer.BadParameter``."""
    try:
        return TOPOLOGY.queue(name)
    except KeyError as bad:
        known = ", ".join(queue.name for queue in TOPOLOGY.queues)
        raise typer.BadParameter(f"there is no queue {name!r}; there are {known}") from bad


def _lines(done: Mapping[str, Redriven], older: Mapping[str, int], *, dry_run: bool) -> Sequence[str]:
    word = "would be published again" if dry_run else "published again"
    lines = [
        f"{name:18}  {each.again:9} {word}, {each.handled:9} handled or waiting: left alone"
        for name, each in done.items()
    ]
    if "status_invoices" in older:
        lines.append(
            f"{'status':18}  {older['status_invoices']:9} invoices looked at, {older['status_mended']:9} mended"
        )
    if older.get("status_groundless"):
        lines.append(
            f"{'status':18}  {older['status_groundless']:9} stand on no fact and were kept: put track's timeline back "
            "from the backup"
        )
    if "accounts_told" in older:
        lines.append(f"{'accounts':18}  {older['accounts_told']:9} told again from ingest's rows")
    return lines
