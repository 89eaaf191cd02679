"""``postbode drain``: wait until nothing is under way, and say what remains. Stands above the services.

A signal drains a process; this says when a whole service, or the hub, has nothing in hand. It reads tables and asks the
broker, starts and stops nothing: what may still come in is stopped by stopping who takes it in
(docs/operations.md, *Drain*).
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated

import typer

from libs import clock
from libs.contracts.parts import Words
from libs.contracts.topology import TOPOLOGY
from libs.db.types import Pool
from libs.messaging import AmqpTransport, QueueMissing, Transport, TransportAway
from libs.messaging.redrive import redrive
from libs.messaging.sessions import SERVICES, run
from libs.settings import Settings, load
from libs.terminal import Lang, Language, say

app = typer.Typer(help="Wait until nothing is under way, and say what remains.")

BOTH_WAYS = timedelta(hours=1)
"""How far back is looked for events that were published and not handled; of what is older the queue itself tells."""
_PAUSE, _LONGEST = 0.25, 2.0

_OUTBOX = """
SELECT count(*) FILTER (WHERE not_before IS NULL OR not_before <= now() OR not_before = 'infinity') AS now,
       count(*) FILTER (WHERE not_before > now() AND not_before < 'infinity') AS later FROM outbox
"""
_CAME_IN = """
SELECT EXISTS (SELECT FROM outbox WHERE created_at > $1)
    OR EXISTS (SELECT FROM outbox_sent WHERE sent_at > $1 AND created_at > $1)
"""


@dataclass(frozen=True, slots=True)
class Left:
    """What one service still has of one kind."""

    service: str
    what: str
    """``outbox``, the name of a queue, or what the service itself calls it."""
    now: int
    """Under way, or due: to be waited for."""
    later: int = 0
    """For another time: a retry, a delivery held back. Stays where it is and is not waited for."""


@dataclass(frozen=True, slots=True)
class Drained:
    left: Sequence[Left]
    seconds: float
    fed: bool
    """Ingest had something new to tell while we waited: somebody still takes in."""

    @property
    def empty(self) -> bool:
        return not any(each.now for each in self.left)


@app.callback(invoke_without_command=True)
def drain(
    service: Annotated[list[str] | None, typer.Option(help="only this one; may be given again")] = None,
    wait: Annotated[float, typer.Option(min=0, max=86_400, help="seconds to wait; 0 only looks")] = 60,
    lang: Lang = Language.nl,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
) -> None:
    """Wait until outboxes and queues are empty and nothing is being delivered, mailed or applied. Ends with 0 when so, with
    1 when something remains after that time, with 2 when it could not be looked at. Stops nothing: stop what takes in
    first."""
    here = [name for name in SERVICES if find_spec(f"services.{name}")]
    chosen = service or here
    if unknown := set(chosen) - set(here):
        raise typer.BadParameter(f"here are {', '.join(here)}, and no {', '.join(sorted(unknown))}")
    found = run(lambda pools: _until(pools, chosen, wait))
    if found is None:
        say(_AWAY.en if lang is Language.en else _AWAY.nl, err=True)
        raise typer.Exit(2)
    if as_json:
        say(
            json.dumps(
                {
                    "drained": found.empty,
                    "seconds": round(found.seconds, 1),
                    "still_fed": found.fed,
                    "left": [asdict(each) for each in found.left if each.now or each.later],
                }
            )
        )
    else:
        say("\n".join(lines(found, chosen, lang)))
    raise typer.Exit(0 if found.empty else 1)


async def _until(pools: Mapping[str, Pool], chosen: Sequence[str], wait: float) -> Drained | None:
    """None: the broker is away."""
    settings = load(Settings)
    transport = AmqpTransport(settings.amqp_url) if settings.transport == "amqp" else None
    begin, pause = clock.monotonic(), _PAUSE
    since = await pools["ingest"].fetchval("SELECT now()")
    try:
        if transport is not None:
            await transport.start()
        while True:
            left = [each for name in chosen for each in await look(name, pools, transport)]
            spent = clock.monotonic() - begin
            if not any(each.now for each in left) or spent >= wait:
                return Drained(left, spent, await pools["ingest"].fetchval(_CAME_IN, since))
            await asyncio.sleep(min(pause, max(0.0, wait - spent)))
            pause = min(pause * 2, _LONGEST)
    except TransportAway:
        return None
    finally:
        if transport is not None:
            await transport.stop()


async def look(service: str, pools: Mapping[str, Pool], transport: Transport | None) -> list[Left]:
    """What this service has left to publish, to handle and to do. ``pools``: of all services, for any may have published
    what this one must handle; without a transport events never leave the outbox before they are handled. Raises
    asyncpg's errors and ``TransportAway``."""
    mine = pools[service]
    outbox = await mine.fetchrow(_OUTBOX)
    assert outbox is not None
    found = [Left(service, "outbox", outbox["now"], outbox["later"])]
    for queue in TOPOLOGY.queues:
        if queue.service == service and transport is not None:
            # In the broker or in somebody's hand: the broker knows the one, tables know both.
            unheard = await redrive(pools, mine, queue, since=BOTH_WAYS, dry=True)
            found.append(Left(service, queue.name, max(unheard.again, await _depth(transport, queue.name))))
    if find_spec(f"services.{service}.under_way"):
        own = importlib.import_module(f"services.{service}.under_way")
        found += [Left(service, row["what"], row["now"], row["later"]) for row in await mine.fetch(own.LEFT)]
    return found


