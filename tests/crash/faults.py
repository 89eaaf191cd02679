"""Fault points: where a process of the crash suite can be made to die or to stand still.

A *window* is a place between two steps of the real code, such as ``consumer.commit.after``: committed, and
not yet acknowledged. Each is a call of ``hit`` that is put around a named function before the service starts.
A *strike* names a window and the how-manieth passing of it; then the process kills itself (``kill -9``) or
stops (``SIGSTOP``), after writing down where.

===============  ======================================================================================
``consumer``     receive (before: it arrived; after: about to be handled), commit, ack
``relay``        publish (after: sent, not yet confirmed), confirm (after), commit (rows moved)
``door``         receive (after: about to be stored), commit, reply
``dispatch``     claim (the attempt is committed as started), act
``folder``       staged, marked, pdf-shown, shown: between the steps of placing a pair
``mail``         dot: the whole message is with the mail server, which has not answered yet
``push``         sent: the request is with its receiver, which may not have answered yet
``sftp``         put (a file in the hidden area), marked, pdf-shown, shown: between the steps at a receiver's server
``pull``         listed, read (not answered yet), commit, reply (of an acknowledgement)
``result``       commit (of an attempt)
``arrivals``     commit (of what receivers took)
``notice``       claim, act (right before the text), dot, commit (of a mail to a sender)
``exact``        call (each to Exact Online), told (what is paid): see ``booked``
``sync-…``       of records between Globe+ and Purchase to Pay: see ``synced``
===============  ======================================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tests.crash import afar, booked, fetched, mailed, pushed, synced
from tests.crash.mailed import Key, Mailed, State
from tests.crash.wrapping import wrap

WINDOWS: tuple[str, ...] = (
    *(f"consumer.{step}.{side}" for step in ("receive", "commit", "ack") for side in ("before", "after")),
    "relay.publish.before", "relay.publish.after", "relay.confirm.after", "relay.commit.before",
    "relay.commit.after",
    "door.receive.after", "door.commit.before", "door.commit.after", "door.reply.before", "door.reply.after",
    "dispatch.claim.before", "dispatch.claim.after", "dispatch.act.before", "dispatch.act.after",
    "folder.staged.after", "folder.marked.after", "folder.pdf-shown.after", "folder.shown.after",
    "mail.dot.after",
    "push.sent.after",
    "sftp.put.after", "sftp.marked.after", "sftp.pdf-shown.after", "sftp.shown.after",
    "pull.listed.after", "pull.read.after", "pull.commit.before", "pull.commit.after",
    "pull.reply.after",
    "result.commit.before", "result.commit.after",
    "arrivals.commit.before", "arrivals.commit.after",
    "notice.claim.before", "notice.claim.after", "notice.act.before", "notice.dot.after",
    "notice.commit.before", "notice.commit.after",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strike:
    """Do it at the ``at``-th passing of ``window`` by ``who`` (empty: by anybody)."""

    window: str
    at: int = 1
    who: str = ""
    do: Literal["kill", "stop"] = "kill"

    def __post_init__(self) -> None:
        if self.window not in (*WINDOWS, *synced.WINDOWS, *booked.WINDOWS):
            raise ValueError(f"there is no window {self.window}")


_part: ContextVar[tuple[str, str] | None] = ContextVar("part", default=None)
"""Whose transaction this is: the part of a window's name, and who."""


