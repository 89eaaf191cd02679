"""Deliveries as people read them over HTTP."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts.parts import Agreed, Finding, Words
from libs.db.types import Connection, Pool
from libs.errors import NotFound
from services.deliver import store
from services.deliver.email import returned
from services.deliver.receivers import http_replies


class Reason(Words):
    code: str


class Delivery(BaseModel):
    """One delivery of one invoice to one receiver."""

    delivery_id: UUID
    invoice_id: UUID
    channel: Literal["folder", "sftp", "smtp", "https", "pull", "exact_online", "sandbox"]
    receiver: str
    state: Literal["queued", "attempting", "handed_over", "confirmed", "undeliverable", "parked"]
    attempts: int
    due_at: datetime | None = Field(
        description="queued: when the next attempt is made; parked: when it is given back"
    )
    handed_at: datetime | None
    file_name: str | None = Field(description="folder: the name both files have, without extension")
    reason: Reason | None = Field(description="undeliverable, parked: why, and what you can do")
    findings: list[Finding] | None = Field(
        default=None, description="parked: what is wrong with it in the format the receiver takes"
    )
    give_up_at: datetime | None = Field(
        default=None,
        description="queued, attempting: when it is undeliverable if no attempt helps until then",
    )
    created_at: datetime


class Deliveries(BaseModel):
    deliveries: list[Delivery]
    next: str | None = Field(default=None, description="cursor of the next page")


class Attempt(BaseModel):
    """One attempt. Without ``outcome`` it is under way, or nobody knows yet how it ended."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Literal["handed_over", "failed", "refused", "unknown", "not_begun", "bounced", "offered"] | None
    repeated: bool = Field(description="it repeated one of unknown end: the receiver may have it twice")
    late: bool = Field(description="its result came when another attempt had been made, and changed nothing")
    code: str | None
    detail: str | None = Field(
        description="handed_over: the receipt; else what went wrong. Nothing of what went on in a receiver's books, nor "
        "of what its own SFTP server or program said but the HTTP status"
    )


class Answered(BaseModel):
    """What came back to a mail: a report, a bounce, an answer by a program."""

    at: datetime
    attempt: int = Field(description="the mail it answers")
    kind: Literal["delivered", "hard", "soft", "delayed", "reply", "other"] = Field(
        description="it is in the mailbox; it failed for good, or for now; it is late; a program answered; none of these"
    )
    status: str = Field(description="RFC 3463, or empty")
    said: str


class DeliveryWithAttempts(Delivery):
    agreed: Agreed = Field(description="how the receiver wants it; without a package it is mailed")
    history: list[Attempt]
    answers: list[Answered] = Field(description="e-mail: what came back to it, where bounces reach the hub")


_OF_THEIR_SERVERS = ("https-", "folder-")
"""How codes of attempts at a receiver's own server begin: of a delivery that goes by mail now, they tell those before."""


def at_their_server(channel: str, history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Attempts as their sender reads them: of what a receiver's own server said in its own words there is nothing. Files of
    the hub's making, and what mail servers say, which is meant for senders, stay (ADR 55)."""
    theirs = [each["number"] for each in history if (each["code"] or "").startswith(_OF_THEIR_SERVERS)]
    last = math.inf if channel in ("https", "sftp") else max(theirs, default=0) if channel == "smtp" else 0
    return [
        {**each, "detail": _said_outward(channel, each)} if each["number"] <= last else each
        for each in history
    ]


def _said_outward(channel: str, attempt: dict[str, Any]) -> str | None:
    if attempt["outcome"] in ("not_begun", "offered") or (
        attempt["outcome"] == "handed_over" and channel == "sftp"
    ):
        return cast("str | None", attempt["detail"])
    return http_replies.outward(attempt["detail"] or "")


_BEGUN = "SELECT EXISTS (SELECT FROM exact_booking WHERE delivery_id = $1)"


@dataclass(frozen=True, slots=True)
class Showing:
    """What shows deliveries. ``worker``: a pool of that role; ``give_up``: the age at which a failing one ends."""

    worker: Pool
    give_up: timedelta

    async def one(self, conn: Connection, delivery_id: UUID, *, inside: bool = False) -> DeliveryWithAttempts:
        """As the role and account of ``conn``, whose reads are of one moment, may see it. Raises ``NotFound``. ``inside``:
        with what went on in the receiver's books, which is for operators."""
        rows = await store.deliveries(conn, delivery_id=delivery_id)
        if not rows:
            raise NotFound
        history = await store.attempts(conn, delivery_id)
        if not inside and await self._in_books(rows[0], history):
            history = [{**each, "code": None, "detail": None} for each in history]
        elif not inside:
            history = at_their_server(rows[0]["channel"], history)
        agreed = (await store.parcel(self.worker, delivery_id)).agreed
        came = await returned.answers(conn, delivery_id)
        shown = {**self.fields(rows[0]), "history": history, "agreed": agreed, "answers": came}
        return DeliveryWithAttempts.model_validate(shown)

    async def _in_books(self, row: dict[str, Any], history: list[dict[str, Any]]) -> bool:
        """Whether it was tried in its receiver's books, also if it goes elsewhere by now."""
        if row["channel"] == "exact_online" or any((a["code"] or "").startswith("exact-") for a in history):
            return True
        return bool(await self.worker.fetchval(_BEGUN, row["delivery_id"]))

    def fields(self, row: dict[str, Any]) -> dict[str, Any]:
        """Those of a ``Delivery`` from a row of ``store``."""
        waits = row["state"] in ("queued", "parked")
        open_ = row["state"] in ("queued", "attempting")
        # Who fetches itself is waited for until then, however often nothing was tried.
        give_up = row["due_at"] if row["channel"] == "pull" else row["since"] + self.give_up
        return {
            **row,
            "receiver": row["receiver_name"],
            "due_at": row["due_at"] if waits else None,
            "give_up_at": give_up if open_ else None,
        }
