"""Notices to a real mail server: each once, whatever dies in between; a possible repeat says so."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from uuid import UUID

import pytest

from libs import clock
from libs.contracts.parts import Words
from libs.contracts.party import AccountConnectionLapsed, AccountLinkMade
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.links import PURPOSE, token_of
from libs.sealed import KEY_ADDRESSES, seal
from services.track import link_mails, mailings
from services.track.boxes import Links
from services.track.dispatch import Dispatcher
from services.track.mailings import Pace
from services.track.settings import TrackSettings
from tests.integration.track.feeding import feed, know, write
from tests.integration.track.sink import Notifier, Sink, sending
from tests.unit.track.sample import NO_KVK, Journey, registered

ADDRESS = "info@bos.example"
REPEATED = (
    "Misschien krijgt u dit bericht twee keer: bij de eerste poging bleef onzeker of het was aangekomen. Het gaat om "
    "dezelfde meldingen.\n\n"
)


async def states(worker: Pool) -> list[str]:
    return [row["state"] for row in await worker.fetch("SELECT state FROM notice ORDER BY notice_id")]


async def make_due(worker: Pool) -> None:
    await worker.execute("UPDATE notice SET due_at = now() - interval '1 second' WHERE state = 'due'")


@pytest.mark.proves("R48b", "R56")
async def test_every_refusal_is_mailed_once_however_often_its_fact_comes(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    rejected, quarantined, parked, returned, lost, good = (Journey(account, f"F{n}") for n in range(6))
    events = [
        rejected.received(), rejected.rejected(), quarantined.quarantined(), parked.parked(),
        returned.returned(), lost.validated(), lost.routed(), lost.undeliverable(), good.received(),
        good.handed_over(),
    ]  # fmt: skip
    for event in events:
        await feed(worker, event)
        await dispatcher.run()
    for _ in range(3):
        await feed(worker, *events)
        await feed(worker, *reversed(events))
        await dispatcher.run()
    assert sorted(str(mail["Subject"]) for mail in sink.mails) == [
        "Afgekeurd: factuur F0", "Niet aangenomen: het bestand „loose.pdf”", "Niet bezorgd: factuur F4",
        "Teruggegeven: factuur", "Wacht op u: factuur F2",
    ]  # fmt: skip
    assert await states(worker) == ["sent"] * 5
    (mail,) = (m for m in sink.mails if "F0" in m["Subject"])
    assert "Regel 12: Het totaal klopt niet." in mail.get_content()
    assert f"https://hub.example/invoices/{rejected.invoice_id}" in mail.get_content()
    assert "twee keer" not in mail.get_content()
    assert (mail["To"], mail["From"]) == (ADDRESS, "Postbode <noreply@hub.example>")


async def test_nobody_is_mailed_about_what_a_program_sent(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).quarantined(silent=True), Journey(account).quarantined())
    await dispatcher.run()
    assert len(sink.mails) == 1


@pytest.mark.proves("R24")
async def test_a_lone_pdf_is_told_to_its_sender(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS, language="en"))
    await feed(worker, Journey(account).quarantined("F1.pdf"))
    await dispatcher.run()
    (mail,) = sink.mails
    assert "the file “F1.pdf”" in mail.get_content()
    assert "A PDF on its own is not an e-invoice." in mail.get_content()
    assert mail["Content-Language"] == "en"


@pytest.mark.proves("R35")
async def test_parked_is_told_once_in_the_words_of_route(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    j = Journey(account)
    await feed(worker, j.parked())
    await dispatcher.run()
    await feed(worker, j.released(), j.parked())
    await dispatcher.run()
    (mail,) = sink.mails
    assert NO_KVK.nl in mail.get_content()


async def test_without_an_address_a_notice_waits_until_there_is_one(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await feed(worker, Journey(account).rejected())
    await dispatcher.run()
    assert (sink.mails, await states(worker)) == ([], ["due"])
    await know(worker, registered(account, ADDRESS))
    await dispatcher.run()
    assert (len(sink.mails), await states(worker)) == (1, ["sent"])


async def test_what_is_no_longer_so_is_not_told(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    late, quick = Journey(account), Journey(account)
    parked, released = quick.parked(), quick.released()
    await feed(worker, late.parked())
    await feed(worker, late.released())
    await feed(worker, parked, released)  # in one batch: not even due
    await dispatcher.run()
    assert sink.mails == []
    assert await states(worker) == ["superseded"]


async def test_a_rolled_back_batch_mails_nobody(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    broken = Journey(account).rejected()
    async with worker.acquire() as conn:
        transaction = conn.transaction()
        await transaction.__aenter__()
        await write(conn, broken)
        await transaction.__aexit__(RuntimeError, RuntimeError(), None)
    await dispatcher.run()
    assert sink.mails == []
    await feed(worker, broken)
    await dispatcher.run()
    assert len(sink.mails) == 1


async def test_two_processes_share_the_work(worker: Pool, sink: Sink, dispatcher: Notifier) -> None:
    accounts = [UUID(int=n) for n in range(40)]
    await know(worker, *(registered(each, f"{each}@bos.example") for each in accounts))
    await feed(worker, *(Journey(each).rejected() for each in accounts))
    await asyncio.gather(*(dispatcher.run() for _ in range(4)))
    assert len({mail["Message-ID"] for mail in sink.mails}) == len(sink.mails) == 40


async def attempts(worker: Pool) -> list[tuple[int, bool, str | None]]:
    rows = await worker.fetch("SELECT attempt, repeat, result FROM notice_attempt ORDER BY attempt")
    return [(row["attempt"], row["repeat"], row["result"]) for row in rows]


_PROCESS = """
import asyncio, sys
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.track.boxes import Links, Notices
from services.track.dispatch import Dispatcher
from services.track.settings import TrackSettings

