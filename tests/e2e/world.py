"""A whole hub in this process, on either transport, with people around it: suppliers and receivers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.db.pools import tenant
from libs.http.client import client
from libs.messaging import Transport
from libs.runtime import Running, run
from libs.service import Resources, Service
from libs.settings import Settings
from libs.testing.machine import free_ports
from postbode_client import AsyncClient, File
from services.demo.receivers import Receivers
from services.ingest.access import accounts, keys
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from services.solo import Plan, hub

ALL_SCOPES = ("invoice:write", "invoice:read", "party:read", "party:write", "account:admin")
BUYERS = ("Aannemer De Jong BV", "Klant Holding BV")
_marks, _numbers = itertools.count(1), itertools.count(58_070_036)
SUPPORT = "support@hub.example"
"""Where people ask for help, and sometimes send an invoice."""
PATIENCE = 20.0
"""Seconds an invoice may take in a test before the test says it is lost."""


@dataclass
class Supplier:
    name: str
    key: str
    mailbox: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class _Receivers(Receivers):
    """Among them one whose mail server takes nothing: ``dicht@…``."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("dicht@"):
            return "550 5.1.1 Nobody here by that name"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"


class World:
    """What a test can do to the hub, and see of it, from outside.

    Tests may share a hub (``fresh``): each has addresses, folders and KvK numbers of its own, and sees no
    more of the receivers than what came to those.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        smtp_port: int,
        resources: Resources,
        common: Settings,
        receivers: Receivers,
        services: Sequence[Service],
    ) -> None:
        self.http = http
        self.smtp_port = smtp_port
        self.resources = resources
        self.common = common
        self.receivers = receivers
        self.services = services
        self.programs: dict[str, AsyncClient] = {}
        self.fresh()

    def fresh(self) -> World:
        """The same hub for the next test."""
        self._staff = ""
        self._mark = f"t{next(_marks)}"
        self.domain = f"{self._mark}.example"
        self.x, self.y, self.z = (str(next(_numbers)) for _ in range(3))
        return self

    def folder(self, name: str) -> str:
        """What a receiver's folder is called at the hub."""
        return f"{self._mark}-{name}"

    async def supplier(self, name: str = "Bakker BV", *scopes: str, **claims: Any) -> Supplier:
        """Open an account; ``claims`` are what it says about itself beside its name."""
        key = await self._key(name, scopes or ALL_SCOPES, **claims)
        headers = {"Authorization": f"Bearer {key}"}
        reply = await self.http.post("/v1/mailboxes", headers=headers)
        assert reply.status_code == 201, reply.text
        return Supplier(name, key, reply.json()["addresses"][0])

    async def receiver(
        self,
        name: str,
        *identifiers: tuple[str, str],
        folder: str | None = None,
        names: Sequence[str] = BUYERS,
    ) -> str:
        """Enter a party; with a folder its package is Globe, else it gets e-mail. Returns its id.

        ``names``: what else suppliers call it; by default what invoices made to order call any buyer.
        """
        reply = await self.http.post(
            "/v1/parties",
            headers=await self._staff_headers(),
            json={
                "name": name,
                "country": "NL",
                "email": f"{name.split()[0].lower()}@{self.domain}",
                "names": list(names),
                "identifiers": [{"scheme": scheme, "value": value} for scheme, value in identifiers],
            },
        )
        assert reply.status_code == 201, reply.text
        party_id: str = reply.json()["party_id"]
        if folder is not None:
            reply = await self.http.put(
                f"/v1/connections/{party_id}",
                headers=await self._staff_headers(),
                json={"package": "globe", "channel": "folder", "settings": {"folder": self.folder(folder)}},
            )
            assert reply.status_code < 300, reply.text
        return party_id

    async def hand_over(self, supplier: Supplier, *files: tuple[str, bytes]) -> str:
        """As a supplier's program does; returns the id of the first invoice."""
        if supplier.key not in self.programs:
            self.programs[supplier.key] = AsyncClient(str(self.http.base_url), supplier.key)
        receipt = await self.programs[supplier.key].submit(*(File(name, data) for name, data in files))
        return receipt.invoices[0].invoice_id

    async def post(self, supplier: Supplier, *files: tuple[str, bytes]) -> httpx.Response:
        """The bare request, for what will be refused and for what is in the reply."""
        return await self.http.post(
            "/v1/submissions", headers=supplier.headers, files=[("file", file) for file in files]
        )

    async def mail(self, supplier: Supplier, *files: tuple[str, bytes]) -> dict[str, Any]:
        """Mail files to the supplier's key mailbox; returns the submission by file name."""
        message = EmailMessage()
        message["From"], message["To"] = "anybody@supplier.example", supplier.mailbox
        message["Subject"] = "Factuur"
        message.set_content("Bijgaand.")
        for name, data in files:
            subtype = "pdf" if name.endswith(".pdf") else "xml"
            message.add_attachment(data, maintype="application", subtype=subtype, filename=name)
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.smtp_port, start_tls=False) as smtp:
            _, said = await smtp.send_message(message)
        found = re.search(r"[0-9a-f-]{36}", said)
        assert found, said
        reply = await self.http.get(f"/v1/submissions/{found.group()}", headers=supplier.headers)
        assert reply.status_code == 200, reply.text
        return {item["filename"]: item for item in reply.json()["invoices"]}

    async def invoice(self, supplier: Supplier, invoice_id: str) -> dict[str, Any] | None:
        reply = await self.http.get(f"/v1/invoices/{invoice_id}", headers=supplier.headers)
        if reply.status_code == 404:
            return None
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    async def until(self, supplier: Supplier, invoice_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until the sender sees one of these statuses. A receiver takes its files meanwhile."""
        seen: dict[str, Any] | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    seen = await self.invoice(supplier, invoice_id)
                    if seen is not None and seen["status"] in statuses:
                        return seen
                    if "arrived" in statuses:
                        self.receivers.take_away()
                    await asyncio.sleep(0.05)
        raise AssertionError(f"{invoice_id} is {seen and seen['status']}, expected {statuses}: {seen}")

    async def told(self, supplier: Supplier, invoice_id: str, *facts: str) -> dict[str, Any]:
        """Wait until its timeline tells of all these: a fact may come later than what followed from it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = await self.invoice(supplier, invoice_id)
                types = {moment["type"].split(".")[1] for moment in seen["timeline"]} if seen else set()
                if seen and types >= set(facts):
                    return seen
                await asyncio.sleep(0.05)

    async def mails(self, count: int) -> list[str]:
        """Wait until the receivers' mail server holds this many; their decoded text."""
        async with asyncio.timeout(PATIENCE):
            while len(found := self._letters()) < count:
                await asyncio.sleep(0.05)
        return found

    def _letters(self) -> list[str]:
        mine = re.compile(rb"^To: .*@" + re.escape(self.domain.encode()), re.MULTILINE)
        files = sorted((self.receivers.folders.parent / "mail").glob("*.eml*"))
        return [_text(raw) for raw in (file.read_bytes() for file in files) if mine.search(raw)]

    def waiting(self) -> list[Path]:
        """What lies in the receivers' folders."""
        return sorted(self.receivers.folders.glob(f"{self._mark}-*/*"))

    def taken(self, pattern: str = "*") -> list[Path]:
        """What the receivers took from their folders."""
        return sorted((self.receivers.folders.parent / "taken").glob(f"{self._mark}-{pattern}"))

    async def _staff_headers(self) -> dict[str, str]:
        self._staff = self._staff or await self._key("Postbode", (*ALL_SCOPES, "operator"))
        return {"Authorization": f"Bearer {self._staff}"}

    async def recall(self, *invoices: str) -> None:
        """What an operator does after a wrong delivery."""
        reply = await self.http.post(
            "/v1/recalls", headers=await self._staff_headers(), json={"invoices": list(invoices)}
        )
        assert reply.status_code == 201, reply.text

    async def connect(self, party_id: str, **connection: Any) -> None:
        """Connect a receiver's package."""
        reply = await self.http.put(
            f"/v1/connections/{party_id}", headers=await self._staff_headers(), json=connection
        )
        assert reply.status_code < 300, reply.text

    async def _key(self, name: str, scopes: Sequence[str], **more: Any) -> str:
        settings = IngestSettings(**self.common.model_dump())
        email = f"{name.split()[0].lower()}@{self.domain}"
        claims = accounts.Claims(name=name, email=email, **more)
        pools = self.resources.pools
        account_id = await accounts.open_account(await pools.get("ingest", "worker"), claims)
        async with tenant(await pools.get("ingest", "api"), account_id) as conn:
            key, _ = await keys.add_key(conn, account_id, vault_of(settings), "test", scopes)
        return str(key)


@contextlib.asynccontextmanager
async def world(database_url: str, secret: str, folder: Path, transport: Transport) -> AsyncIterator[World]:
    """Start everything on free ports; stop it in order afterwards and insist on exit code 0."""
    port, smtp_port, sink = free_ports(3)
    common = Settings(
        database_url=database_url, secret=secret, base_url=f"http://127.0.0.1:{port}", log_level="WARNING"
    )
    receivers = _Receivers(folder / "receivers", sink)
    overrides: dict[str, dict[str, Any]] = {
        "ingest": {"smtp_port": smtp_port, "support_addresses": (SUPPORT,)},
        "deliver": {"folder_root": receivers.folders, "smtp_port": sink, "poll_seconds": 0.2},
        "track": {"smtp_port": sink, "notice_quiet_seconds": 0.5, "notice_mails_a_day": 1000},
        "sync": {"look_seconds": 0.5},
    }
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    async with receivers, hub(Plan(common, overrides), transport) as (services, resources):
        services = [_prompt(each) for each in services]
        running = asyncio.create_task(
            run(services, resources, port=port, signals=False, started=ready.set_result)
        )
        while not (running.done() or ready.done()):
            await asyncio.sleep(0.01)
        assert not running.done(), running.result()
        async with client(base_url=common.base_url, timeout=30) as http:
            world = World(http, smtp_port, resources, common, receivers, services)
            yield world
            for program in world.programs.values():
                await program.close()
        (await ready).stop.set()
        assert await running == 0


def _prompt(service: Service) -> Service:
    """What looks every second or so looks oftener: a test waits for each of these."""
    soon = timedelta(seconds=0.2)
    return replace(
        service,
        schedules=[
            replace(each, every=soon) if soon < each.every < 25 * soon else each for each in service.schedules
        ],
    )


def _text(raw: bytes) -> str:
    """Headers of all parts, and the decoded text parts."""
    message = message_from_bytes(raw, policy=policy.default)
    shown = []
    for part in message.walk():
        shown.append("\n".join(f"{name}: {value}" for name, value in part.items()))
        if part.get_content_maintype() == "text" and not part.is_attachment():
            shown.append(part.get_content())
    return "\n".join(shown)
