"""Mails that are with a mail server while nobody has written it down: each of them may come again.

Counted is an attempt that began its text while its lease was held by its own reckoning, and whose result was not
written before the database could give it to somebody else; or was written as unknown. Whoever begins a text without
its lease may not, so what comes of that is never counted. How fast the machine is plays no part: a process that gets
no turn between looking at its lease and the final dot stands still like one that is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libs import clock
from tests.crash.wrapping import wrap

Key = tuple[object, int]
"""A delivery or notice, and the number of the attempt."""


class Mailed:
    """Attempts of one kind to send a mail, in this process."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.open: set[Key] = set()
        """The receiver may have it, and its result is not written."""
        self.overdue = 0
        """Those that were so when somebody else may have sent them again, or whose end nobody knew."""
        self._given_away: dict[Key, float] = {}
        self._begun: set[Key] = set()
        self._changed = changed

    def leased(self, keys: Iterable[Key], until: float) -> None:
        """The database gives these to nobody else before ``until``, on ``clock.boottime``."""
        self._given_away.update(dict.fromkeys(keys, until))

    def begins(self, key: Key, *, held: bool) -> None:
        """Its text is about to be sent; ``held``: while its lease was."""
        if held:
            self._begun.add(key)

    def out(self, key: Key) -> None:
        """From now on the receiver may have it."""
        if key in self._begun:
            self.open.add(key)
            self._changed()

    def known(self, key: Key, *, surely: bool) -> None:
        """Its result is written; not ``surely``: as unknown, or perhaps it is not."""
        until = self._given_away.pop(key, 0.0)
        self._begun.discard(key)
        if key in self.open:
            self.open.discard(key)
            self.overdue += not surely or clock.boottime() >= until
            self._changed()


@dataclass(frozen=True, slots=True)
class _Sending:
    """What this task is mailing."""

    kind: Mailed
    key: Key
    window: str
    until: float | Callable[[], float]


_sending: ContextVar[_Sending | None] = ContextVar("sending", default=None)


def arm(hit: Callable[..., None], mails: Mailed, notices: Mailed) -> None:
    """Count, and put the windows around the final dot and around each step of a notice."""
    _arm_text(hit)
    _arm_deliveries(hit, mails)
    _arm_notices(hit, notices)


def _arm_text(hit: Callable[..., None]) -> None:
    def texts(original: Any) -> Any:
        async def data(self: Any, message: Any, **more: Any) -> Any:
            if what := _sending.get():
                until = what.until if isinstance(what.until, float) else what.until()
                what.kind.begins(what.key, held=clock.boottime() < until)
            return await original(self, message, **more)

        return data

    wrap("aiosmtplib.smtp:SMTP.data", texts)
    wrap("services.deliver.channels.wire:Wire.text", texts)

    def writing(original: Any) -> Any:
        def wrapped(self: Any, data: bytes) -> Any:
            what = _sending.get()
            if what is None or not data.endswith(b"\r\n.\r\n"):
                return original(self, data)
            what.kind.out(what.key)
            result = original(self, data)
            # The message is in the socket's buffer: a moment later the kernel has it.
            asyncio.get_running_loop().call_later(0.002, hit, what.window, "smtp")
            return result

        return wrapped

    wrap("aiosmtplib.protocol:SMTPProtocol.write", writing)
    wrap("services.deliver.channels.wire:Wire._write", writing)


def _arm_deliveries(hit: Callable[..., None], mails: Mailed) -> None:
    def claiming(original: Any) -> Any:
        async def claim(
            pool: Any, channel: str, most: int, size: int, seconds: float, *args: Any, **named: Any
        ) -> Any:
            until = clock.boottime() + seconds
            jobs = await original(pool, channel, most, size, seconds, *args, **named)
            if channel == "smtp":
                mails.leased([(job.delivery_id, job.number) for job in jobs], until)
            return jobs

        return claim

    def renewing(original: Any) -> Any:
        async def renew(pool: Any, jobs: Any, seconds: float) -> Any:
            until = clock.boottime() + seconds
            kept = await original(pool, jobs, seconds)
            mine = [job for job in jobs if job.delivery_id in kept and job.channel == "smtp"]
            mails.leased([(job.delivery_id, job.number) for job in mine], until)
            return kept

        return renew

    wrap("services.deliver.attempts.claiming:claim", claiming)
    wrap("services.deliver.store:renew", renewing)

    def send(original: Any) -> Any:
        async def wrapped(self: Any, line: Any, job: Any, data: bytes) -> Any:
            hit("dispatch.act.before", "smtp")
            key = (job.delivery_id, job.number)
            token = _sending.set(_Sending(mails, key, "mail.dot.after", lambda: job.lease.until))
            try:
                outcome = await original(self, line, job, data)
            finally:
                _sending.reset(token)
            hit("dispatch.act.after", "smtp")
            return outcome

        return wrapped

    wrap("services.deliver.channels.smtp:SmtpChannel._send", send)

    def finishing(original: Any) -> Any:
        async def finish(self: Any, done: Any) -> Any:
            from services.deliver.parcel import Unknown

            result = await original(self, done)
            for job, outcome in done:
                mails.known((job.delivery_id, job.number), surely=not isinstance(outcome, Unknown))
            return result

        return finish

    wrap("services.deliver.attempts.dispatcher:Dispatcher.finish", finishing)


def _arm_notices(hit: Callable[..., None], notices: Mailed) -> None:
    def claiming(original: Any) -> Any:
        async def claim(pool: Any, most: int, lease: timedelta) -> Any:
            hit("notice.claim.before")
            until = clock.boottime() + lease.total_seconds()
            claimed = await original(pool, most, lease)
            notices.leased([(each.notice_id, each.attempt) for each in claimed], until)
            if claimed:
                hit("notice.claim.after")
            return claimed

        return claim

    wrap("services.track.mailings:claim", claiming)

    def send(original: Any) -> Any:
        async def wrapped(self: Any, claimed: Any) -> Any:
            if not hasattr(claimed, "notice_id"):
                return await original(self, claimed)
            key = (claimed.notice_id, claimed.attempt)
            token = _sending.set(_Sending(notices, key, "notice.dot.after", claimed.until))
            try:
                return await original(self, claimed)
            finally:
                _sending.reset(token)

        return wrapped

    wrap("services.track.dispatch:Dispatcher._send", send)

    def before_the_text(original: Any) -> Any:
        async def data(self: Any, message: Any, **more: Any) -> Any:
            hit("notice.act.before")
            return await original(self, message, **more)

        return data

    wrap("services.track.dispatch:Line.data", before_the_text)

    def settling(original: Any) -> Any:
        async def settle(pool: Any, claimed: Any, result: Any, *args: Any, **named: Any) -> None:
            written = False
            try:
                await original(pool, claimed, result, *args, **named)
                written = True
            finally:
                notices.known((claimed.notice_id, claimed.attempt), surely=written and result is not None)

        return settle

    wrap("services.track.mailings:settle", settling)
