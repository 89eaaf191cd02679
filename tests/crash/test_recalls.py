"""One went to the wrong company. While it is recalled with others under way, whoever is at it is killed: nothing goes out
after the stop, nothing is lost, and both sides are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from libs.db.settings import DatabaseSettings
from services.track import ledger
from services.track.snapshots import snapshots
from tests.crash import scale
from tests.crash.attacks import FOLDERS, MAILS
from tests.crash.faults import Strike
from tests.crash.hub import Nursery
from tests.crash.notices import STOPPED, WRONG
from tests.crash.people import invoices
from tests.crash.scene import SERVICES, Scene, scene, until
from tests.crash.tricks import THAW

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)

WAITING = 400 if scale.SOAK else 12
PATIENCE = 600 if scale.SOAK else 120
MAIL, FOLDER = MAILS[0], FOLDERS[0]
LIVES: dict[str, list[Strike]] = {
    "deliver.serve": [
        Strike(f"consumer.commit.{side}", 1, "deliver.recalls") for side in ("before", "after")
    ],
    "deliver.worker": [
        Strike("consumer.commit.before", 1, "deliver.recalls"),
        Strike("result.commit.before"),
    ],
    "track.serve": [Strike("notice.act.before"), Strike("notice.dot.after")],
}
"""What strikes each from the recall on, one a life."""

_WAIT = """
SELECT (SELECT count(*) FROM deliver.delivery WHERE state = 'parked')
     + (SELECT count(*) FROM route.parked WHERE state = 'open')
"""
_TOLD = """
SELECT count(DISTINCT invoice_id) FROM track.fact
 WHERE type IN ('invoice.parked.v1', 'invoice.delivery_parked.v1') AND invoice_id IN (
       SELECT invoice_id FROM deliver.delivery WHERE state = 'parked'
       UNION ALL SELECT invoice_id FROM route.parked WHERE state = 'open')
