"""The e-mail channel: one mail an invoice, XML and PDF attached under the same base name.

A mail server cannot be asked whether it has a message. After an attempt cut short once the message may have
been on its way, the mail goes out again under the same Message-ID, and the result says ``repeated``: many
receiving systems drop the second, and nobody is told it was not possible.

Connections are shared by all domains, but no domain may have all of them: one that answers slowly leaves room
for the others.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Sequence

import aiosmtplib
import structlog

from services.deliver import mail, replies
from services.deliver.channels import Done
from services.deliver.channels.relay import Line, Relay
from services.deliver.parcel import Failed, HandedOver, Job, Loaded, NotBegun, Outcome, Unknown

OFF_LOOP = 64 * 1024
"""Bytes from which a mail is put together in a thread: the event loop stays free."""
GATHER_SECONDS = 0.01
"""Results are reported together when they come this close to each other."""

_CLOSING = 421
_GARBLED = -1

_log = structlog.get_logger(__name__)


class SmtpChannel:
    def __init__(self, relay: Relay, mail_from: str, *, at_once: int, per_domain: int) -> None:
        self._relay = relay
        self._mail_from = mail_from
        self._at_once = at_once
        self._per_domain = per_domain
        # Weak: a domain nobody is sending to needs no count.
        self._domains: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        lanes: dict[str, list[Loaded]] = {}
        for each in reversed(loaded):
            lanes.setdefault(each.job.lane, []).append(each)
        results: asyncio.Queue[tuple[Job, Outcome | BaseException]] = asyncio.Queue()
        workers = [
            asyncio.create_task(self._work(queue, domain, results))
            for lane, queue in lanes.items()
            for domain in [self._domain(lane)]
            for _ in range(min(self._per_domain, self._at_once, len(queue)))
        ]
        try:
            left = len(loaded)
            while left:
                found = [await results.get()]
                await asyncio.sleep(GATHER_SECONDS)
                while not results.empty():
                    found.append(results.get_nowait())
                left -= len(found)
                yield [(job, outcome) for job, outcome in found if not isinstance(outcome, BaseException)]
                for _, outcome in found:
                    if isinstance(outcome, BaseException):
                        raise outcome
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(
        self,
        queue: list[Loaded],
        domain: asyncio.Semaphore,
        results: asyncio.Queue[tuple[Job, Outcome | BaseException]],
    ) -> None:
        while queue:
            async with domain:
                if queue:
                    each = queue.pop()
                    (outcome,) = await asyncio.gather(self._attempt(each), return_exceptions=True)
                    if isinstance(outcome, Exception):
                        # Nobody knows how far it got; the others of the round are none of its business.
                        _log.error("one mail failed in an unforeseen way", exc_info=outcome)
                        outcome = Unknown(type(outcome).__name__)
                    results.put_nowait((each.job, outcome))

    async def settled(self, jobs: Sequence[Job]) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        await self._relay.close()

    def _domain(self, lane: str) -> asyncio.Semaphore:
        found = self._domains.get(lane)
        if found is None:
            found = self._domains[lane] = asyncio.Semaphore(self._per_domain)
        return found

    async def _attempt(self, each: Loaded) -> Outcome:
        try:
            data = await self._data(each)
        except Exception as strange:  # noqa: BLE001 - it comes from a stranger's invoice; others go on
            return Failed("mail-compose", f"{type(strange).__name__}: {strange}")
        try:
            async with self._relay.line() as line:
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
        size = [f"SIZE={len(data)}"] if line.smtp.supports_extension("size") else []
        await line.smtp.mail(self._mail_from, options=size)
        try:
            await line.smtp.rcpt(job.parcel.settings["email"])
        except aiosmtplib.SMTPResponseException as refused:
            line.good = refused.code != _CLOSING
            return replies.meaning("recipient", refused.code, refused.message)
        if not job.lease.held:
            # The server thought about the recipient for longer than the lease surely holds.
            line.good = True
            return NotBegun("the lease ran out")
        try:
            code, said = await line.smtp.data(data)
        except aiosmtplib.SMTPDataError as answer:
            code, said = answer.code, answer.message
        except (aiosmtplib.SMTPException, OSError) as lost:
            return Unknown(f"{type(lost).__name__}: {lost}")
        line.good = code not in (_CLOSING, _GARBLED)
        if 200 <= code <= 299:
            line.clean = True
            return HandedOver(f"{code} {said}", repeated=job.unresolved)
        return replies.meaning("data", code, said) if code >= 400 else Unknown(f"{code} {said}")

    async def _data(self, each: Loaded) -> bytes:
        def work() -> bytes:
            return mail.compose(each, self._mail_from)

        return await asyncio.to_thread(work) if each.job.parcel.size > OFF_LOOP else work()
