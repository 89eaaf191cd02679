"""The e-mail channel against a real mail server: what each answer means, and what a kill leaves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from libs import clock
from services.deliver.attempts import claiming
from services.deliver.parcel import HandedOver, Lease
from tests.integration.deliver.stage import LEASE_SECONDS, Sink, Stage, running, until
from tests.unit.deliver.sample import PDF, XML, receiver


def others(n: int) -> Any:
    return receiver(f"R{n}", email=f"in@r{n}.example")


async def _done(stage: Stage) -> bool:
    return not set(await stage.states()) & {"queued", "attempting"}


@pytest.mark.proves("SA9", "R39", "R49", "R53")
async def test_a_mail_with_both_files_is_sent_with_the_servers_word_as_receipt(stage: Stage) -> None:
    await stage.send(receiver())
    await stage.dispatcher().dispatch()
    (mail,) = stage.sink.mails
    assert {part.get_content_subtype(): part.get_content() for part in mail.iter_attachments()} == {
        "pdf": PDF,
        "xml": XML,
    }
    (told,) = await stage.told()
    assert (told.type, told.channel) == ("invoice.handed_over.v1", "smtp")
    assert told.receipt == "250 2.0.0 Kept"  # type: ignore[attr-defined]
    assert not told.repeated  # type: ignore[attr-defined]
    # E-mail stays *sent*: nobody says that it arrived.
    await stage.arrivals().look()
    assert await stage.states() == ["handed_over"]


@pytest.mark.proves("R48b", "R56")
async def test_a_refused_recipient_is_undeliverable_at_once_and_hurts_nobody_else(stage: Stage) -> None:
    stage.sink.rcpt = lambda to: "550 5.1.1 No such user" if to == "in@r1.example" else "250 OK"
    for n in range(3):
        await stage.send(others(n))
    await stage.dispatcher(mail_connections=1).dispatch()
    assert await stage.states() == ["handed_over", "undeliverable", "handed_over"]
    told = next(fact for fact in await stage.told() if fact.type == "invoice.undeliverable.v1")
    assert told.code == "mail-refused"  # type: ignore[attr-defined]
    assert "550 5.1.1 No such user" in told.reason.nl  # type: ignore[attr-defined]
    assert "Vraag uw klant" in told.reason.nl  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("rcpt", "data", "state"),
    [
        ("451 4.7.1 Greylisted", "250 Kept", "queued"),
        ("552 5.2.2 Mailbox full", "250 Kept", "queued"),
        ("250 OK", "452 4.3.1 Later", "queued"),
        ("250 OK", "554 5.7.1 Looks like spam", "undeliverable"),
        ("250 OK", "552 5.3.4 Too big", "undeliverable"),
        ("421 4.3.2 Closing", "250 Kept", "queued"),
    ],
)
async def test_for_now_or_for_ever(stage: Stage, rcpt: str, data: str, state: str) -> None:
    stage.sink.rcpt, stage.sink.answer = lambda _: rcpt, lambda _: data
    await stage.send(receiver())
    dispatcher = stage.dispatcher()
    await dispatcher.dispatch()
    assert await stage.states() == [state]
    row = await stage.worker.fetchrow("SELECT outcome, detail FROM attempt")
    assert row is not None
    assert row["outcome"] == ("failed" if state == "queued" else "refused")
    assert row["detail"] == (data if rcpt.startswith("250") else rcpt), "its words are kept"
    stage.sink.rcpt, stage.sink.answer = lambda _: "250 OK", lambda _: "250 Kept"
    await stage.make_due()
    await dispatcher.dispatch()
    assert await stage.states() == ["handed_over" if state == "queued" else "undeliverable"]
    assert len(stage.sink.mails) == (1 if state == "queued" else 0)
    told = await stage.told()
    assert len(told) == 1
    # A clear no is no unknown end: nothing is announced as a possible repeat.
    assert not getattr(told[0], "repeated", False)


async def test_the_relay_away_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a worker whose clock is wrong: it takes no invoice for too old."""
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=4))
    await stage.sink.stop()
    await stage.send(receiver(), 3)
    async with running(stage.dispatcher()):
        await until(lambda: _tried(stage, 1))
        await stage.make_due()
        await until(lambda: _tried(stage, 2))
        await stage.sink.start()
        await stage.make_due()
        await until(lambda: _done(stage))
    assert await stage.states() == ["handed_over"] * 3
    assert len(stage.sink.ids) == len(set(stage.sink.ids)) == 3
    row = await stage.worker.fetchrow("SELECT outcome, code FROM attempt ORDER BY started_at LIMIT 1")
    assert row is not None
    assert (row["outcome"], row["code"]) == ("failed", "mail-relay")


