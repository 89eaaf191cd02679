"""``postbode delivery``: deliveries and their attempts, with the database at hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar, get_args
from uuid import UUID

import typer

from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Pool
from libs.errors import BadInput
from libs.messaging import outbox
from libs.messaging.sessions import operator
from libs.settings import load
from libs.terminal import Lang, Language, say
from services.deliver import replay, store
from services.deliver.attempts import breaker
from services.deliver.email import returned
from services.deliver.parcel import Channel, Parcel
from services.deliver.settings import DeliverSettings
from services.deliver.waits import parked, pauses, put_back

app = typer.Typer(no_args_is_help=True, help="Deliveries and their attempts.")

T = TypeVar("T")
Rows: TypeAlias = list[dict[str, Any]]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines, one object a line")]


class State(StrEnum):
    queued = "queued"
    attempting = "attempting"
    handed_over = "handed_over"
    confirmed = "confirmed"
    undeliverable = "undeliverable"
    parked = "parked"


class Outside(StrEnum):
    """Channels by which the hub goes to somebody."""

    folder = "folder"
    smtp = "smtp"
    https = "https"
    sftp = "sftp"
    exact_online = "exact_online"


@app.command("list")
def list_deliveries(
    invoice: Annotated[UUID | None, typer.Option(help="only of this invoice")] = None,
    state: Annotated[State | None, typer.Option(help="only in this state")] = None,
    limit: Annotated[int, typer.Option(help="how many at most", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """Deliveries, newest first."""

    async def work(pool: Pool) -> list[dict[str, Any]]:
        return await store.deliveries(
            pool, invoice_id=invoice, state=state.value if state else None, most=limit
        )

    for row in _run(work):
        say(_json(row) if as_json else _line(row))


@app.command("show")
def show_delivery(
    delivery_id: Annotated[UUID, typer.Argument(help="the delivery, as `list` prints it")],
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """One delivery with everything that was tried."""

    async def work(pool: Pool) -> tuple[dict[str, Any], Parcel, Rows, Rows] | None:
        rows = await store.deliveries(pool, delivery_id=delivery_id)
        if not rows:
            return None
        parcel = await store.parcel(pool, delivery_id)
        history = await store.attempts(pool, delivery_id)
        return rows[0], parcel, history, await returned.answers(pool, delivery_id)

    shown = _run(work)
    if shown is None:
        say("there is no such delivery", err=True)
        raise typer.Exit(1)
    row, parcel, attempts, answers = shown
    agreed = parcel.agreed
    if as_json:
        say(
            _json(
                {
                    **row,
                    "agreed": agreed.model_dump(),
                    "settings": parcel.settings,
                    "history": attempts,
                    "answers": answers,
                }
            )
        )
        return
    say(_line(row))
    place = parcel.settings.get("email") or parcel.settings.get("folder") or "-"
    page = ", with a page" if agreed.page else ""
    say(f"  agreed: {agreed.format}{page}, to {place}, package {agreed.package or '-'}")
    if row["reason"]:
        say(f"  {row['reason'].get(lang, row['reason']['nl'])}")
        inside = row["reason"].get("receiver")
        if inside:
            say(f"  its receiver reads ({inside['code']}): {inside.get(lang, inside['nl'])}")
    for each in row["findings"] or ():
        say(f"  {each['rule']}: {each['message'].get(lang, each['message']['nl'])}")
    for each in attempts:
        marks = [mark for mark in ("repeated", "late") if each[mark]]
        said = " ".join(
            filter(None, [each["outcome"] or "no result yet", *marks, each["code"], each["detail"]])
        )
        say(f"  {each['number']:3}  {_when(each['started_at'])}  {said}")
    for each in answers:
        said = " ".join(filter(None, [each["kind"], each["status"], each["said"]]))
        say(f"  {each['attempt']:3}  {_when(each['at'])}  came back: {said}")


Ids = Annotated[
    list[UUID] | None, typer.Argument(help="the deliveries, as `list --state parked` prints them")
]
From = Annotated[
    UUID | None, typer.Option("--from", help="all that wait since a recall: the account they are from")
]
To = Annotated[
    list[UUID] | None,
    typer.Option("--to", help="and the party they are for, repeatable, as the recall prints it"),
]


@app.command("release")
def release(delivery_ids: Ids = None, sender: From = None, to: To = None) -> None:
    """Try parked deliveries again, by what their receivers' packages take today."""
    _move(delivery_ids or (), sender, to or (), parked.by_hand, "released")


@app.command("return")
def give_back(delivery_ids: Ids = None, sender: From = None, to: To = None) -> None:
    """Give parked deliveries back to their senders: they are not delivered, and may be sent again."""
    _move(delivery_ids or (), sender, to or (), parked.taken_back, "given back")