"""
_RECALLED = "SELECT count(DISTINCT invoice_id) FROM track.fact WHERE type = 'invoice.recalled.v1'"
_UNDER_WAY = "SELECT count(DISTINCT channel) = 2 FROM deliver.delivery WHERE state = 'attempting'"
_ATTEMPTS = "SELECT count(*) FROM deliver.attempt JOIN deliver.delivery USING (delivery_id) WHERE stopped"
_IN_ROUTE = """
SELECT invoice_id, (SELECT p.party_id FROM route.party p
                     WHERE p.name = validated #>> '{data,summary,buyer,name}') AS party_id
  FROM route.parked WHERE state = 'open'
"""
_IN_DELIVER = "SELECT delivery_id FROM deliver.delivery WHERE state = 'parked'"


async def rows(on: Scene, query: str) -> Sequence[Any]:
    conn = await asyncpg.connect(on.direct_url)
    try:
        found: Sequence[Any] = await conn.fetch(query)
        return found
    finally:
        await conn.close()


async def post(on: Scene, service: str, path: str, key: str, body: object = None) -> httpx.Response:
    """Asked for again and again while nobody is there."""
    answers: list[httpx.Response] = []

    async def asked() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            url, headers = f"{on.hub.place.url(service)}{path}", {"Authorization": f"Bearer {key}"}
            answers.append(await http.post(url, json=body, headers=headers))
        return bool(answers) and answers[-1].status_code < 500

    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        await until(asked, seconds=PATIENCE)
    return answers[-1]


async def recall(on: Scene, number: str) -> None:
    answer = await post(
        on, "route", "/v1/recalls", on.staff, {"invoices": [on.supplier.acknowledged[number]]}
    )
    assert answer.status_code == 201, answer.text


async def let_go(on: Scene) -> bool:
    """A person says of each that waits that it is theirs after all. True: nothing waits any more."""
    for row in await rows(on, _IN_ROUTE):
        chosen = {"party_id": str(row["party_id"])}
        await post(on, "route", f"/v1/parked/{row['invoice_id']}/release", on.supplier.key, chosen)
    for row in await rows(on, _IN_DELIVER):
        await post(on, "deliver", f"/v1/deliveries/{row['delivery_id']}/release", on.staff)
    return bool(await on.ask(_WAIT) == 0)


@pytest.mark.proves("R30")
async def test_nothing_goes_out_after_a_recall_though_everybody_at_it_is_killed(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path, seed: int
) -> None:
    async with scene(nursery, database, amqp_url, tmp_path, seed=seed) as on:
        thaw, thawed = on.receivers.root / THAW, asyncio.Event()
        thaw.touch()
        for service in SERVICES:
            tricks = ["frozen-folder"] if service == "deliver" else ()
            await on.hub.start(f"{service}.serve", service, "serve", tricks=tricks)
        await on.hub.start("deliver.worker", "deliver", "worker", tricks=["frozen-folder"])
        wrong = [*invoices(1, on.random, f"{WRONG}M", to=[MAIL], mailed=0, unlawful=0)]
        wrong += invoices(1, on.random, f"{WRONG}F", to=[FOLDER], mailed=0, unlawful=0)
        await on.send(wrong)
        await until(lambda: len(on.receivers.numbers) == 2)

        # From now on attempts at both hang: one folder does not open, and one server does not say that it took a mail.
        thaw.unlink()

        async def hold(recipient: str) -> None:
            if recipient == MAIL.email:
                await thawed.wait()

        on.receivers.hold = hold
        early = invoices(WAITING // 2, on.random, f"{STOPPED}A", to=[MAIL, FOLDER], unlawful=0)
        await on.send(early, patience=PATIENCE)
        await until(lambda: on.ask(_UNDER_WAY), seconds=PATIENCE)
        late = invoices(WAITING // 2, on.random, f"{STOPPED}B", to=[MAIL, FOLDER], unlawful=0)
        others = invoices(WAITING // 4, on.random, "F", to=[MAILS[1], FOLDERS[1]], unlawful=0)
        sending = asyncio.create_task(on.send([*late, *others], at_once=2, patience=PATIENCE))
        lives = {name: list(strikes) for name, strikes in LIVES.items()}
        on.hub.plan = lambda name: [lives[name].pop(0)] if lives.get(name) else []
        for name in LIVES:
            on.hub.kill(name)
        await recall(on, wrong[0].number)
        on.hub.kill("route.serve")
        await asyncio.gather(recall(on, wrong[1].number), asyncio.to_thread(on.hub.kill, "route.serve"))
        await until(lambda: in_effect(on), seconds=PATIENCE)
        attempts = await on.ask(_ATTEMPTS)
        for name in ("deliver.serve", "deliver.worker"):
            on.hub.kill(name)
        thaw.touch()
        thawed.set()
        on.receivers.hold = None
        await sending
        await until(lambda: all_wait(on), seconds=PATIENCE)
        await until(lambda: {each.number for each in others} <= on.receivers.numbers.keys(), seconds=PATIENCE)
        await until(lambda: agrees(database, len(on.sent)), seconds=PATIENCE)
        assert await on.ask(_ATTEMPTS) == attempts, "an attempt was made after the stop"
        frozen = {each.number for each in (*early, *late) if each.to is FOLDER}
        assert not frozen & on.receivers.numbers.keys()
        await until(lambda: is_told(on), seconds=PATIENCE)

        await until(lambda: let_go(on), seconds=PATIENCE)
        verdict = await on.kept()
        assert verdict.acknowledged == verdict.delivered == len(on.sent)
        print(f"{attempts} attempts under way at the stop; struck {dict(on.hub.strikes())}")


async def in_effect(on: Scene) -> bool:
    return bool(await on.ask("SELECT count(*) FROM deliver.stop") == 2)


async def all_wait(on: Scene) -> bool:
    return bool(await on.ask(_WAIT) == WAITING)


async def is_told(on: Scene) -> bool:
    return (await on.ask(_TOLD), await on.ask(_RECALLED)) == (WAITING, 2)


async def agrees(database: DatabaseSettings, sent: int) -> bool:
    async with snapshots(database) as snapshot:
        found = await ledger.take(snapshot)
    assert found.entries == []
    return (found.acknowledged, found.open) == (sent, WAITING)
