"""Mails that are with a mail server while nobody has written it down: each of them may come again.

Counted is an attempt that began its text while its lease was held by its own reckoning, and whose result was not
written before the database could give it to somebody else; or was written as unknown. Whoever begins a text without
its lease may not, so what comes of that is never counted. How fast the machine is plays no part: a process that gets
no turn between looking at its lease and the final dot stands still like one that is stopped.

Each attempt is told apart, so that one delivery's repeat is never excused by another's attempt.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from libs import clock
from tests.crash.wrapping import wrap

Key = tuple[str, int]
"""The id of a delivery or notice, and the number of the attempt."""
State = Literal["open", "overdue", "closed"]
"""Of an attempt whose text is out: its result is not written; somebody else may have sent it again before it was, or nobody
knew its end; it may not come again."""


def id_of(message_id: str) -> str:
    """Which delivery or notice a mail is about."""
    return message_id.lstrip("<").partition("@")[0].rpartition(".")[2]


def may_come_again(cut_off: Mapping[Key, bool]) -> Counter[str]:
    """How often each delivery or notice may. ``cut_off``: of every attempt whose text went out, whether that excuses
    another. The last of a delivery excuses none: nobody came after it."""
    last: dict[str, int] = {}
    for which, number in cut_off:
        last[which] = max(number, last.get(which, 0))
    return Counter(which for (which, number), excuses in cut_off.items() if excuses and number < last[which])


def uncut(mails: Mapping[str, int], cut: Mapping[str, int]) -> list[str]:
    """What is wrong with how often each came, by Message-ID."""
    return [
        f"{key} came {times} times, may come {1 + may}"
        for key, times in mails.items()
        if times > 1 + (may := cut.get(id_of(key), 0))
    ]


class Mailed:
    """Attempts to send a mail, in this process. ``tell`` hears what state one is in, before anybody acts on it."""

    def __init__(self, tell: Callable[[Key, State], None]) -> None:
        self._open: set[Key] = set()
        self._given_away: dict[Key, float] = {}
        self._begun: dict[Key, bool] = {}
        self._tell = tell

    def leased(self, keys: Iterable[Key], until: float) -> None:
        """The database gives these to nobody else before ``until``, on ``clock.boottime``."""
        self._given_away.update(dict.fromkeys(keys, until))

    def begins(self, key: Key, *, held: bool) -> None:
        """Its text is about to be sent; ``held``: while its lease was."""
        self._begun[key] = held

    def out(self, key: Key) -> None:
        """From now on the receiver may have it."""
        held = self._begun.get(key, False)
        if held:
            self._open.add(key)
        self._tell(key, "open" if held else "closed")

    def known(self, key: Key, *, surely: bool) -> None:
        """Its result is written; not ``surely``: as unknown, or perhaps it is not."""
        until = self._given_away.pop(key, 0.0)
        self._begun.pop(key, None)
        if key in self._open:
            self._open.discard(key)
            self._tell(key, "closed" if surely and clock.boottime() < until else "overdue")


@dataclass(frozen=True, slots=True)
class _Sending:
    """What this task is mailing."""

    key: Key
    window: str
    until: float | Callable[[], float]


_sending: ContextVar[_Sending | None] = ContextVar("sending", default=None)


def arm(hit: Callable[..., None], mails: Mailed) -> None:
    """Count, and put the windows around the final dot and around each step of a notice."""
    _arm_text(hit, mails)
    _arm_deliveries(hit, mails)
    _arm_notices(hit, mails)


def _arm_text(hit: Callable[..., None], mails: Mailed) -> None:
    def texts(original: Any) -> Any:
        async def data(self: Any, message: Any, **more: Any) -> Any:
            if what := _sending.get():
                until = what.until if isinstance(what.until, float) else what.until()
                mails.begins(what.key, held=clock.boottime() < until)
            return await original(self, message, **more)

        return data

    wrap("aiosmtplib.smtp:SMTP.data", texts)
    wrap("services.deliver.channels.wire:Wire.text", texts)

    def writing(original: Any) -> Any:
        def wrapped(self: Any, data: bytes) -> Any:
            what = _sending.get()
            if what is None or not data.endswith(b"\r\n.\r\n"):
                return original(self, data)
            mails.out(what.key)
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
                mails.leased(map(_key, jobs), until)
            return jobs

        return claim

    def renewing(original: Any) -> Any:
        async def renew(pool: Any, jobs: Any, seconds: float) -> Any:
            until = clock.boottime() + seconds
            kept = await original(pool, jobs, seconds)
            mine = [job for job in jobs if job.delivery_id in kept and job.channel == "smtp"]
            mails.leased(map(_key, mine), until)
            return kept

        return renew

    wrap("services.deliver.attempts.claiming:claim", claiming)
    wrap("services.deliver.store:renew", renewing)

    def send(original: Any) -> Any:
        async def wrapped(self: Any, line: Any, job: Any, data: bytes) -> Any:
            hit("dispatch.act.before", "smtp")
            token = _sending.set(_Sending(_key(job), "mail.dot.after", lambda: job.lease.until))
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
                mails.known(_key(job), surely=not isinstance(outcome, Unknown))
            return result

        return finish

    wrap("services.deliver.attempts.dispatcher:Dispatcher.finish", finishing)


def _key(job: Any) -> Key:
    return str(job.delivery_id), job.number


def _arm_notices(hit: Callable[..., None], mails: Mailed) -> None:
    def claiming(original: Any) -> Any:
        async def claim(pool: Any, most: int, lease: timedelta) -> Any:
            hit("notice.claim.before")
            until = clock.boottime() + lease.total_seconds()
            claimed = await original(pool, most, lease)
            mails.leased([(str(each.notice_id), each.attempt) for each in claimed], until)
            if claimed:
                hit("notice.claim.after")
            return claimed

        return claim

    wrap("services.track.mailings:claim", claiming)

    def send(original: Any) -> Any:
        async def wrapped(self: Any, claimed: Any) -> Any:
            if not hasattr(claimed, "notice_id"):
                return await original(self, claimed)
            key = (str(claimed.notice_id), claimed.attempt)
            token = _sending.set(_Sending(key, "notice.dot.after", claimed.until))
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
                key = (str(claimed.notice_id), claimed.attempt)
                mails.known(key, surely=written and result is not None)

        return settle

    wrap("services.track.mailings:settle", settling)