async def main():
    url, secret, port = sys.argv[1:]
    pools = Pools(DatabaseSettings(url, secret))
    settings = TrackSettings(
        smtp_port=int(port), mail_from="noreply@hub.example", notice_quiet_seconds=0
    )
    await Dispatcher(Notices(await pools.get("track", "worker"), settings, "https://hub.example"), settings).run()

asyncio.run(main())
"""


async def test_a_process_killed_between_mail_and_result_leaves_a_repeat_that_says_so(
    database: DatabaseSettings,
    worker: Pool,
    sink: Sink,
    dispatcher: Notifier,
    account: UUID,
) -> None:
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).rejected(), Journey(account).undeliverable())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROCESS, database.url, database.secret, str(sink.port)
    )

    async def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()

    sink.on_mail = kill
    assert await process.wait() == -signal.SIGKILL
    assert await attempts(worker) == [(1, False, None)]
    await dispatcher.run()
    assert len(sink.mails) == 1, "while its lease runs, an attempt is left alone"
    sink.on_mail = None
    for _ in range(2):
        await make_due(worker)
        await dispatcher.run()
    first, second = sink.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert (first["Postbode-Repeat"], second["Postbode-Repeat"]) == (None, "possible")
    assert await attempts(worker) == [(1, False, None), (2, True, "sent")]
    said = second.get_content().replace("\r\n", "\n")
    assert REPEATED in said
    assert first.get_content().replace("\r\n", "\n") == said.replace(REPEATED, "")
    assert await states(worker) == ["sent", "sent"]


async def test_killed_before_the_mail_server_heard_of_it_the_mail_still_goes_out(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).rejected())
    await mailings.gather(worker, Pace(timedelta(0), timedelta(0), 10))
    (claimed,) = await mailings.claim(worker, 8, timedelta(0))  # and then nothing
    await dispatcher.run()
    assert len(sink.mails) == 1
    # What the first one would have said comes too late: it no longer holds the lease.
    await mailings.settle(worker, claimed, "deferred", "late", state="due")
    assert await states(worker) == ["sent"]


async def test_whoever_slept_through_its_lease_sends_nothing(
    worker: Pool,
    sink: Sink,
    dispatcher: Notifier,
    account: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).rejected())
    real = clock.boottime
    # Everything but the text is said, and then it stands still.
    sink.on_rcpt = lambda: monkeypatch.setattr(clock, "boottime", lambda: real() + 3600)
    await dispatcher.run()
    assert (sink.mails, await states(worker)) == ([], ["due"])
    sink.on_rcpt = lambda: None
    monkeypatch.setattr(clock, "boottime", real)
    await dispatcher.run()
    assert len(sink.mails) == 1
    assert sink.mails[0]["Postbode-Repeat"] is None, "it is known that the first attempt sent nothing"
    assert await attempts(worker) == [(1, False, "deferred"), (2, False, "sent")]


async def test_stopping_finishes_the_mails_in_hand(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).rejected())
    run = asyncio.create_task(dispatcher.run())
    arrived = asyncio.Event()

    async def stop() -> None:
        run.cancel()
        arrived.set()
        await asyncio.sleep(0.05)

    sink.on_mail = stop
    with pytest.raises(asyncio.CancelledError):
        await run
    assert arrived.is_set()
    assert (len(sink.mails), await states(worker)) == (1, ["sent"])


@pytest.mark.parametrize(
    ("rcpt", "answer", "state", "result"),
    [
        ("450 4.2.0 Later", "250 OK", "due", "deferred"),
        ("550 5.1.1 Nobody", "250 OK", "failed", "refused"),
        ("250 OK", "451 4.3.0 Later", "due", "deferred"),
        ("250 OK", "554 5.6.0 No", "failed", "refused"),
    ],
)
async def test_what_the_mail_server_says_no_to(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID, rcpt: str, answer: str, state: str,
    result: str,
) -> None:  # fmt: skip
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).rejected())
    sink.rcpt, sink.answer = rcpt, answer
    await dispatcher.run()
    assert await states(worker) == [state]
    assert await attempts(worker) == [(1, False, result)]
    sink.rcpt, sink.answer = "250 OK", "250 OK"
    await dispatcher.run()  # not due yet
    assert sink.mails == []
    await make_due(worker)
    await dispatcher.run()
    assert len(sink.mails) == (1 if state == "due" else 0)
    assert all(mail["Postbode-Repeat"] is None for mail in sink.mails)


async def test_a_mail_server_that_is_away_is_no_repeat(
    worker: Pool, sink: Sink, dispatcher: Notifier
) -> None:
    accounts = [UUID(int=n) for n in range(20)]
    await know(worker, *(registered(each, f"{each}@bos.example") for each in accounts))
    await feed(worker, *(Journey(each).rejected() for each in accounts))
    await sending(worker, 1, smtp_seconds=1).run()
    tried = await worker.fetchval("SELECT count(*) FROM notice_attempt")
    assert 0 < tried < 20, "one batch is enough to know that nobody answers"
    await make_due(worker)
    await dispatcher.run()
    assert len(sink.mails) == 20
    assert all(mail["Postbode-Repeat"] is None for mail in sink.mails)


async def test_a_connection_lost_after_the_text_is_unknown(
    worker: Pool, account: UUID, sink: Sink, dispatcher: Notifier
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while not (line := await reader.readline()).startswith(b"DATA"):
            writer.write(b"250 OK\r\n")
        writer.write(b"354 go on\r\n")
        while line != b".\r\n":
            line = await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).rejected())
    await sending(worker, port, smtp_seconds=2).run()
    server.close()
    assert await attempts(worker) == [(1, False, None)]
    await make_due(worker)
    await dispatcher.run()
    (mail,) = sink.mails
    assert mail["Postbode-Repeat"] == "possible"


async def test_an_address_that_cannot_be_written_to_fails_and_holds_up_nobody(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    other = UUID(int=43)
    await know(worker, registered(account, "a@b\r\nBcc: x@y.example"), registered(other, ADDRESS))
    await feed(worker, Journey(account).rejected(), Journey(other).rejected())
    await dispatcher.run()
    assert sorted(await states(worker)) == ["failed", "sent"]
    assert [mail["To"] for mail in sink.mails] == [ADDRESS]


async def test_a_link_is_mailed_once_and_its_token_lies_nowhere(worker: Pool, sink: Sink) -> None:
    settings = TrackSettings(smtp_port=sink.port, mail_from="noreply@hub.example", smtp_seconds=5)
    links = Dispatcher(Links(worker, settings, "https://hub.example"), settings)
    account, now = clock.uuid7(), clock.now()
    made = [
        AccountLinkMade(
            account_id=account, link_id=clock.uuid7(), kind=kind, email=f"{kind}@bos.example",
            account_name="Bos\r\nBcc: x@y.example", language=language, expires_at=now + timedelta(hours=1),
        )
        for kind, language in (("sign-up", "nl"), ("known", "en"), ("invitation", "nl"), ("reset", "en"), ("key", "nl"))
    ]  # fmt: skip
    address = "geheim@uploads.example"
    made[-1] = made[-1].model_copy(update={"sealed": seal(settings.derive(KEY_ADDRESSES), address)})
    late = made[0].model_copy(update={"link_id": clock.uuid7(), "expires_at": now - timedelta(hours=1)})
    for _ in range(2):
        async with worker.acquire() as conn, conn.transaction():
            await link_mails.add(conn, [*made, late])
        sink.answer = "451 4.3.0 Later"
        await links.run()
        sink.answer = "250 2.0.0 Kept"
        await worker.execute("UPDATE link_mail SET due_at = now() WHERE state = 'due'")
        await links.run()
    assert sorted(str(mail["To"]) for mail in sink.mails) == sorted(each.email for each in made)
    key = settings.derive(PURPOSE)
    for mail in sink.mails:
        (link,) = (each for each in made if each.email == mail["To"])
        assert mail["Bcc"] is None
        if link.kind == "key":
            assert f"    {address}" in mail.get_content().splitlines()
            continue
        assert f"https://hub.example/link#{token_of(key, link.link_id)}" in mail.get_content().splitlines()
        # A stranger's words are not ours to send.
        assert ("Bos" in mail.get_content()) is (link.kind != "sign-up")
    rows = await worker.fetch("SELECT row_to_json(link_mail)::text AS row, state FROM link_mail")
    assert sorted(row["state"] for row in rows) == ["expired", *["sent"] * 5]
    assert not any("geheim" in row["row"] for row in rows)
    assert not any(token_of(key, each.link_id)[-52:] in row["row"] for each in made for row in rows)


@pytest.mark.proves("R105")
async def test_that_a_connection_lapsed_is_mailed_once_to_the_address_the_account_has_by_then(
    worker: Pool, sink: Sink, account: UUID
) -> None:
    settings = TrackSettings(smtp_port=sink.port, mail_from="noreply@hub.example", smtp_seconds=5)
    links = Dispatcher(Links(worker, settings, "https://hub.example"), settings)
    lapsed = AccountConnectionLapsed(
        account_id=account,
        lapse_id=clock.uuid7(),
        package="exact-online",
        user="J. Boekhouder\r\nBcc: x@y.example",
        books=("Bos BV", "Bos Beheer BV"),
        code="exact-link-ended",
        reason=Words(nl="Zet de koppeling opnieuw op.", en="Set the link up again."),
        lapsed_at=clock.now(),
    )
    for _ in range(2):
        async with worker.acquire() as conn, conn.transaction():
            await link_mails.add_lapsed(conn, [lapsed])
        await links.run()
    assert sink.mails == [], "nobody knows whom to mail yet"
    await know(worker, registered(account, ADDRESS))
    for _ in range(2):
        await links.run()
    (mail,) = sink.mails
    assert (mail["To"], mail["Subject"], mail["Bcc"]) == (
        ADDRESS,
        "Uw koppeling met Exact Online is vervallen",
        None,
    )
    text = " ".join(mail.get_content().split())
    for words in (
        "(Bos BV, Bos Beheer BV)",
        "Zet de koppeling opnieuw op.",
        "https://hub.example",
        "Boekhouder",
    ):
        assert words in text
