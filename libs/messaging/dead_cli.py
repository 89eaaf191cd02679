"""``postbode dead``: the events no retry helped, with the database at hand. The same on both transports."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from libs.db.types import Pool
from libs.errors import HubError
from libs.messaging import dead
from libs.messaging.dead import Letter
from libs.messaging.dead_words import NONE, advice, done_to, history, state_of
from libs.messaging.sessions import SERVICES, operator, queue_called, run
from libs.terminal import Lang, Language, say

app = typer.Typer(
    no_args_is_help=True,
    help="\n\n".join(
        (
            "Dead letters: events that no retry helped.",
            "Each is a row of the service that could not handle it, with the event, the cause and what became of it. "
            "It waits for a person: `list` what there is, `show` one to read the cause and what to do, mend that, then "
            "`replay`: the event goes once more to the queue that failed, and to no other. What was done already is "
            "not done twice. `drop` what shall never be handled. What is *waiting* goes again by itself, at the time "
            "that stands behind it.",
            "Who replayed or dropped what, and why, stays on record: `list --all`.",
        )
    ),
)

_DIGITS, _NO_NUMBER = 18, -1
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines, one object a line")]
Service = Annotated[str | None, typer.Option(help=f"only of this service: {', '.join(SERVICES)}")]
Queue = Annotated[str | None, typer.Option(help="only of this queue, such as validate.received")]
Cause = Annotated[str | None, typer.Option(help="only with this cause, such as unknown-event")]
Names = Annotated[list[str] | None, typer.Argument(help="as `list` names them, such as validate/12")]
By = Annotated[str, typer.Option(help="who does it, for the record; default: this system's user")]


@app.command("list")
def list_letters(
    service: Service = None,
    queue: Queue = None,
    cause: Cause = None,
    account: Annotated[UUID | None, typer.Option(help="only of this account")] = None,
    invoice: Annotated[UUID | None, typer.Option(help="only of this invoice")] = None,
    closed: Annotated[bool, typer.Option("--all", help="also what was replayed or dropped")] = False,
    limit: Annotated[int, typer.Option(help="how many of a service at most", min=1, max=10_000)] = 100,
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """What is there, of every service, newest first."""

    async def work(pools: Mapping[str, Pool]) -> list[tuple[str, Letter]]:
        subject = str(invoice) if invoice else None
        return [
            (name, letter)
            for name, pool in pools.items()
            for letter in await dead.letters(
                pool, queue=queue, account=account, subject=subject, cause=cause, closed=closed, limit=limit
            )
        ]

    found = run(work, _services(service, queue), or_some=service is None)
    for name, letter in found:
        say(json.dumps(_as_dict(name, letter), default=str) if as_json else _line(name, letter, lang))
    if not found and not as_json:
        say(NONE.en if lang is Language.en else NONE.nl)


@app.command("show")
def show_letter(
    name: Annotated[str, typer.Argument(help="as `list` names it, such as validate/12")],
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """One dead letter: the event, why it died, and what to do."""
    service, number = _parse(name)

    async def work(pools: Mapping[str, Pool]) -> tuple[Letter, Any]:
        return await dead.show(pools[service], number)

    letter, event = run(work, [service])
    words = advice(letter.cause)
    if as_json:
        shown = {**_as_dict(service, letter), "advice": words.model_dump(), "event": event}
        say(json.dumps(shown, default=str))
        return
    say(_line(service, letter, lang))
    say(f"  {words.en if lang is Language.en else words.nl}")
    say(f"  {letter.attempts}× · {letter.cause}: {letter.detail}")
    for line in history(letter, lang):
        say(f"  {line}")
    say(json.dumps(event, indent=2, ensure_ascii=False))


@app.command("replay")
def replay(
    names: Names = None,
    queue: Annotated[str | None, typer.Option(help="all open ones of this queue")] = None,
    cause: Annotated[str | None, typer.Option(help="with --queue: only those with this cause")] = None,
    by: By = "",
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """Once the cause is mended: send them again, each to the queue that failed and to no other.

    A dropped one can be replayed too: that takes the drop back.
    """

    async def act(pool: Pool, number: int) -> None:
        await dead.replay(pool, number, by=by or operator())

    _act(act, "replayed", names, queue, cause, lang, as_json)


@app.command("drop")
def drop(
    why: Annotated[str, typer.Option(help="why it shall never be handled, for the record")],
    names: Names = None,
    queue: Annotated[str | None, typer.Option(help="all open ones of this queue")] = None,
    cause: Annotated[str | None, typer.Option(help="with --queue: only those with this cause")] = None,
    by: By = "",
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """Give them up. The rows stay, with who dropped them and why.

    An invoice whose event is dropped goes no further: `postbode ledger` calls it lost until it is replayed.
    """

    if not why.strip():
        raise typer.BadParameter("say --why: it stays on record, and the ledger calls that invoice lost")

    async def act(pool: Pool, number: int) -> None:
        await dead.drop(pool, number, by=by or operator(), why=why)

    _act(act, "dropped", names, queue, cause, lang, as_json)


def _act(
    act: Callable[[Pool, int], Awaitable[None]],
    done: Literal["replayed", "dropped"],
    names: Sequence[str] | None,
    queue: str | None,
    cause: str | None,
    lang: Language,
    as_json: bool,
) -> None:
    """Do it to each, and say so; what cannot be done is said and makes the exit code 1."""
    if bool(names) == bool(queue):
        raise typer.BadParameter("name dead letters, or a --queue of which all are meant")
    if names and cause is not None:
        raise typer.BadParameter("--cause goes with --queue: a named dead letter is meant whatever its cause")
    chosen = [_parse(name) for name in names or ()]

    async def work(pools: Mapping[str, Pool]) -> list[tuple[str, HubError | None]]:
        if queue is not None:
            service = queue.partition(".")[0]
            letters = await dead.letters(pools[service], queue=queue, cause=cause, limit=100_000)
            chosen.extend((service, letter.id) for letter in reversed(letters))
        results: list[tuple[str, HubError | None]] = []
        for service, number in chosen:
            refused: HubError | None = None
            try:
                await act(pools[service], number)
            except HubError as no:
                refused = no
            results.append((f"{service}/{number}", refused))
        return results

    services = {service for service, _ in chosen} if names else set(_services(None, queue))
    results = run(work, sorted(services))
    for name, refused in results:
        if as_json:
            said = {"error": refused.code, "detail": refused.message} if refused else {"done": done}
            say(json.dumps({"name": name, **said}))
        elif refused:
            say(f"{name}  {refused.code}: {refused.message}", err=True)
        else:
            say(f"{name}  {done_to(done, lang)}")
    if any(refused for _, refused in results):
        raise typer.Exit(1)


def _services(service: str | None, queue: str | None) -> Sequence[str]:
    if service is not None and service not in SERVICES:
        raise typer.BadParameter(f"{service!r} has no dead letters; these have: {', '.join(SERVICES)}")
    if queue is not None and service not in (None, owner := queue_called(queue).service):
        raise typer.BadParameter(f"{queue} is a queue of {owner}, not of {service}")
    wanted = queue_called(queue).service if queue else service
    return SERVICES if wanted is None else [wanted]


def _parse(name: str) -> tuple[str, int]:
    service, slash, number = name.partition("/")
    if not slash or not number.isdecimal() or service not in SERVICES:
        raise typer.BadParameter(f"{name!r}: a dead letter is named as `list` does, such as validate/12")
    # More than the database can count to is not there either.
    return service, int(number) if len(number) <= _DIGITS else _NO_NUMBER


def _as_dict(service: str, letter: Letter) -> dict[str, Any]:
    return {"name": f"{service}/{letter.id}", "service": service, "state": letter.state, **asdict(letter)}


def _line(service: str, letter: Letter, lang: Language) -> str:
    waits = f"  → {letter.again_at:%Y-%m-%d %H:%M:%S}" if letter.state == "waiting" else ""
    return (
        f"{service + '/' + str(letter.id):14}  {letter.died_at:%Y-%m-%d %H:%M:%S}  {state_of(letter, lang):8}  "
        f"{letter.queue:18}  {letter.cause:18}  {letter.type or '-'}  {letter.subject or '-'}{waits}"
    )
