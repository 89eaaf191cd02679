"""What receivers say of invoices (the axis *business*): it is right, there is a question, it is not paid so. The last word
counts, and the sender is told each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceAnswered
from libs.db.types import Connection
from libs.telemetry.tracing import inherit
from services.deliver import SOURCE

Word: TypeAlias = Literal["accepted", "queried", "rejected"]
Why: TypeAlias = Literal[
    "NON", "REF", "LEG", "REC", "QUA", "DEL", "PRI", "QTY", "ITM", "PAY", "UNR", "FIN", "OTH"
]  # fmt: skip
"""Peppol's list OPStatusReason, of its Invoice Response (BIS 63A, transaction T111). Not among them is ``PPD``, partly
paid: it goes with the status ``PD`` alone (PEPPOL-T111-R005), and what is paid is told elsewhere."""
STATUS: Mapping[Word, str] = {"accepted": "AP", "queried": "UQ", "rejected": "RE"}
"""What each is in that response: UNCL4343, in the subset ``UNCL4343-T111`` of OpenPeppol."""
NO_TROUBLE: Why = "NON"
OTHER: Why = "OTH"


def coded(answer: Word, code: Why | None) -> Why | None:
    """The code an answer has: who asks or rejects names the kind of trouble (PEPPOL-T111-R001), by ``OTH`` where only words
    say it. Raises ``ValueError`` for one that says the contrary of the answer."""
    if answer == "accepted":
        if code not in (None, NO_TROUBLE):
            raise ValueError("an accepted invoice has no trouble: leave `code` out, or say `queried`")
        return code
    if code == NO_TROUBLE:
        raise ValueError(
            "`NON` says that there is no trouble: name the kind of it in `code`, or leave it out"
        )
    return code or OTHER


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said last."""

    answer: Word
    code: str | None
    said: str | None
    answered_at: datetime


# All deliveries of the invoice: its answers are counted together.
_LOCK = """
SELECT delivery_id, invoice_id, account_id, receiver_id, receiver_name, correlation, traceparent FROM delivery
 WHERE invoice_id = (SELECT invoice_id FROM delivery WHERE delivery_id = $1)
 ORDER BY delivery_id FOR NO KEY UPDATE
"""
_SAID = """
INSERT INTO response (invoice_id, sequence, delivery_id, account_id, answer, code, said, by_account, by_user)
SELECT $1::uuid, coalesce((SELECT max(sequence) FROM response WHERE invoice_id = $1), 0) + 1, $2::uuid, $3::uuid,
       $4::text, $5::text, $6::text, $7::uuid, $8::uuid
 WHERE NOT EXISTS (
       SELECT FROM (SELECT answer, code, said FROM response WHERE invoice_id = $1 AND delivery_id = $2
                     ORDER BY sequence DESC LIMIT 1) AS last
        WHERE (last.answer, last.code, last.said) IS NOT DISTINCT FROM ($4::text, $5::text, $6::text))
RETURNING sequence
"""


async def say(
    conn: Connection,
    delivery_id: UUID,
    answer: Word,
    code: str | None,
    said: str | None,
    by: tuple[UUID, UUID | None],
) -> list[Event]:
    """The receiver of a delivery that it got says this; returns the event to emit, or none when it has said so already.
    ``by``: account and user. Needs the worker role."""
    rows = await conn.fetch(_LOCK, delivery_id)
    row = next(each for each in rows if each["delivery_id"] == delivery_id)
    sequence = await conn.fetchval(
        _SAID, row["invoice_id"], delivery_id, row["account_id"], answer, code, said, *by
    )
    if sequence is None:
        return []
    data = InvoiceAnswered(
        invoice_id=row["invoice_id"],
        account_id=row["account_id"],
        sequence=sequence,
        delivery_id=delivery_id,
        receiver_id=row["receiver_id"],
        receiver_name=row["receiver_name"],
        answer=answer,
        code=code,
        said=said,
    )
    trace = row["traceparent"]
    return [
        new_event(
            data,
            source=SOURCE,
            account=row["account_id"],
            correlation_id=row["correlation"],
            traceparent=inherit(trace) or trace,
        )
    ]
