"""Writes one record into Purchase to Pay; where an answer is lost, looks what became of it before it is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from services.sync import memory, payloads
from services.sync.mappings import Kind
from services.sync.mappings.field import Payload
from services.sync.p2p.client import P2PAway, P2PUnknown
from services.sync.sides import Sides, refresh

TRIES = 3
"""Attempts at one record."""

Written = Literal["", "found", "p2p-away"]
"""Written; written though its answer was lost; not written, whoever was asked is away."""


async def write(
    sides: Sides,
    kind: Kind,
    external_id: str,
    payload: Payload,
    retry_seconds: float,
    right_before: Callable[[], None],
) -> Written:
    """``retry_seconds``: the first wait before it is tried again. ``right_before`` is called when nothing is left to wait
    for; what it raises goes on. Raises ``P2PRefused``, ``P2PRefusesUs``; and
    ``P2PAway`` when it cannot be seen what became of it: then it stays *started*, and whoever goes on looks first."""
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(retry_seconds * 2**attempt)
        lost = False
        try:
            await sides.p2p.update(kind.resource, payload, right_before)
        except P2PUnknown:
            lost = True
        except P2PAway:
            continue
        if not lost:
            return ""
        if await stands(sides, kind, external_id, payload):
            return "found"
    return "p2p-away"


async def stands(sides: Sides, kind: Kind, external_id: str, payload: Payload | None) -> bool:
    """Whether Purchase to Pay has a record just so. Asks it."""
    await refresh(sides, kind)
    return payloads.alike(kind, await mirrored(sides, kind, external_id), payload)


async def mirrored(sides: Sides, kind: Kind, external_id: str) -> Payload | None:
    """A record as Purchase to Pay had it when it was last asked."""
    async with sides.pool.acquire() as conn:
        there = await memory.mirrored(conn, sides.client_id, kind.name, [external_id])
    return there.get(external_id)
