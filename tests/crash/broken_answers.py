"""Broken guarantees of what people are told, at the door and afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from tests.crash.wrapping import Say, wrap


def _status_by_arrival(bit: Say) -> None:
    def order(fact: Any) -> tuple[int, str]:
        bit()
        # The one that is asked for later wins: `apply` asks for the standing fact first.
        order.asked += 1  # type: ignore[attr-defined]
        return order.asked, ""  # type: ignore[attr-defined]

    order.asked = 0  # type: ignore[attr-defined]
    wrap("services.track.status:_order", lambda _: order)


def _reply_before_commit(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def submit(self: Any, submission: Any) -> Any:
            from services.ingest.uploads.receipts import Kept

            bit()
            _kept_alive.append(asyncio.ensure_future(original(self, submission)))
            return tuple(Kept(i.invoice_id, submission.submission_id, i.filename) for i in submission.items)

        return submit

    wrap("services.ingest.uploads.groups:GroupCommit.submit", make)


_kept_alive: list[Any] = []


def _repeat_not_told(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def send(self: Any, line: Any, job: Any, data: bytes) -> Any:
            if job.unresolved:
                bit()
            return await original(self, line, replace(job, unresolved=False), data)

        return send

    wrap("services.deliver.channels.smtp:SmtpChannel._send", make)


def _twice_is_two(bit: Say) -> None:
    """The door does not see that it has these bytes already."""

    def make(original: Any) -> Any:
        async def insert(conn: Any, pairs: Any) -> Any:
            bit()
            return await original(conn, [(s, replace(i, sha256=os.urandom(32))) for s, i in pairs])

        return insert

    wrap("services.ingest.store:_insert_invoices", make)


def _number_not_known(bit: Say) -> None:
    """Whoever routes sees each invoice as the first of its number."""

    def make(original: Any) -> Any:
        def numbered(*said: Any) -> Any:
            bit()
            number = original(*said)
            return number and number._replace(key=uuid4(), others=())

        return numbered

    wrap("services.route.facts:numbered", make)
    wrap("services.route.deciding.numbering:numbered", make)


def _notice_sent_before_mailed(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def send(self: Any, claimed: Any) -> Any:
            bit()
            await self._box.settle(claimed, "sent", "surely", state="sent")
            return await original(self, claimed)

        return send

    wrap("services.track.dispatch:Dispatcher._send", make)


def _notice_lease_ignored(bit: Say) -> None:
    import aiosmtplib

    async def data(self: Any, message: Any, **more: Any) -> Any:
        bit()
        return await aiosmtplib.SMTP.data(self, message, **more)

    wrap("services.track.dispatch:Line.data", lambda _: data)


def _notice_id_anew(bit: Say) -> None:
    """Every writing of a notice has a Message-ID of its own."""

    def make(original: Any) -> Any:
        def write(*args: Any) -> Any:
            bit()
            mail = original(*args)
            kind = str(mail["Message-ID"]).partition(".")[0]
            mail.replace_header("Message-ID", f"{kind}.{uuid4()}@postbode.localhost>")
            return mail

        return write

    wrap("services.track.letter:write", make)
    wrap("services.track.listing:write", make)


BREAKS: Mapping[str, Callable[[Say], None]] = {
    "reply-before-commit": _reply_before_commit,
    "twice-is-two": _twice_is_two,
    "number-not-known": _number_not_known,
    "status-by-arrival": _status_by_arrival,
    "repeat-not-told": _repeat_not_told,
    "notice-sent-before-mailed": _notice_sent_before_mailed,
    "notice-lease-ignored": _notice_lease_ignored,
    "notice-id-anew": _notice_id_anew,
}
