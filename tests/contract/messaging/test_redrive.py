"""What was published is published again for whoever has not handled it, and for nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs import clock
from libs.contracts.envelope import Event
from libs.messaging import inbox, outbox
from libs.messaging.redrive import forget, redrive
from tests.contract.messaging.conftest import ALL, ONE, TWO, Recorder, Stage, received


async def test_a_redrive_sends_only_what_was_not_handled_and_only_where(stage: Stage) -> None:
    recorder = Recorder(ONE.name)
    neighbours = [Recorder(queue.name) for queue in (TWO, ALL)]
    others = [stage.consumer(each) for each in neighbours]
    emitting = {"ingest": stage.emitting, "route": stage.consuming}
    events = [received(1), received(2)]
    async with stage.running(stage.relay(), stage.relay(schema="route"), stage.consumer(recorder), *others):
        await stage.emit(*events)
        for each in (recorder, *neighbours):
            await stage.until_handled(each.queue, [1, 2])

        async def sent() -> bool:
            return bool(await stage.emitting.fetchval("SELECT count(*) = 2 FROM outbox_sent"))

        await stage.until(sent)
        # Everybody handled all of it: nothing goes out again.
        found = await redrive(emitting, stage.consuming, ONE)
        assert (found.again, found.handled) == (0, 2)
        # One queue lost one: it gets that one back, the others are not asked.
        await _lose(stage, ONE.name, events[1])
        assert (await redrive(emitting, stage.consuming, ONE, subject=events[0].subject)).again == 0
        assert (await redrive(emitting, stage.consuming, ONE, dry=True)).again == 1
        assert (await redrive(emitting, stage.consuming, ONE)).again == 1
        await stage.until_handled(ONE.name, [1, 2, 2])
        # It forgot everything: it handles all anew.
        assert await forget(stage.consuming, ONE.name) == 2
        assert (await redrive(emitting, stage.consuming, ONE)).again == 2
        await stage.until_handled(ONE.name, [1, 1, 2, 2, 2])
    assert [sorted(each.attempts) for each in neighbours] == [[1, 2]] * 2


async def test_a_redrive_run_twice_does_no_more_than_once(stage: Stage) -> None:
    events = [received(1), received(2)]
    emitting = {"ingest": stage.emitting, "route": stage.consuming}
    async with stage.running(stage.relay(), *(stage.consumer(Recorder(q.name)) for q in (ONE, TWO, ALL))):
        await stage.emit(*events)
        await stage.until_handled(ONE.name, [1, 2])

        async def sent() -> bool:
            return bool(await stage.emitting.fetchval("SELECT count(*) = 2 FROM outbox_sent"))

        await stage.until(sent)
    await forget(stage.consuming, ONE.name)
    # One of them waits to be tried again: that is its retry's business.
    retry = outbox.Row(events[0].id, events[0].account, "", ONE.name, events[0].subject, b"{}")
    async with stage.consuming.acquire() as conn:
        await outbox.append_rows(conn, [retry])
    for again in (1, 0):
        found = await redrive(emitting, stage.consuming, ONE)
        assert (found.again, found.handled) == (again, 2 - again)


async def test_a_retry_that_was_lost_with_the_broker_is_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went to one queue alone may be younger than the event it repeats; and the operator's clock may be wrong."""
    event = received(1)
    emitting = {"ingest": stage.emitting, "route": stage.consuming}
    async with stage.consuming.acquire() as conn:
        await conn.execute(
            "INSERT INTO outbox_sent (id, event_id, account, exchange, routing_key, subject, body, created_at)"
            " VALUES (1, $1, $2, '', $3, $4, $5, now())",
            event.id, event.account, ONE.name, event.subject, event.again().encode(),
        )  # fmt: skip
    with monkeypatch.context() as patched:
        slow = clock.now() - timedelta(hours=2)
        patched.setattr(clock, "now", lambda: slow)
        assert (await redrive(emitting, stage.consuming, ONE, since=timedelta(hours=1))).again == 1
    assert (await redrive(emitting, stage.consuming, TWO, since=clock.now() - timedelta(hours=1))).again == 0
    recorder = Recorder(ONE.name)
    async with stage.running(stage.relay(schema="route"), stage.consumer(recorder)):
        await stage.until_handled(ONE.name, [1])


async def _lose(stage: Stage, queue: str, event: Event) -> None:
    async with stage.consuming.acquire() as conn:
        await inbox.forget(conn, queue, [event.id])
