"""Trying a delivery once more by hand, and what that would do, said before it is done.

::

    queued ────────▶ queued, due now
    parked ────────▶ as released (``parked``)
    undeliverable ─▶ queued, planned anew by what the receiver has now
    handed over, confirmed, under an attempt ─▶ nothing: its receiver has it, or may get it this moment

It stays the same delivery. What was looked at carries a token; another state of things has another, and is not replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.parts import Words
from libs.db.types import Connection
from services.deliver import plan
from services.deliver.parcel import Refused, Waiting
from services.deliver.receivers import connections
from services.deliver.waits import parked

AGAIN = Words(
    nl="De factuur wordt op verzoek nog eens bezorgd.",
    en="The invoice is delivered once more, as somebody asked.",
)
_HAS_IT = Words(
    nl="De ontvanger heeft haar al, of krijgt haar op dit moment: er is niets te herhalen.",
    en="The receiver has it already, or is getting it this moment: there is nothing to replay.",
)
_NOW = Words(
    nl="De volgende poging begint meteen in plaats van later; verder verandert er niets.",
    en="The next attempt is made at once instead of later; nothing else changes.",
)
_PROBED = Words(
    nl="De ontvanger nam de laatste keren niets aan: tot de hub hem weer probeert wacht ook deze.",
    en="The receiver took nothing the last times: until the hub tries it again this one waits too.",
)
_BY = Words(
    nl="Zij wordt opnieuw gemaakt zoals de ontvanger haar nu wil en gaat via kanaal {channel}; de termijn begint opnieuw.",
    en="It is made anew, the way its receiver wants it now, and goes by channel {channel}; its time begins anew.",
)
_TOLD = Words(
    nl="De afzender is verteld dat zij niet is bezorgd. Stuurt hij haar ook zelf opnieuw, dan krijgt de ontvanger er twee.",
    en="Its sender was told that it was not delivered. If that company sends it again too, the receiver gets two.",
)
_MAY_HAVE = Words(
    nl="Van een eerdere poging is niet bekend hoe zij afliep: misschien krijgt de ontvanger haar twee keer.",
    en="Nobody knows how an earlier attempt ended: the receiver may get it twice.",
)
_SENT_AGAIN = Words(
    nl="De afzender heeft een factuur met dit nummer opnieuw gestuurd: nog eens bezorgen gaf de ontvanger er twee.",
    en="Its sender sent an invoice of this number again: to replay this one would give the receiver two.",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would do. ``may``: whether it can be done at all."""

    delivery_id: UUID
    state: str
    may: bool
    effects: tuple[Words, ...]
    token: str


# A later delivery of the same sender to the same receiver, of an invoice that calls itself the same.
_LOOK = """
SELECT d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.lane, d.attempts, d.state,
       d.unresolved, d.correlation, d.traceparent, p.body,
       EXISTS (SELECT FROM delivery o JOIN parcel op USING (delivery_id)
                WHERE o.account_id = d.account_id AND o.delivery_id > d.delivery_id AND o.receiver_id = d.receiver_id
                  AND o.state <> 'undeliverable'
                  AND (o.invoice_id = d.invoice_id
                       OR op.body #>> '{summary,number}' = p.body #>> '{summary,number}')) AS sent_again,
       EXISTS (SELECT FROM breaker b WHERE b.channel = d.channel AND b.receiver_id = d.receiver_id
                  AND b.open_until > now()) AS probed
  FROM delivery d LEFT JOIN parcel p USING (delivery_id)
 WHERE d.delivery_id = $1 FOR NO KEY UPDATE OF d
"""
_DUE = "UPDATE delivery SET due_at = now() WHERE delivery_id = $1 AND state = 'queued'"


async def look(conn: Connection, delivery_id: UUID) -> tuple[Preview, Waiting] | None:
    """What a replay would do, its row locked; None: there is no such delivery. ``conn`` has the worker role."""
    row = await conn.fetchrow(_LOOK, delivery_id)
    if row is None:
        return None
    waiting = parked.waiting_of(row)
    may, effects = await _effects(conn, row, waiting)
    said = repr((delivery_id.hex, row["state"], row["attempts"], may, [each.nl for each in effects]))
    preview = Preview(delivery_id, row["state"], may, tuple(effects), sha256(said.encode()).hexdigest()[:32])
    return preview, waiting


async def _effects(conn: Connection, row: Any, waiting: Waiting) -> tuple[bool, list[Words]]:
    state = row["state"]
    if state == "queued":
        return True, [_NOW, *([_PROBED] if row["probed"] else [])]
    if state not in ("parked", "undeliverable"):
        return False, [_HAS_IT]
    if state == "undeliverable" and row["sent_again"]:
        return False, [_SENT_AGAIN]
    if waiting.broken:
        return False, [parked.NO_PARCEL.reason]
    receiver = waiting.parcel.receiver
    known = await connections.current(conn, [receiver.party_id])
    way = plan.way_to(waiting.account_id, receiver, known.get(receiver.party_id))
    if isinstance(way, Refused):
        return False, [way.reason]
    channel = waiting.channel if waiting.unresolved else way.channel
    by = Words(nl=_BY.nl.format(channel=channel), en=_BY.en.format(channel=channel))
    told = [_TOLD] if state == "undeliverable" else []
    return True, [by, *told, *([_MAY_HAVE] if waiting.unresolved else [])]


async def replay(conn: Connection, preview: Preview, waiting: Waiting) -> Sequence[Event]:
    """Do what was looked at, in the same transaction; returns the events to emit."""
    if not preview.may:
        return ()
    if preview.state == "queued":
        await conn.execute(_DUE, preview.delivery_id)
        return ()
    return await parked.release(conn, [waiting], AGAIN)
