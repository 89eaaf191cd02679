"""``postbode keys``: what a service derives from the master secret, so that it needs no more. Stands above the services.

::

    POSTBODE_SECRET ──▶ postbode keys route ──▶ {purpose: key, …} ──▶ POSTBODE_OWN_KEYS_FILE of route

Run it where the master secret is kept, which is nowhere in a running hub. The steps that migrate set the passwords of all
roles and go on reading the secret itself.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from libs.db.roles import LEDGER
from libs.settings import INTROSPECTION, BadSettings, load
from libs.terminal import say
from services.doctor import settings_of
from services.solo import SERVICES

STORES = tuple(name for name in SERVICES if name != "portal")
OTHERS = {"ingest": ("documents_owner",), "track": (LEDGER,)}
"""Roles beside its own that a service logs in as: the documents end by ingest, the ledger is read by track."""

app = typer.Typer(help="What one service derives from the master secret, to give it nothing else.")


@app.callback(invoke_without_command=True)
def keys(
    service: Annotated[str, typer.Argument(help=f"whose keys: {', '.join(STORES)}")],
) -> None:
    """Print the value of POSTBODE_OWN_KEYS for one service, made from POSTBODE_SECRET. Whoever has it is that service."""
    if service not in STORES:
        raise typer.BadParameter(f"one of {', '.join(STORES)}; portal has no use for any")
    try:
        settings = load(settings_of(service))
        found = {purpose: settings.derive(purpose).hex() for purpose in purposes(service)}
    except BadSettings as wrong:
        say(str(wrong), err=True)
        raise typer.Exit(78) from wrong
    # Into a file and nowhere else: nothing of this is for a log.
    say(json.dumps(found, indent=1))


def purposes(service: str) -> tuple[str, ...]:
    """What a running service derives: the passwords of its roles, and its own keys."""
    roles = (f"{service}_worker", f"{service}_api", *OTHERS.get(service, ()))
    return (*roles, INTROSPECTION, *settings_of(service).purposes)
