"""An account that sends too much, or whose backlog is too old, is told when to come back; nobody else is."""

from __future__ import annotations

from email.message import EmailMessage
from uuid import UUID

import aiosmtplib
import pytest

from libs.db.settings import DatabaseSettings
from libs.errors import Unavailable
from libs.http.client import client
from libs.testing import builders
from services.ingest.access import mailboxes
from services.ingest.backlog import Backlog
from tests.integration.ingest.door import replica


async def test_over_the_quota_is_429_and_only_for_that_account(database: DatabaseSettings) -> None:
    async with replica(database, requests_per_second=0.001, requests_burst=2) as door, client() as http:
        _, bakker = await door.supplier()
        _, visser = await door.supplier("Visser")

        async def post(login: dict[str, str]) -> tuple[int, str, str]:
            reply = await http.post(f"{door.url}/v1/submissions", headers=login, content=builders.invoice())
            return reply.status_code, reply.headers["ratelimit"], reply.headers["ratelimit-policy"]

        policy = '"account";q=2;w=2000'
        # A token comes back in a thousand seconds, of which some go by here.
        for status, left, seconds in ((202, 1, 1000), (202, 0, 2000), (429, 0, 2000)):
            found, limit, said = await post(bakker)
            name, remaining, until = limit.split(";")
            assert (found, name, remaining, said) == (status, '"account"', f"r={left}", policy)
            assert seconds - 100 < int(until.removeprefix("t=")) <= seconds
        assert (await post(visser))[0] == 202
        batch = await http.post(f"{door.url}/v1/submissions:batch", headers=bakker, content=b"")
        assert (batch.status_code, batch.json()["code"]) == (429, "too-many-requests")


@pytest.mark.proves("R20", "R25")
async def test_a_mail_counts_as_well_and_what_it_says_of_itself_is_kept(database: DatabaseSettings) -> None:
    front = "mx.postbode.example"
    async with (
        replica(database, requests_per_second=0.001, requests_burst=2, mail_authserv_id=front) as door,
        client() as http,
    ):
        account, login = await door.supplier()
        address = await door.mailbox(account)
        worker = await door.pools.get("ingest", "worker")
        await mailboxes.let_loose(worker, account, loose=True)
        message = EmailMessage()
        message["From"], message["To"] = "Wie dan ook <x@elders.example>", address
        message["Authentication-Results"] = f"{front}; dmarc=pass header.from=elders.example"
        message["Authentication-Results"] = "mx.elders.example; spf=pass"
        for name, data in (("F1.xml", builders.invoice()), ("scan.pdf", builders.pdf("F1"))):
            message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)

        async def mail() -> tuple[int, str]:
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=door.smtp, start_tls=False) as smtp:
                try:
                    return 250, (await smtp.send_message(message, sender="bounce@elders.example"))[1]
                except aiosmtplib.SMTPRecipientsRefused as no:
                    return no.recipients[0].code, ""

        code, said = await mail()
        assert code == 250
        shown = (await http.get(f"{door.url}/v1/submissions/{said[-36:]}", headers=login)).json()
        assert [item["filename"] for item in shown["invoices"]] == ["F1.xml"], "its only PDF is its own here"
        kept = shown["mail"]
        assert (kept["from"], kept["over"], kept["peer"]) == (
            "Wie dan ook <x@elders.example>",
            "smtp",
            "127.0.0.1",
        )
        assert kept["authentication"] == [
            {"method": "dmarc", "result": "pass", "header.from": "elders.example"}
        ]
        (row,) = await worker.fetch("SELECT mail_from, mail_head FROM submission")
        assert (row["mail_from"], b"mx.elders.example" in row["mail_head"]) == ("bounce@elders.example", True)
        assert [(await mail())[0] for _ in range(2)] == [250, 451]
        await worker.execute("UPDATE mailbox SET revoked_at = now()")
        assert (await mail())[0] == 550


async def test_an_old_backlog_is_503_and_only_for_that_account(database: DatabaseSettings) -> None:
    async with replica(database) as door, client() as http:
        worker = await door.pools.get("ingest", "worker")
        people = [await door.supplier(name) for name in ("Bakker", "Visser", "Smit")]
        for account, login in people[:2]:
            reply = await http.post(f"{door.url}/v1/submissions", headers=login, content=builders.invoice())
            assert reply.status_code == 202, account
        (late, _), (soon, _), (never, _) = people
        await worker.execute(
            "UPDATE outbox SET created_at = now() - interval '20 minutes' WHERE account = $1"
            " AND routing_key = 'invoice.received.v1'",
            late,
        )
        backlog = Backlog(worker, seconds=600)
        await backlog.look()

        def told(account: UUID) -> object:
            with pytest.raises(Unavailable) as refused:
                backlog.check(account)
            return refused.value.code, refused.value.extra["retry_after"]

        assert told(late) == ("backlog", 120)
        backlog.check(soon)
        backlog.check(never)
        await worker.execute("DELETE FROM outbox WHERE account = $1", late)
        await backlog.look()
        backlog.check(late)
