"""The e-mail channel: one mail an invoice, XML and PDF attached under the same base name.

A mail server cannot be asked whether it has a message. After an attempt cut short once the message may have
been on its way, the mail goes out again under the same Message-ID, and the result says ``repeated``: many
receiving systems drop the second, and nobody is told it was not possible.

Connections to a server are shared by all domains that go there, but no domain may have all of them, and a mail that waits
long for an answer leaves its place to others (``relay.Places``): those that hang keep nobody waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import aiosmtplib

from services.deliver import plan
from services.deliver.channels import Done
from services.deliver.channels.lanes import Lanes
from services.deliver.channels.relay import Line, Relays
from services.deliver.channels.wire import CLOSING, GO_ON, Wire
from services.deliver.email import mail, replies
from services.deliver.email.dkim import Signer
from services.deliver.email.return_paths import ReturnPaths
from services.deliver.parcel import Failed, HandedOver, Job, Loaded, NotBegun, Outcome, Unknown

OFF_LOOP = 64 * 1024
"""Bytes from which a mail is put together in a thread: the event loop stays free."""
_STAGES: tuple[replies.Stage, ...] = ("session", "recipient", "data")
"""What the replies to MAIL, RCPT and DATA are about."""


class SmtpChannel:
    def __init__(
        self,
        relays: Relays,
        mail_from: str,
        *,
        per_domain: int,
        return_paths: ReturnPaths | None = None,
        signer: Signer | None = None,
    ) -> None:
        """``return_paths``: where receiving servers answer; without, at ``mail_from``, and the hub hears nothing of it."""
        self._relays = relays
        self._mail_from = mail_from
        self._return_paths = return_paths
        self._signer = signer
        self._domains = Lanes(per_domain, self._attempt)

    def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        return self._domains.deliver(loaded)

    async def settled(self, jobs: Sequence[Job]) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        await self._relays.close()

    async def _attempt(self, each: Loaded) -> Outcome:
        if plan.mail_address(each.job.parcel.settings["email"]) != each.job.parcel.settings["email"]:
            # It was looked at when it was planned. What stands in a command or a header is looked at again.
            return plan.BAD_ADDRESS
        try:
            async with self._relays.to(each.job.lane).line() as line:
                # Put together now and not before: no more mails are in memory than go out.
                try:
                    data = await self._data(each)
                except Exception as strange:  # noqa: BLE001 - it comes from a stranger's invoice; others go on
                    line.good = True
                    return Failed("mail-compose", f"{type(strange).__name__}: {strange}")
                if not each.job.lease.held:
                    line.good = True
                    return NotBegun("the lease ran out")
                return await self._send(line, each.job, data)
        except aiosmtplib.SMTPResponseException as refused:
            return replies.meaning("session", refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError) as away:
            return Failed("mail-relay", f"{type(away).__name__}: {away}")

    async def _send(self, line: Line, job: Job, data: bytes) -> Outcome:
        """One mail over one connection. Before the message itself nothing can have been taken."""
        wire = line.wire
        if wire.most_bytes is not None and len(data) > wire.most_bytes:
            line.good = True
            return replies.too_large(len(data), wire.most_bytes)
        said = await wire.ask(*self._envelope(wire, job, len(data)), b"DATA")
        for stage, reply in zip(_STAGES, said, strict=False):
            if not (reply.code == GO_ON if stage == "data" else reply.good):
                # A server that would take a text now, for nobody, must not get the next mail's commands as one.
                line.good = reply.code != CLOSING and said[-1].code != GO_ON
                return replies.meaning(stage, *reply)
        if not job.lease.held:
            # The server thought for longer than the lease surely holds. It waits for a text, so it gets no other mail.
            return NotBegun("the lease ran out")
        try:
            code, told = await wire.text(data)
        except OSError as lost:
            return Unknown(f"{type(lost).__name__}: {lost}")
        line.good = code != CLOSING
        if 200 <= code <= 299:
            line.clean = True
            return HandedOver(f"{code} {told}", repeated=job.unresolved)
        return replies.meaning("data", code, told) if code >= 400 else Unknown(f"{code} {told}")

    def _envelope(self, wire: Wire, job: Job, size: int) -> tuple[bytes, bytes]:
        """From whom and to whom, with what the server understands: how large it is (RFC 1870), and that its fate is to be
        told, with the headers alone (RFC 3461)."""
        to = job.parcel.settings["email"]
        sender = self._return_paths.of(job.delivery_id, job.number) if self._return_paths else self._mail_from
        mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>"
        if wire.offers("size"):
            mail += f" SIZE={size}"
        if self._return_paths and wire.offers("dsn"):
            mail += f" RET=HDRS ENVID={job.delivery_id}"
            rcpt += f" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{to.replace('+', '+2B').replace('=', '+3D')}"
        return mail.encode("ascii"), rcpt.encode("ascii")

    async def _data(self, each: Loaded) -> bytes:
        def work() -> bytes:
            composed = mail.compose(each, self._mail_from)
            return self._signer.sign(composed) if self._signer else composed

        return await asyncio.to_thread(work) if each.job.parcel.size > OFF_LOOP else work()
