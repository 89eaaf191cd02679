"""``postbode doctor``: what is wrong with this process's surroundings, and what to do. Stands above the services.

It asks what ``/readyz`` asks (``libs.readiness``) and more, for every service that is here, with the settings of the
process it is run beside; changes nothing, and starts nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import typer

from libs import clock
from libs.contracts.parts import Words
from libs.contracts.topology import TOPOLOGY
from libs.db.applied import Schema
from libs.db.migrate import Migrations
from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Pool
from libs.errors import HubError
from libs.failures import EXPECTED, explain
from libs.messaging import AmqpTransport
from libs.readiness import queues_as_wanted, writable
from libs.settings import BadSettings, Settings, load
from libs.terminal import Lang, Language, say

State = Literal["ok", "look", "wrong"]
OLDEST_POSTGRES, OLDEST_PYTHON = 15, (3, 11)
SECONDS = 10.0
"""A check may take; whatever hangs is wrong too."""
SKEW = 2.0
"""Seconds between our clock and the database's from which somebody should look; thirty times that is wrong."""
SOON = 14 * 86_400.0
"""A certificate that ends within so many seconds should be renewed."""

app = typer.Typer(help="What is wrong with what the hub stands on, and what to do.")
_MARKS: Mapping[State, str] = {"ok": "ok   ", "look": "look ", "wrong": "WRONG"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    service: str
    check: str
    state: State
    words: Words


Said = tuple[State, Words]
FINE: Said = ("ok", Words(nl="in orde", en="fine"))
Look = Callable[[], Awaitable[Said]]


@app.callback(invoke_without_command=True)
def doctor(
    service: Annotated[list[str] | None, typer.Option(help="only this one; may be given again")] = None,
    lang: Lang = Language.nl,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
) -> None:
    """Look at settings, versions, schema, queues, clock, certificates and disks. Ends with 0 when nothing is wrong, with
    78 when settings are, else with 1."""
    # What libraries log of a connection that failed is said below, once and in words.
    logging.disable()
    try:
        code = _report(service or present(), lang, as_json)
    finally:
        logging.disable(logging.NOTSET)
    raise typer.Exit(code)


def _report(chosen: Sequence[str], lang: Language, as_json: bool) -> int:
    unknown = set(chosen) - set(present())
    if unknown:
        raise typer.BadParameter(f"here are {', '.join(present())}, and no {', '.join(sorted(unknown))}")
    found, bad_settings = [], False
    settings: dict[str, Settings] = {}
    for name in chosen:
        try:
            settings[name] = load(settings_of(name))
            found.append(Finding(name, "settings", *FINE))
        except BadSettings as wrong:
            bad_settings = True
            found.append(Finding(name, "settings", "wrong", Words(nl=str(wrong), en=str(wrong))))
    found += asyncio.run(examine(settings))
    _print(found, lang, as_json)
    return os.EX_CONFIG if bad_settings else int(any(each.state == "wrong" for each in found))


def present() -> list[str]:
    """The services of this image, or all."""
    names = ("ingest", "validate", "route", "deliver", "track", "sync", "portal")
    return [name for name in names if find_spec("services") and find_spec(f"services.{name}")]


def settings_of(service: str) -> type[Settings]:
    """The class that reads a service's settings."""
    module = importlib.import_module(f"services.{service}.settings")
    found: type[Settings] = getattr(module, f"{service.capitalize()}Settings")
    return found


async def examine(services: Mapping[str, Settings]) -> list[Finding]:
    """Look at everything these settings lead to. Never raises: what cannot be asked is a finding."""
    found = [await _looked("", "python", _python)]
    for name, settings in services.items():
        migrations = _migrations(name)
        for check, look in _own(name, settings):
            found.append(await _looked(name, check, look))
        if migrations is not None:
            found += await _database(name, settings, migrations)
            if settings.transport == "amqp":
                found.append(await _looked(name, "queues", lambda s=settings, n=name: _queues(s, n)))  # type: ignore[misc]
    return found


async def _looked(service: str, check: str, look: Look) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            return Finding(service, check, *await look())
    except TimeoutError:
        return Finding(
            service, check, "wrong",
            Words(nl=f"gaf in {SECONDS:.0f} s geen antwoord", en=f"gave no answer within {SECONDS:.0f} s"),
        )  # fmt: skip
    except BadSettings as wrong:
        return Finding(service, check, "wrong", Words(nl=str(wrong), en=str(wrong)))
    except HubError as wrong:
        nl = wrong.words["nl"]
        return Finding(service, check, "wrong", Words(nl=nl, en=wrong.message))
    except EXPECTED as wrong:
        said = explain(wrong)[1]
        return Finding(service, check, "wrong", Words(nl=f"gaat niet: {said}", en=said))


def _own(name: str, settings: Settings) -> Iterator[tuple[str, Look]]:
    """What a service itself says it needs, of all parts of it."""
    if find_spec(f"services.{name}.needs") is None:
        return
    parts = importlib.import_module(f"services.{name}.needs").checks(settings)
    for check, ask in {check: ask for part in parts.values() for check, ask in part.items()}.items():

        async def look(ask: Callable[[], Awaitable[None]] = ask) -> Said:
            await ask()
            return FINE

        yield check, look
    if getattr(settings, "smtp_certificate", ""):
        yield "certificate, soon", lambda: _soon(settings)


async def _soon(settings: Any) -> Said:
    ends = (
        importlib.import_module("services.ingest.mailbox.certificate")
        .Certificate(settings.smtp_certificate, settings.smtp_certificate_key)
        .ends
    )
    left = (ends - clock.now()).total_seconds()
    words = Words(nl=f"eindigt op {ends:%Y-%m-%d}", en=f"ends on {ends:%Y-%m-%d}")
    return ("look" if left < SOON else "ok", words)


def _migrations(name: str) -> Migrations | None:
    return getattr(importlib.import_module(f"services.{name}.app"), "MIGRATIONS", None)


async def _python() -> Said:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return "wrong", Words(nl=f"{version}: te oud, minstens 3.11", en=f"{version}: too old, at least 3.11")
    return "ok", Words(nl=version, en=version)


async def _database(name: str, settings: Settings, migrations: Migrations) -> list[Finding]:
    pools = Pools(database_of(settings), max_size=1)
    held: list[Pool] = []

    async def connected() -> Said:
        held.append(await pools.get(migrations.schema, "worker"))
        await writable(held[0])
        return _version(await held[0].fetchval("SELECT current_setting('server_version_num')::int"))

    try:
        found = [await _looked(name, "database", connected)]
        if held:
            schema = Schema(migrations)
            found.append(await _looked(name, "schema", lambda: _schema(schema, held[0])))
            found.append(await _looked(name, "clock", lambda: _clock(held[0])))
        return found
    finally:
        with contextlib.suppress(*EXPECTED):
            await pools.close()


def _version(number: int) -> Said:
    version = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if number // 10_000 < OLDEST_POSTGRES:
        return "wrong", Words(nl=f"{version}: te oud, minstens 15", en=f"{version}: too old, at least 15")
    return "ok", Words(nl=version, en=version)


async def _schema(schema: Schema, pool: Pool) -> Said:
    applied = await schema.look(pool)
    applied.insist(schema.name)
    if applied.edited:
        names = ", ".join(applied.edited)
        return "wrong", Words(
            nl=f"na het toepassen gewijzigd: {names}: zet terug wat er stond",
            en=f"edited after they were applied: {names}: put back what stood there",
        )
    if applied.coming:
        names = ", ".join(applied.coming)
        return "look", Words(
            nl=f"er komt een nieuwere versie aan ({names})", en=f"a newer release is on its way ({names})"
        )
    if applied.waiting:
        names = ", ".join(applied.waiting)
        return "look", Words(
            nl=f"wacht tot de oude versie weg is: {names}; draai dan migrate",
            en=f"waits until the old release is gone: {names}; then run migrate",
        )
    return FINE


async def _clock(pool: Pool) -> Said:
    before = clock.now()
    theirs = await pool.fetchval("SELECT clock_timestamp()")
    off = (theirs - before - (clock.now() - before) / 2).total_seconds()
    state: State = "ok" if abs(off) < SKEW else "look" if abs(off) < 30 * SKEW else "wrong"
    return state, Words(
        nl=f"die van de database loopt {off:+.1f} s anders" + ("" if state == "ok" else ": zet NTP aan"),
        en=f"the database's differs by {off:+.1f} s" + ("" if state == "ok" else ": turn NTP on"),
    )


async def _queues(settings: Settings, name: str) -> Said:
    if "amqp_url" not in settings.model_fields_set:
        return "look", Words(
            nl="niet bekeken: POSTBODE_AMQP_URL staat hier niet, zoals bij een API hoort; vraag een worker of relay",
            en="not looked at: POSTBODE_AMQP_URL is not set here, as befits an API; a worker or relay can tell",
        )
    transport = AmqpTransport(settings.amqp_url)
    try:
        await transport.start()
        await queues_as_wanted(transport, [queue for queue in TOPOLOGY.queues if queue.service == name])
    finally:
        await transport.stop()
    return FINE


def _print(found: Sequence[Finding], lang: Language, as_json: bool) -> None:
    wrong = sum(each.state == "wrong" for each in found)
    if as_json:
        say(
            json.dumps(
                {
                    "wrong": wrong,
                    "findings": [
                        {
                            "service": each.service or None,
                            "check": each.check,
                            "state": each.state,
                            "words": each.words.model_dump(),
                        }
                        for each in found
                    ],
                }
            )
        )
        return
    for each in found:
        say(f"{_MARKS[each.state]}  {each.service or '-':8}  {each.check:18}  {getattr(each.words, lang)}")
    say({"nl": f"{wrong} verkeerd", "en": f"{wrong} wrong"}[lang])