async def _depth(transport: Transport, queue: str) -> int:
    try:
        return await transport.depth(queue)
    except QueueMissing:
        return 0


_AWAY = Words(
    nl="De broker is er niet (POSTBODE_AMQP_URL): wat daar nog ligt is niet te zien.",
    en="The broker is away (POSTBODE_AMQP_URL): what still lies there cannot be seen.",
)
_QUEUE = Words(
    nl="{0.now} gebeurtenissen in {0.what} of in verwerking",
    en="{0.now} events in {0.what} or in hand",
)
_WORDS: Mapping[str, tuple[Words, Words]] = {
    "outbox": (
        Words(nl="{0.now} te publiceren: draait de relay?", en="{0.now} to publish: does the relay run?"),
        Words(nl="{0.later} later opnieuw", en="{0.later} again later"),
    ),
    "attempts": (Words(nl="{0.now} pogingen onderweg", en="{0.now} attempts under way"), Words(nl="", en="")),
    "deliveries": (
        Words(
            nl="{0.now} bezorgingen aan de beurt: draait de worker?",
            en="{0.now} deliveries due: does the worker run?",
        ),
        Words(
            nl="{0.later} bezorgingen later of tegengehouden",
            en="{0.later} deliveries for later or held back",
        ),
    ),
    "sales": (
        Words(nl="{0.now} eigen facturen te boeken", en="{0.now} own invoices to book"),
        Words(
            nl="{0.later} eigen facturen voor later of tegengehouden",
            en="{0.later} own invoices for later or held back",
        ),
    ),
    "notices": (
        Words(nl="{0.now} berichten te mailen", en="{0.now} notices to mail"),
        Words(nl="{0.later} berichten voor later", en="{0.later} notices for later"),
    ),
    "links": (
        Words(nl="{0.now} mails met een link te versturen", en="{0.now} mails with a link to send"),
        Words(nl="{0.later} mails met een link voor later", en="{0.later} mails with a link for later"),
    ),
    "runs": (
        Words(nl="{0.now} plannen worden uitgevoerd", en="{0.now} plans being applied"),
        Words(nl="", en=""),
    ),
}
_NOTHING = Words(nl="niets onderweg", en="nothing under way")
_EMPTY = Words(nl="leeg na {0:.1f} s", en="drained after {0:.1f} s")
_REMAINS = Words(nl="na {0:.1f} s nog {1} onderweg", en="after {0:.1f} s {1} still under way")
_FED = Words(
    nl="Er komt nog binnen: stop eerst de API-processen van ingest.",
    en="Something still comes in: stop ingest's API processes first.",
)


def lines(found: Drained, chosen: Sequence[str], lang: str) -> list[str]:
    """For people: a line for each service, then whether it is empty."""

    def told(words: Words) -> str:
        return words.en if lang == "en" else words.nl

    shown = []
    for service in chosen:
        parts = [
            told(words).format(each)
            for each in found.left
            if each.service == service
            for words, count in zip(
                _WORDS.get(each.what, (_QUEUE, _QUEUE)), (each.now, each.later), strict=True
            )
            if count
        ]
        shown.append(f"{service:9} {' · '.join(parts) or told(_NOTHING)}")
    if found.empty:
        return [*shown, told(_EMPTY).format(found.seconds)]
    remaining = sum(each.now for each in found.left)
    shown.append(told(_REMAINS).format(found.seconds, remaining))
    return [*shown, told(_FED)] if found.fed else shown
