"""The breaker of a receiver: shared by all workers, opened by trouble in a row, closed by one that got through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.deliver.attempts import breaker
from services.deliver.email import replies
from services.deliver.parcel import Failed, HandedOver, NotBegun, Outcome, Unknown
from services.deliver.plan import NO_WAY
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import receiver

DOWN = receiver("Down", email="in@down.example")
OTHER = receiver("Other", email="in@other.example")


async def tried(stage: Stage) -> int:
    return len(await stage.attempts())


async def probe_now(stage: Stage) -> None:
    """As if the time until the next probe were over."""
    await stage.worker.execute("UPDATE breaker SET open_until = now()")
    await stage.make_due()


@pytest.fixture
def opened(stage: Stage) -> Any:
    """A dispatcher's settings under which an open breaker stays open, and a receiver that defers everything."""
    stage.sink.rcpt = lambda to: "451 4.7.1 Later" if to == DOWN.email else "250 OK"
    return {"retry_first_seconds": 60, "breaker_failures": 3}


async def test_after_some_failures_nobody_tries_any_more_and_others_get_theirs(
    stage: Stage, opened: Any
) -> None:
    await stage.send(DOWN, 3)
    await stage.dispatcher(**opened).dispatch()
    assert await tried(stage) == 3
    await stage.make_due()
    await stage.send(DOWN, 7)
    await stage.send(OTHER, 2)
    # Another worker: what the first one learned holds for all.
    await stage.dispatcher(**opened).dispatch()
    assert await tried(stage) == 5
    assert sorted(await stage.states()) == ["handed_over"] * 2 + ["queued"] * 10
    [shown] = await breaker.breakers(stage.worker)
    assert (shown["receiver_name"], shown["waiting"], shown["code"]) == ("Down", 10, "mail-deferred")


async def test_what_waits_behind_a_receiver_that_is_down_does_not_wait_for_it(
    stage: Stage, opened: Any
) -> None:
    await stage.send(DOWN, 3)
    await stage.dispatcher(**opened).dispatch()
    await stage.make_due()
    await stage.send(DOWN, 9)
    await stage.send(OTHER, 1)
    await stage.dispatcher(**opened, batch=2).dispatch()
    assert "handed_over" in await stage.states()


async def test_one_of_all_workers_probes_and_success_closes_it(stage: Stage, opened: Any) -> None:
    await stage.send(DOWN, 6)
    workers = [stage.dispatcher(**opened) for _ in range(3)]
    await workers[0].dispatch()
    before = await stage.worker.fetchval("SELECT open_until - now() FROM breaker")
    await probe_now(stage)
    await asyncio.gather(*(worker.dispatch() for worker in workers))
    assert await tried(stage) == 7
    after = await stage.worker.fetchval("SELECT open_until - now() FROM breaker")
    assert after > 2 * before, "each probe that fails makes the wait longer"
    stage.sink.rcpt = lambda _: "250 OK"
    await probe_now(stage)
    await workers[1].dispatch()
    assert await tried(stage) == 8
    assert await stage.worker.fetchval("SELECT count(*) FROM breaker") == 0
    await stage.make_due()
    await workers[2].dispatch()
    assert await stage.states() == ["handed_over"] * 6


async def test_a_probe_whose_worker_died_is_not_the_last(stage: Stage, opened: Any) -> None:
    await stage.send(DOWN, 3)
    await stage.dispatcher(**opened).dispatch()
    await probe_now(stage)
    dead = await stage.dispatcher(**opened).start("smtp")
    assert len(dead.jobs) == 1
    await probe_now(stage)
    stage.sink.rcpt = lambda _: "250 OK"
    await stage.dispatcher(**opened).dispatch()
    assert sorted(await stage.states()) == ["attempting", "handed_over", "queued"]


