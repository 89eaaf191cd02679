"""``postbode ledger``: does the hub have every invoice it acknowledged, and where."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from libs.db.settings import database_of
from libs.failures import EXPECTED, explain
from libs.settings import load
from libs.terminal import Lang, Language, say
from services.track import ledger_words
from services.track.ledger import Ledger, take
from services.track.settings import TrackSettings
from services.track.snapshots import snapshots

app = typer.Typer(
    help="Is every acknowledged invoice delivered, returned or open? Exit code 0: yes; 1: the books do not balance; "
    "2: they could not be looked at."
)

SHOWN = 50
"""Invoices named to people; machines get them all."""


@app.callback(invoke_without_command=True)
def ledger(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
    lang: Lang = Language.nl,
    grace: Annotated[
        int,
        typer.Option(
            min=0, max=31_536_000, help="seconds an event may be with the broker before somebody must name it"
        ),
    ] = 300,
) -> None:
    """Compare what ingest, validate, route, deliver and track hold, independently of each other."""
    try:
        found = asyncio.run(_take(timedelta(seconds=grace)))
    except EXPECTED as failed:
        say(f"The ledger cannot be read: {explain(failed)[1]}", err=True)
        raise typer.Exit(2) from failed
    if as_json:
        say(json.dumps(as_dict(found)))
    else:
        say("\n".join(lines(found, lang)))
    raise typer.Exit(0 if found.balanced else 1)


async def _take(grace: timedelta) -> Ledger:
    settings = load(TrackSettings)
    async with snapshots(database_of(settings)) as found:
        return await take(found, grace)


def as_dict(ledger: Ledger) -> dict[str, Any]:
    """The ledger as machines read it."""
    return {
        "acknowledged": ledger.acknowledged,
        "delivered": ledger.delivered,
        "returned": ledger.returned,
        "open": ledger.open,
        "lost": ledger.lost,
        "duplicated": ledger.duplicated,
        "unaccounted": ledger.unaccounted,
        "invoices": [
            {
                "invoice_id": str(entry.invoice_id),
                "problem": entry.problem,
                "service": entry.place.service,
                "missing": entry.place.why,
                **ledger_words.missing(entry.invoice_id, entry.place).model_dump(),
            }
            for entry in ledger.entries
        ],
    }


_HEAD = {
    "nl": "bevestigd {0.acknowledged} = bezorgd {0.delivered} + teruggegeven {0.returned} + open {0.open}",
    "en": "acknowledged {0.acknowledged} = delivered {0.delivered} + returned {0.returned} + open {0.open}",
}
_FOOT = {
    "nl": "kwijt {0.lost} · dubbel {0.duplicated} · onverklaard {0.unaccounted}",
    "en": "lost {0.lost} · duplicated {0.duplicated} · unaccounted {0.unaccounted}",
}
_PLUS = {"nl": " + kwijt of onverklaard {0}", "en": " + lost or unaccounted {0}"}
_WELL = {"nl": "De boeken kloppen: er is niets te doen.", "en": "The books balance: there is nothing to do."}
_MORE = {
    "nl": "… en nog {0}; `postbode ledger --json` noemt ze allemaal.",
    "en": "… and {0} more; `postbode ledger --json` names them all.",
}


def lines(ledger: Ledger, lang: str) -> list[str]:
    """The ledger as people read it: the sum, what the open ones wait for, and per invoice what to do."""
    wrong = ledger.lost + ledger.unaccounted
    shown = [_HEAD[lang].format(ledger) + (_PLUS[lang].format(wrong) if wrong else "")]
    for name, count in sorted(ledger.waiting.items()):
        words = ledger_words.waiting(name)
        shown.append(f"  {count:>8}  {name.partition(': ')[0]}: {words.en if lang == 'en' else words.nl}")
    shown.append(_FOOT[lang].format(ledger))
    for entry in ledger.entries[:SHOWN]:
        words = ledger_words.missing(entry.invoice_id, entry.place)
        shown.append(f"  {entry.invoice_id}  {entry.problem}: {words.en if lang == 'en' else words.nl}")
    if len(ledger.entries) > SHOWN:
        shown.append(_MORE[lang].format(len(ledger.entries) - SHOWN))
    if ledger.balanced:
        shown.append(_WELL[lang])
    return shown
