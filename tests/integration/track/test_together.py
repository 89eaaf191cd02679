"""Notices that belong together are one mail with a list, an address gets few mails, and what was mailed is receipted."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.db.types import Pool
from services.track.listing import MOST
from tests.integration.track.feeding import feed, know
from tests.integration.track.sink import Notifier, Sink, sending
from tests.unit.track.sample import DOCUMENT, Journey, registered

ADDRESS = "info@bos.example"


async def earlier(worker: Pool, by: timedelta) -> None:
    """Everything happened so much earlier."""
    await worker.execute("UPDATE notice SET created_at = created_at - $1::interval", by)
    await worker.execute("UPDATE notice_attempt SET started_at = started_at - $1::interval", by)


@pytest.mark.proves("R48b", "R56")
async def test_a_thousand_failures_are_one_mail_with_a_list(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    lost = [Journey(account, f"F{n}") for n in range(MOST - 1)]
    for n in range(0, len(lost), 200):
        await feed(worker, *(each.undeliverable() for each in lost[n : n + 200]))
    await feed(worker, *(Journey(account, f"R{n}").rejected() for n in range(3)))
    await dispatcher.run()
    (mail,) = sink.mails
    assert mail["Subject"].startswith("1002 facturen of bestanden: ")
    text = mail.get_content()
    assert text.count("Dit e-mailadres bestaat niet.") == text.count("/invoices/") - 1 == MOST - 1
    assert all(f"https://hub.example/invoices/{each.invoice_id}" in text for each in lost)
    assert "Vraag uw klant of het adres nog klopt" in text
    assert "Afgekeurd (1)" in text
    assert "En nog 2 andere" in text
    assert (mail["Auto-Submitted"], mail["Postbode-Notices"]) == ("auto-generated", "1002")
    assert await worker.fetchval("SELECT count(*) FROM notice WHERE state = 'sent'") == MOST + 2
    await dispatcher.run()
    assert len(sink.mails) == 1


async def test_a_mail_waits_for_what_still_comes_but_not_for_ever(
    worker: Pool, sink: Sink, account: UUID
) -> None:
    patient = sending(worker, sink.port, notice_quiet_seconds=10)
    await know(worker, registered(account, ADDRESS))
    for _ in range(2):
        await feed(worker, Journey(account).rejected())
        await patient.run()
        assert sink.mails == []
        await earlier(worker, timedelta(seconds=9))
    await earlier(worker, timedelta(seconds=2))
    await patient.run()
    assert [mail["Postbode-Notices"] for mail in sink.mails] == ["2"]

    await feed(worker, Journey(account).rejected())
    await earlier(worker, timedelta(minutes=5))
    await feed(worker, Journey(account).rejected())
    await patient.run()
    assert [mail["Postbode-Notices"] for mail in sink.mails] == ["2", "2"]


async def test_an_address_that_had_its_mails_today_gets_one_an_hour(
    worker: Pool, sink: Sink, account: UUID
) -> None:
    sparing = sending(worker, sink.port, notice_mails_a_day=2)
    other = UUID(int=43)
    await know(worker, registered(account, ADDRESS), registered(other, "x@y.example"))

    async def reject(*whose: UUID) -> int:
        await feed(worker, *(Journey(each).rejected() for each in whose))
        await sparing.run()
        return len([mail for mail in sink.mails if mail["To"] == ADDRESS])

    assert [await reject(account) for _ in range(4)] == [1, 2, 2, 2]
    assert await reject(other) == 2
    assert len(sink.mails) == 3, "nobody waits for another's flood"
    await earlier(worker, timedelta(minutes=61))
    assert [await reject(account), await reject(account)] == [3, 3]
    assert sink.mails[-1]["Postbode-Notices"] == "3"
    await earlier(worker, timedelta(days=1))
    assert [await reject(account), await reject(account), await reject(account)] == [4, 5, 5]


@pytest.mark.proves("R21", "R24")
async def test_what_was_mailed_is_receipted_to_the_registered_address_and_to_a_proven_from(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS, language="en"))
    good, bad, again, robot, api = (Journey(account, f"F{n}") for n in range(5))
    person = "Jan@Bakker.example"
    await feed(worker, api.received(), robot.received("mail", silent=True))
    await dispatcher.run()
    assert sink.mails == []
    events = [
        good.received("mail", reply_to=person), bad.received("mail", reply_to=person),
        bad.rejected(), again.received("mail"), again.duplicate(), again.duplicate(silent=True),
    ]  # fmt: skip
    await feed(worker, *events)
    await dispatcher.run()
    await feed(worker, *events)
    await dispatcher.run()
    own, theirs = sorted(sink.mails, key=lambda mail: mail["To"] != ADDRESS)
    assert theirs["To"] == person
    assert own["Subject"] == "4 invoices or files: rejected 1, received before 1, received 2"
    assert own.get_content().count(DOCUMENT.sha256) == 2
    # What the hub finds out later is for the account.
    assert theirs["Subject"] == "2 invoices or files: received 2"


async def test_one_mail_of_one_invoice_has_a_receipt_that_proves_which_file_it_was(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    await feed(worker, Journey(account).received("mail", reply_to=ADDRESS.upper()))
    await dispatcher.run()
    (mail,) = sink.mails
    assert mail["Subject"] == "Ontvangen: factuur „F1.xml”"
    assert DOCUMENT.sha256 in mail.get_content()
    assert "U hoeft niets te doen." in mail.get_content()


async def test_what_is_no_longer_so_leaves_the_list(
    worker: Pool, sink: Sink, dispatcher: Notifier, account: UUID
) -> None:
    await know(worker, registered(account, ADDRESS))
    waits, goes, lost = (Journey(account, f"F{n}") for n in range(3))
    await feed(worker, goes.parked(), waits.parked(), lost.undeliverable())
    sink.answer = "451 4.3.0 Later"
    await dispatcher.run()
    await feed(worker, goes.released())
    sink.answer = "250 2.0.0 Kept"
    await worker.execute("UPDATE notice SET due_at = now() WHERE state = 'due'")
    await dispatcher.run()
    (mail,) = sink.mails
    assert mail["Postbode-Notices"] == "2"
    assert str(goes.invoice_id) not in mail.get_content()