async def test_a_probe_that_finds_no_room_is_none(stage: Stage, opened: Any) -> None:
    """Two receivers are due for one, and there is room for one delivery."""
    for to in (DOWN, OTHER):
        await stage.send(to)
        await stage.worker.execute(
            "INSERT INTO breaker (channel, receiver_id, failures, code, detail, open_until, openings)"
            " VALUES ('smtp', $1, 5, 'mail-deferred', '', now(), 1)",
            to.party_id,
        )
    held = await stage.dispatcher(**opened).start("smtp", room=1)
    [job] = held.jobs.values()
    probing = await stage.worker.fetch("SELECT receiver_id FROM breaker WHERE probing")
    assert [row["receiver_id"] for row in probing] == [job.parcel.receiver.party_id]


async def test_what_was_cut_short_or_is_too_old_passes(stage: Stage, opened: Any) -> None:
    await stage.send(DOWN, 4)
    cut = await stage.dispatcher(**opened, batch=1).start("smtp")
    await stage.dispatcher(**opened).dispatch()
    await stage.make_due()
    await stage.expire()
    found = await stage.dispatcher(**opened).start("smtp")
    assert found.jobs.keys() == cut.jobs.keys(), "what became of it must be found out"
    old = await stage.worker.fetchval(
        "UPDATE delivery SET created_at = now() - interval '4 days' WHERE delivery_id ="
        " (SELECT min(delivery_id::text)::uuid FROM delivery WHERE state = 'queued') RETURNING delivery_id"
    )
    await stage.make_due()
    found = await stage.dispatcher(**opened).start("smtp")
    assert found.jobs.keys() == {old}


async def test_one_that_got_through_ends_a_row_of_failures(stage: Stage, opened: Any) -> None:
    dispatcher = stage.dispatcher(**opened)
    await stage.send(DOWN, 2)
    await dispatcher.dispatch()
    stage.sink.rcpt = lambda _: "250 OK"
    await stage.make_due()
    await dispatcher.dispatch()
    assert await stage.worker.fetchval("SELECT count(*) FROM breaker") == 0


@pytest.mark.parametrize(
    ("outcome", "code", "reached"),
    [
        (Failed("mail-relay", "421"), "mail-relay", False),
        (Failed("folder-away", "not mounted"), "folder-away", False),
        (Unknown("no answer"), "no-answer", False),
        (NotBegun("it hangs", trouble=True), "no-answer", False),
        (NotBegun("the lease ran out"), None, False),
        (Failed("mail-compose", "a strange name"), None, False),
        (HandedOver("250"), None, True),
        (replies.meaning("recipient", 550, "No such user"), None, True),
        (replies.meaning("data", 552, "Too large"), None, True),
        (NO_WAY, None, False),
    ],
)
def test_only_what_the_receiver_did_counts(outcome: Outcome, code: str | None, reached: bool) -> None:
    said = breaker.trouble_of(outcome)
    assert (said.code if said else None) == code
    assert breaker.got_through(outcome) == reached


@pytest.mark.parametrize("probing", [False, True], ids=["before a probe", "while one hangs"])
async def test_what_waits_is_put_off_once_and_not_every_two_seconds(stage: Stage, probing: bool) -> None:
    """Until the next probe, for one of them; the others until its end is known, mostly. A probe that hangs is waited for as
    long as its lease is: of 100 seconds here, 40 of which are over."""
    await stage.send(DOWN, 3)
    until = await stage.worker.fetchval("SELECT now() + interval '60 s'")
    await stage.worker.execute(
        "INSERT INTO breaker (channel, receiver_id, failures, code, detail, open_until, openings, probing)"
        " VALUES ('smtp', $1, 5, 'mail-deferred', '', $2, 1, $3)",
        DOWN.party_id,
        until,
        probing,
    )
    assert not (await stage.dispatcher(lease_seconds=100).start("smtp")).jobs
    rows = await stage.worker.fetch("SELECT due_at FROM delivery ORDER BY due_at")
    assert [(row["due_at"] - until).total_seconds() for row in rows] == [0, 2, 2]