def _move(
    ids: Sequence[UUID], sender: UUID | None, to: Sequence[UUID], move: parked.Moving, done: str
) -> None:
    if bool(ids) == bool(to) or bool(to) != bool(sender):
        say("say which deliveries, or --from an account --to a party", err=True)
        raise typer.Exit(2)

    async def stopped(pool: Pool) -> int:
        return await parked.move_stopped(pool, sender, to, move) if sender else 0

    async def these(pool: Pool) -> set[UUID]:
        async with pool.acquire() as conn, conn.transaction():
            waiting = await parked.lock(conn, ids)
            await outbox.append(conn, await move(conn, waiting))
        return {each.delivery_id for each in waiting}

    if to:
        say(f"{_run(stopped)} {done}")
        return
    moved = _run(these)
    for delivery_id in ids:
        say(
            f"{delivery_id}  {done if delivery_id in moved else 'is not parked'}",
            err=delivery_id not in moved,
        )
    if len(moved) < len(set(ids)):
        raise typer.Exit(1)


@app.command("replay")
def replay_delivery(
    delivery_id: Annotated[UUID, typer.Argument(help="the delivery, as `list` prints it")],
    do: Annotated[bool, typer.Option("--do", help="do it; without, only what it would do is told")] = False,
    lang: Lang = Language.nl,
) -> None:
    """Try a delivery once more: tells what that would do, and does it with --do."""

    async def work(pool: Pool) -> replay.Preview | None:
        async with pool.acquire() as conn, conn.transaction():
            found = await replay.look(conn, delivery_id)
            if found is not None and do:
                await outbox.append(conn, list(await replay.replay(conn, *found)))
            return found[0] if found else None

    shown = _run(work)
    if shown is None:
        say("there is no such delivery", err=True)
        raise typer.Exit(1)
    for words in shown.effects:
        say(words.nl if lang is Language.nl else words.en)
    if do and shown.may:
        say("replayed")
    elif do:
        raise typer.Exit(1)


@app.command("breakers")
def list_breakers(as_json: AsJson = False) -> None:
    """Receivers that do not take what is brought, and are only probed now and then; the oldest first."""
    found = _run(breaker.breakers)
    if not found and not as_json:
        say("none: every receiver takes what is brought")
    for row in found:
        if as_json:
            say(_json(row))
            continue
        say(
            f"{row['channel']:6}  {row['receiver_name']}  since {_when(row['since'])}  next {_when(row['open_until'])}  "
            f"{row['waiting']} waiting  {row['code']} {row['detail']}"
        )


Why = Annotated[str, typer.Option(help="for whoever finds it paused")]
OfChannel = Annotated[Outside | None, typer.Option("--channel", help="of this channel")]
OfAccount = Annotated[UUID | None, typer.Option("--account", help="what this sender sent")]


@app.command("pause")
def pause(why: Why, channel: OfChannel = None, account: OfAccount = None) -> None:
    """Hold deliveries back: of a channel, of an account, or of an account on a channel. What is under way is finished."""
    by = operator()
    try:
        new = _run(lambda pool: pauses.pause(pool, _name(channel), account, by=by, why=why))
    except BadInput as bad:
        raise typer.BadParameter(bad.message) from bad
    say("paused" if new else "was paused already: see `postbode delivery pauses`")


@app.command("resume")
def resume(
    channel: OfChannel = None,
    account: OfAccount = None,
    after_put_back: Annotated[
        bool,
        typer.Option(
            "--put-back",
            help="after `redrive --put-back`: all that waits goes as what may have been delivered",
        ),
    ] = False,
) -> None:
    """Let go what a pause of the same channel and account holds back."""
    if after_put_back:
        if channel is not None or account is not None:
            raise typer.BadParameter("--put-back is about everything: leave --channel and --account out")
        if not _run(put_back.let_go):
            say("nothing is held back by `redrive --put-back`: see `postbode delivery pauses`", err=True)
            raise typer.Exit(1)
        say("resumed: what waited may come twice, and says so")
        return
    if not _run(lambda pool: pauses.resume(pool, _name(channel), account)):
        say("there is no such pause: see `postbode delivery pauses`", err=True)
        raise typer.Exit(1)
    say("resumed")


@app.command("pauses")
def list_pauses(as_json: AsJson = False) -> None:
    """What is held back, by whom and why; the oldest first."""
    found = _run(pauses.pauses)
    if not found and not as_json:
        say("none: nothing is held back")
    for row in found:
        where = f"{row['channel'] or 'every channel'}  {row['account_id'] or 'every account'}"
        said = f"{where}  since {_when(row['since'])}  {row['waiting']} waiting  {row['by']}: {row['why']}"
        say(_json(row) if as_json else said)


def _name(channel: Outside | None) -> Channel | None:
    return next((each for each in get_args(Channel) if channel is not None and each == channel.value), None)


def _line(row: dict[str, Any]) -> str:
    due = f"  next {_when(row['due_at'])}" if row["state"] == "queued" else ""
    return (
        f"{row['delivery_id']}  {row['state']:13}  {row['channel']:6}  {row['attempts']:3}  "
        f"{row['receiver_name']}  {row['invoice_id']}{due}"
    )


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, default=str)


def _run(work: Callable[[Pool], Awaitable[T]]) -> T:
    async def session() -> T:
        settings = load(DeliverSettings)
        pools = Pools(database_of(settings))
        try:
            return await work(await pools.get("deliver", "worker"))
        finally:
            await pools.close()

    return asyncio.run(session())