class Faults:
    """The strikes of this process."""

    def __init__(self, strikes: Sequence[Strike], report: Path, name: str, mails: Path) -> None:
        self._strikes = list(strikes)
        self._passed: Counter[tuple[str, str]] = Counter()
        self._report = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._name = name
        self.mails = Mailed(self._tell_mail)
        self._mails = os.open(mails, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    def hit(self, window: str, who: str = "") -> None:
        if window not in (*WINDOWS, *synced.WINDOWS, *booked.WINDOWS):
            raise ValueError(f"there is no window {window}")
        for each in {who, ""}:
            self._passed[window, each] += 1
        for strike in self._strikes:
            meant = strike.window == window and strike.who in ("", who)
            if meant and self._passed[window, strike.who] == strike.at:
                self.tell({"strike": asdict(strike), "who": who, "at": time.time()})
                os.kill(os.getpid(), signal.SIGKILL if strike.do == "kill" else signal.SIGSTOP)

    def tell(self, what: dict[str, Any]) -> None:
        """One line into the report; it is there even when the next thing is a kill."""
        os.write(
            self._report, json.dumps({"process": self._name, "pid": os.getpid(), **what}).encode() + b"\n"
        )

    def _tell_mail(self, key: Key, state: State) -> None:
        # Read by the parent after a kill of any kind: these mails may come again.
        os.write(self._mails, json.dumps([*key, state]).encode() + b"\n")


@contextlib.contextmanager
def _transaction_of(part: str, who: str) -> Iterator[None]:
    token = _part.set((part, who))
    try:
        yield
    finally:
        _part.reset(token)


def _from_here(part: str) -> None:
    """For the rest of this task, such as one request: what it commits is of this part."""
    _part.set((part, ""))


def arm(faults: Faults) -> None:
    """Put every fault point in place. Raises ``NoSuchName`` when the code has moved on."""
    _arm_commits(faults)
    _arm_consumer(faults)
    _arm_relay(faults)
    _arm_door(faults)
    _arm_dispatcher(faults)
    wrap("services.track.mailings:settle", _in_transaction_of("notice", lambda *_: ""))
    pushed.arm(faults.hit)
    afar.arm(faults.hit)
    fetched.arm(faults.hit, _from_here)
    booked.arm(faults.hit)
    mailed.arm(faults.hit, faults.mails)
    synced.arm(faults.hit, lambda part: _in_transaction_of(part, lambda *_: ""))


def _around(
    hit: Callable[..., None], before: str | None, after: str | None, who: Callable[..., str]
) -> Callable[[Any], Any]:
    """For a coroutine function: a window before it and one after it."""

    def make(original: Any) -> Any:
        async def wrapped(*args: Any, **named: Any) -> Any:
            if before is not None:
                hit(before, who(*args))
            result = await original(*args, **named)
            if after is not None:
                hit(after, who(*args))
            return result

        return wrapped

    return make


def _in_transaction_of(part: str, who: Callable[..., str]) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        async def wrapped(*args: Any, **named: Any) -> Any:
            with _transaction_of(part, who(*args)):
                return await original(*args, **named)

        return wrapped

    return make


def _arm_commits(faults: Faults) -> None:
    def make(original: Any) -> Any:
        async def leaving(self: Any, kind: Any, error: Any, trace: Any) -> Any:
            part = _part.get()
            if part is not None and kind is None:
                faults.hit(f"{part[0]}.commit.before", part[1])
            result = await original(self, kind, error, trace)
            if part is not None and kind is None:
                faults.hit(f"{part[0]}.commit.after", part[1])
            return result

        return leaving

    wrap("asyncpg.transaction:Transaction.__aexit__", make)


def _arm_consumer(faults: Faults) -> None:
    for module in ("amqp", "memory"):
        wrap(
            f"libs.messaging.{module}:_Subscription.ack",
            _around(
                faults.hit, "consumer.ack.before", "consumer.ack.after", lambda self, group: group[0].queue
            ),
        )
    wrap(
        "libs.messaging.amqp:_Subscription.arrived",
        _around(faults.hit, "consumer.receive.before", None, lambda self, message: str(self._name)),
    )
    wrap(
        "libs.messaging.memory:_Subscription._take",
        _around(
            faults.hit,
            None,
            "consumer.receive.before",
            lambda self: self._queue.spec.name if self._queue.spec else "",
        ),
    )
    wrap(
        "libs.messaging.consumer:Consumer._handle",
        _around(faults.hit, "consumer.receive.after", None, lambda self, *_: str(self._queue)),
    )
    wrap(
        "libs.messaging.batch:Batch._write_once",
        _in_transaction_of("consumer", lambda self, *_: str(self._queue)),
    )
    wrap(
        "libs.messaging.consumer:Consumer._take_apart",
        _in_transaction_of("consumer", lambda self, *_: str(self._queue)),
    )


def _arm_relay(faults: Faults) -> None:
    def schema(self: Any, *_: Any) -> str:
        return str(self._schema)

    wrap("libs.messaging.relay:Relay.pump", _in_transaction_of("relay", schema))
    wrap(
        "libs.messaging.relay:Relay._publish",
        _around(faults.hit, "relay.publish.before", "relay.confirm.after", schema),
    )

    def sending(original: Any) -> Any:
        async def wrapped(self: Any, channel: Any, message: Any) -> None:
            going = asyncio.ensure_future(original(self, channel, message))
            await asyncio.sleep(0.001)
            faults.hit("relay.publish.after", (_part.get() or ("", ""))[1])
            await going

        return wrapped

    wrap("libs.messaging.amqp:AmqpTransport._send", sending)
    wrap(
        "libs.messaging.memory:MemoryTransport._put",
        _around(faults.hit, None, "relay.publish.after", lambda *_: (_part.get() or ("", ""))[1]),
    )


def _arm_door(faults: Faults) -> None:
    def submitting(original: Any) -> Any:
        async def wrapped(self: Any, submission: Any) -> Any:
            faults.hit("door.receive.after", submission.channel)
            kept = await original(self, submission)
            faults.hit("door.reply.before", submission.channel)
            asyncio.get_running_loop().call_later(0.02, faults.hit, "door.reply.after", submission.channel)
            return kept

        return wrapped

    wrap("services.ingest.uploads.groups:GroupCommit.submit", submitting)
    wrap(
        "services.ingest.store:keep",
        _in_transaction_of("door", lambda pool, documents, submissions: submissions[0].channel),
    )


def _arm_dispatcher(faults: Faults) -> None:
    def claiming(original: Any) -> Any:
        async def wrapped(pool: Any, channel: Any, *args: Any, **named: Any) -> Any:
            faults.hit("dispatch.claim.before", channel)
            jobs = await original(pool, channel, *args, **named)
            if jobs:
                faults.hit("dispatch.claim.after", channel)
            return jobs

        return wrapped

    wrap("services.deliver.attempts.claiming:claim", claiming)

    def placing(original: Any) -> Any:
        def wrapped(ready: Any, markers: Any) -> Any:
            if ready:
                faults.hit("dispatch.act.before", "folder")
            done = original(ready, markers)
            if ready:
                faults.hit("dispatch.act.after", "folder")
            return done

        return wrapped

    wrap("services.deliver.channels.placing:place", placing)
    for name, window in (("_stage", "staged"), ("_mark", "marked"), ("_show", "shown")):
        wrap(f"services.deliver.channels.placing:{name}", _after(faults, f"folder.{window}.after"))

    def showing(original: Any) -> Any:
        def wrapped(self: Any, staged: str, name: str) -> None:
            original(self, staged, name)
            if name.endswith(".pdf"):
                faults.hit("folder.pdf-shown.after")

        return wrapped

    wrap("services.deliver.channels.disk:Folder.show", showing)
    wrap(
        "services.deliver.attempts.dispatcher:Dispatcher.finish",
        _in_transaction_of("result", lambda self, done: done[0][0].channel if done else ""),
    )
    wrap(
        "services.deliver.arriving.arrivals:Arrivals._look_into",
        _in_transaction_of("arrivals", lambda self, channel, *_: str(channel)),
    )


def _after(faults: Faults, window: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def wrapped(*args: Any) -> Any:
            result = original(*args)
            faults.hit(window)
            return result

        return wrapped

    return make