async def _tried(stage: Stage, times: int) -> bool:
    return all(row["failures"] >= times for row in await stage.rows())


@pytest.mark.proves("R48b", "R56")
async def test_after_the_policys_end_it_is_undeliverable(stage: Stage) -> None:
    stage.sink.rcpt = lambda _: "450 4.2.0 Not today"
    await stage.send(receiver())
    dispatcher = stage.dispatcher(most_attempts=3)
    for _ in range(5):
        await stage.make_due()
        await dispatcher.dispatch()
    assert await stage.states() == ["undeliverable"]
    assert await stage.attempts() == [(1, "failed"), (2, "failed"), (3, "failed")]
    (told,) = await stage.told()
    assert (told.code, told.attempt) == ("gave-up", 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize("phase", ["before the act", "after the act"])
async def test_killed_it_goes_again_under_the_same_message_id_and_says_so(stage: Stage, phase: str) -> None:
    await stage.send(receiver())
    dead = stage.dispatcher()
    held = await dead.start("smtp")
    if phase == "after the act":
        loaded, _ = await dead._load(list(held.jobs.values()))
        async for done in dead._channels["smtp"].deliver(loaded):
            assert isinstance(done[0][1], HandedOver)
    await stage.expire()
    await stage.dispatcher().dispatch()
    assert len(stage.sink.ids) == (2 if phase == "after the act" else 1)
    assert len(set(stage.sink.ids)) == 1
    (told,) = await stage.told()
    assert told.repeated  # type: ignore[attr-defined]
    assert "same Message-ID" in told.receipt  # type: ignore[attr-defined]
    attempts = await stage.worker.fetch("SELECT outcome, repeated FROM attempt ORDER BY number")
    assert [(a["outcome"], a["repeated"]) for a in attempts] == [("unknown", False), ("handed_over", True)]


async def test_dropped_after_the_final_dot(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has it and never says so: unknown, repeated, announced; also when something clear fails in
    between."""

    async def drop(_: EmailMessage) -> None:
        stage.sink.on_mail = None
        raise ConnectionResetError

    stage.sink.on_mail = drop
    await stage.send(receiver())
    stage.sink.answer = lambda _: "250 Kept"

    async def hang_up(server: SMTP, error: Exception) -> str:
        assert server.transport is not None
        server.transport.close()
        return "421 gone"

    dispatcher = stage.dispatcher()
    with monkeypatch.context() as patched:
        patched.setattr(SMTP, "handle_exception", hang_up)
        await dispatcher.dispatch()
    assert await stage.attempts() == [(1, "unknown")]
    stage.sink.rcpt = lambda _: "451 4.7.1 Later"
    await stage.make_due()
    await dispatcher.dispatch()
    stage.sink.rcpt = lambda _: "250 OK"
    await stage.make_due()
    await dispatcher.dispatch()
    assert await stage.attempts() == [(1, "unknown"), (2, "failed"), (3, "handed_over")]
    assert len(stage.sink.ids) == 2
    assert len(set(stage.sink.ids)) == 1
    (told,) = await stage.told()
    assert told.repeated  # type: ignore[attr-defined]


async def test_a_result_after_the_lease_was_lost_is_recorded_and_changes_nothing(stage: Stage) -> None:
    await stage.send(receiver())
    slow = stage.dispatcher()
    held = await slow.start("smtp")
    (job,) = held.jobs.values()
    await stage.expire()
    stage.sink.rcpt = lambda _: "550 5.1.1 No such user"
    await stage.dispatcher().dispatch()
    await slow.finish([(job, HandedOver("250 too late"))])
    assert await stage.states() == ["undeliverable"]
    assert await stage.facts() == [("undeliverable", 1)]
    attempts = await stage.worker.fetch("SELECT outcome, late, detail FROM attempt ORDER BY number")
    assert [(a["outcome"], a["late"]) for a in attempts] == [("handed_over", True), ("refused", False)]
    assert attempts[0]["detail"] == "250 too late"


async def test_the_same_result_twice_is_one(stage: Stage) -> None:
    """The answer to COMMIT was lost, so it is committed again."""
    await stage.send(receiver())
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("smtp")
    (job,) = held.jobs.values()
    for _ in range(2):
        await dispatcher.finish([(job, HandedOver("250 ok"))])
    assert await stage.facts() == [("handed_over", 1)]
    assert await stage.worker.fetchval("SELECT late FROM attempt") is False


async def test_a_database_that_just_came_back_gives_nobody_s_attempt_away(stage: Stage) -> None:
    await stage.send(receiver())
    await stage.dispatcher().start("smtp")
    await stage.expire()
    lease = Lease(clock.boottime() + 60)
    long_ago = timedelta(days=10_000).total_seconds()
    assert not await claiming.claim(stage.worker, "smtp", 10, 10_000_000, long_ago, lease)
    [job] = await claiming.claim(stage.worker, "smtp", 10, 10_000_000, 1, lease)
    assert job.unresolved


async def test_whoever_lost_the_database_for_a_while_gives_nobody_s_attempt_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failover the new server counts as old as its machine; that it was away is only known from here."""
    await stage.send(receiver())
    await stage.dispatcher().start("smtp")
    await stage.expire()
    other, real, now = stage.dispatcher(), claiming.claim, clock.boottime()

    async def away(*_: object, **__: object) -> None:
        monkeypatch.setattr(claiming, "claim", real)
        raise ConnectionResetError("it went over to another machine")

    monkeypatch.setattr(claiming, "claim", away)
    monkeypatch.setattr(clock, "boottime", lambda: now)
    assert await other._claimed("smtp", ()) is None
    assert (await other.start("smtp")).jobs == {}
    monkeypatch.setattr(clock, "boottime", lambda: now + LEASE_SECONDS + 1)
    assert [job.unresolved for job in (await other.start("smtp")).jobs.values()] == [True]


async def test_a_lost_lease_sends_nothing(stage: Stage) -> None:
    await stage.send(receiver(), 3)
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("smtp")
    held.lease.until = 0
    await dispatcher.attempt("smtp", held)
    assert stage.sink.mails == []
    assert await stage.states() == ["queued"] * 3
    assert {row["failures"] for row in await stage.rows()} == {0}


async def test_a_lease_that_ends_while_the_server_thinks_about_the_recipient_sends_nothing(
    stage: Stage,
) -> None:
    await stage.send(receiver())
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("smtp")

    def slept_on(_: str) -> str:
        held.lease.until = 0
        return "250 OK"

    stage.sink.rcpt = slept_on
    await dispatcher.attempt("smtp", held)
    assert stage.sink.mails == []
    stage.sink.rcpt = lambda _: "250 OK"
    await stage.make_due()
    await dispatcher.dispatch()
    assert await stage.attempts() == [(1, "not_begun"), (2, "handed_over")]
    # What waited for the text of the one given up gets nothing of another.
    assert (len(stage.sink.mails), stage.sink.sessions) == (1, 2)


async def test_a_slow_receiver_delays_nobody_else(stage: Stage) -> None:
    """Its mail server takes seconds for each answer; mails to others and files go on meanwhile."""
    release = asyncio.Event()

    async def slowly(mail: EmailMessage) -> None:
        if "slow" in mail["To"]:
            await release.wait()

    stage.sink.on_mail = slowly
    slow = receiver("Slow", email="in@slow.example")
    await stage.send(slow, 20)

    async def leases() -> dict[Any, Any]:
        return {row["delivery_id"]: row["lease_until"] for row in await stage.rows() if row["lease_until"]}

    async with running(stage.dispatcher(batch=10, smtp_seconds=60)):
        await asyncio.sleep(0.1)
        await stage.send(await stage.folder("dejong"), 5)
        for n in range(12):
            await stage.send(others(n))
        await until(lambda: _handed(stage, 17))
        held = await leases()

        async def kept() -> bool:
            now = await leases()
            return all(each in now and now[each] > held[each] for each in held)

        assert held
        await until(kept)  # their leases are renewed
        release.set()
        await until(lambda: _done(stage))
    assert len(stage.sink.ids) == len(set(stage.sink.ids)) == 32
    assert {number for number, outcome in await stage.attempts() if outcome == "handed_over"} == {1}


async def _handed(stage: Stage, count: int) -> bool:
    return (await stage.states()).count("handed_over") >= count


async def test_connections_are_few_and_used_again(stage: Stage) -> None:
    for n in range(10):
        await stage.send(others(n), 5)
    dispatcher = stage.dispatcher(mail_connections=3, lease_seconds=60)
    await dispatcher.dispatch()
    assert len(stage.sink.mails) == 50
    assert stage.sink.sessions <= 3


async def test_a_connection_the_server_closed_meanwhile_costs_no_attempt(stage: Stage, sink: Sink) -> None:
    dispatcher = stage.dispatcher()
    await stage.send(receiver())
    await dispatcher.dispatch()
    relay = dispatcher._channels["smtp"]._relays._usual  # type: ignore[attr-defined]
    (idle,) = relay._idle
    idle.last -= 5
    idle.wire.close()
    await stage.send(receiver())
    await dispatcher.dispatch()
    assert await stage.attempts() == [(1, "handed_over"), (1, "handed_over")]


async def test_stopping_finishes_what_is_begun_and_gives_the_rest_back(stage: Stage) -> None:
    release = asyncio.Event()

    async def slowly(_: EmailMessage) -> None:
        await release.wait()

    stage.sink.on_mail = slowly
    await stage.send(receiver(), 10)

    async def run() -> None:
        async with running(stage.dispatcher(mail_connections=2)):
            await until(lambda: _kept(stage, 2))

    task = asyncio.create_task(run())
    await until(lambda: _kept(stage, 2))
    await asyncio.sleep(0.2)
    release.set()
    await task
    assert len(stage.sink.mails) == 2
    assert sorted(await stage.states()) == ["handed_over"] * 2 + ["queued"] * 8
    assert set(await stage.attempts()) == {(1, "handed_over"), (1, "not_begun")}


async def _kept(stage: Stage, count: int) -> bool:
    return len(stage.sink.mails) >= count


async def test_one_damaged_document_hurts_nobody_else(stage: Stage) -> None:
    await stage.send(receiver(), 3)
    broken = await stage.routed(receiver())
    data = broken.data
    forged = data.original.model_copy(update={"sha256": "0" * 64})  # type: ignore[attr-defined]
    broken = type(broken)(**{f: getattr(broken, f) for f in broken.__slots__} | {
        "data": data.model_copy(update={"original": forged})
    })  # fmt: skip
    await stage.plan(broken)
    await stage.dispatcher().dispatch()
    assert await stage.states() == ["handed_over"] * 3 + ["queued"]
    assert len(stage.sink.mails) == 3
    assert (
        await stage.worker.fetchval("SELECT code FROM attempt WHERE outcome = 'failed'") == "document-damaged"
    )


async def test_big_documents_are_claimed_in_small_rounds(stage: Stage) -> None:
    import os

    await stage.send(receiver(), 5, pdf=b"%PDF" + os.urandom(3_000_000))
    dispatcher = stage.dispatcher()
    held = await dispatcher.start("smtp")
    assert len(held.jobs) == 3
    assert len((await dispatcher.start("smtp")).jobs) == 2
