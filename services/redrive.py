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
from libs.contracts.parts import Words
from libs.contracts.topology import TOPOLOGY
from libs.db.types import Pool
from libs.messaging import AmqpTransport
from libs.messaging import redrive as past
from libs.messaging.redrive import Redriven, forget
from libs.messaging.sessions import operator, queue_called, run
from libs.settings import Settings, load
from libs.terminal import Lang, Language, say

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

REPEATABLE = (
    "track.facts",
    "track.accounts",
    "deliver.routed",
    "ingest.outcomes",
    "route.outcomes",
    "route.accounts",
    "validate.erased",
    "route.erased",
    "deliver.erased",
)
"""Queues whose events may be handled twice: what they lead to has a key of its own. Validate and route would give a
second verdict and a second decision, and tell the sender of both."""

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
    put_back: Annotated[
        bool,
        typer.Option(
            "--put-back",
            help="with --since, while every process is stopped: the database was put back to that moment. Empties the "
            "queues and holds back every channel; then start all but ingest's API, wait for `postbode drain`, and "
            "`postbode delivery resume --put-back`",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only count")] = False,
    lang: Lang = Language.nl,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
) -> None:
    """Publish events of the past again, each to the queues that have not handled it."""
    if not (since or invoice or queue or everything):
        raise typer.BadParameter("say what: --since, --invoice, --queue, or --everything")
    if again and (queue is None or dry_run or since or invoice or everything):
        raise typer.BadParameter(
            "--again goes with --queue and nothing else: a service forgets all of a queue"
        )
    if put_back and (since is None or invoice or queue or everything or dry_run):
        raise typer.BadParameter(
            "--put-back goes with --since, the moment it was put back to, and nothing else"
        )
    if put_back and not _here("services.deliver.waits.put_back"):
        raise typer.BadParameter("--put-back is for the image of deliver, whose channels it holds back")
    queues = [queue_called(queue)] if queue else list(TOPOLOGY.queues)
    if again and queue not in REPEATABLE:
        raise typer.BadParameter(
            f"handling {queue} again would do things twice; what its service made comes back from the backup, and "
            f"what it never handled with `postbode redrive --queue {queue}`. --again goes with {', '.join(REPEATABLE)}"
        )
    start = _instant(since) if since else None

    async def work(pools: Mapping[str, Pool]) -> tuple[dict[str, Redriven], dict[str, int]]:
        older: dict[str, int] = {}
        if put_back:
            older["queues_thrown"] = await _put_back(pools["deliver"])
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
    else:
        for line in _lines(done, older, lang, dry_run=dry_run):
            say(line)
    if invoice is not None and not any(each.again or each.handled for each in done.values()):
        say(_NOTHING.en if lang is Language.en else _NOTHING.nl, err=True)
        raise typer.Exit(1)


async def _put_back(deliver: Pool) -> int:
    """Nothing goes out and nothing of the broker comes in: what it holds is of a time the database does not know, or lies
    in ``outbox_sent``. How many messages were thrown away."""
    from services.deliver.waits.put_back import hold

    settings, thrown = load(Settings), 0
    if settings.transport == "amqp":
        transport = AmqpTransport(settings.amqp_url)
        try:
            await transport.start()
            await transport.apply(TOPOLOGY)
            thrown = await transport.empty(
                [name for queue in TOPOLOGY.queues for name in (queue.name, queue.dead)]
            )
        finally:
            await transport.stop()
    await hold(deliver, by=operator())
    return thrown


async def _from_rows(queue: str, pools: Mapping[str, Pool]) -> dict[str, int]:
    """What is older than published events are kept, from the rows in which it was written down."""
    if queue == "track.facts" and _here("services.track.rebuild"):
        from services.track.rebuild import rebuild

        built = await rebuild(pools["track"])
        return {f"status_{name}": count for name, count in asdict(built).items()}
    if queue in ("track.accounts", "route.accounts") and _here("services.ingest.access.accounts"):
        from services.ingest.access.accounts import tell_all

        return {"accounts_told": await tell_all(pools["ingest"])}
    return {}


def _here(module: str) -> bool:
    """Whether this image holds that service."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _instant(text: str) -> datetime | timedelta:
    """Raises ``typer.BadParameter``."""
    now = clock.now()
    try:
        if found := re.fullmatch(r"(\d{1,9})([smhd])", text):
            ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
            _ = now - ago  # before all time: OverflowError
            return ago  # by the databases' clocks, not by this one
        instant = datetime.fromisoformat(text)
    except OverflowError as bad:
        raise typer.BadParameter(f"--since {text!r} is before all time; events are kept for 7 days") from bad
    except ValueError as bad:
        raise typer.BadParameter(f"--since {text!r}: write 90m, 2h, 3d, or 2026-11-03T09:00") from bad
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    if instant > now:
        raise typer.BadParameter(f"--since {text!r} is in the future: nothing was published since then")
    return instant


_NOTHING = Words(
    nl="Over deze factuur is de laatste 7 dagen niets verzonden: klopt het nummer? `postbode ledger` noemt wat vastzit.",
    en="Nothing about this invoice was published in the last 7 days: is that its number? `postbode ledger` names what is "
    "stuck.",
)
_COUNTED = {
    "again": Words(nl="opnieuw verzonden", en="published again"),
    "dry": Words(nl="zou opnieuw verzonden worden", en="would be published again"),
    "handled": Words(nl="verwerkt of in de wacht: met rust gelaten", en="handled or waiting: left alone"),
    "status_invoices": Words(nl="facturen bekeken", en="invoices looked at"),
    "status_mended": Words(nl="hersteld", en="mended"),
    "status_groundless": Words(
        nl="steunen op geen feit en zijn bewaard: zet de tijdlijn van track terug uit de back-up",
        en="stand on no fact and were kept: put track's timeline back from the backup",
    ),
    "queues_thrown": Words(nl="berichten weggegooid", en="messages thrown away"),
    "accounts_told": Words(nl="opnieuw verteld uit de rijen van ingest", en="told again from ingest's rows"),
}


def _lines(
    done: Mapping[str, Redriven], older: Mapping[str, int], lang: Language, *, dry_run: bool
) -> Sequence[str]:
    def counted(name: str, count: int) -> str:
        words = _COUNTED[name]
        return f"{count:9} {words.en if lang is Language.en else words.nl}"

    lines = [
        f"{name:18}  {counted('dry' if dry_run else 'again', each.again)}, {counted('handled', each.handled)}"
        for name, each in done.items()
    ]
    lines += [
        f"{name.partition('_')[0]:18}  {counted(name, count)}"
        for name, count in older.items()
        if count or name != "status_groundless"
    ]
    return lines
