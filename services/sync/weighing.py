"""Weighs records: fetches what both sides and our memory say of them, and asks ``planning`` what is to be done.

The plan weighs all candidates; the apply weighs each record again right before it is written, and writes it only
when the verdict is still the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from services.sync import memory
from services.sync.globe.reader import Stamp
from services.sync.mappings import Kind
from services.sync.mappings.field import Payload, Row, as_text
from services.sync.planning import (
    UNREADABLE,
    Known,
    Terms,
    Verdict,
    Voice,
    gone,
    judge,
    judge_shared,
    shared,
    taken,
    unreadable,
)
from services.sync.sides import Sides

CHUNK = 500
"""Records weighed at once."""

_log = structlog.get_logger(__name__)


async def weigh(
    sides: Sides, kind: Kind, wanted: Mapping[str, Sequence[Stamp]], terms: Terms
) -> list[Verdict]:
    """Verdicts about these records, by administration and in their order. A record that is in Globe+ no more has
    the verdict of a deletion when it went over before, and none otherwise. Shared kinds: give all administrations'
    records of a code together."""
    rows: dict[str, Mapping[str, Row]] = {}
    known: dict[str, dict[str, Known]] = {}
    for code, stamps in wanted.items():
        ids = [each.record_id for each in stamps]
        rows[code] = await asyncio.to_thread(
            sides.globes[code].rows, kind.name, ids, sides.scopes[code].today
        )
        async with sides.pool.acquire() as conn:
            known[code] = await memory.known(conn, sides.client_id, code, kind.name, ids)
    said = [
        _Said(code, each, row, was, _external_id(sides, kind, code, row, was))
        for code, stamps in wanted.items()
        for each in stamps
        for row, was in [(rows[code].get(each.record_id), known[code].get(each.record_id))]
    ]
    async with sides.pool.acquire() as conn:
        mirror = await memory.mirrored(
            conn, sides.client_id, kind.name, sorted({each.external_id for each in said})
        )
    if kind.shared or any(shared(kind, sides.scopes[code]) for code in wanted):
        elders = await _elders(sides, kind, said)
        return await asyncio.to_thread(_weigh_shared, sides, kind, said, mirror, terms, elders)
    claims = await _claims(sides, kind, said)
    return await asyncio.to_thread(_weigh_own, sides, kind, said, mirror, terms, claims)


@dataclass(frozen=True, slots=True)
class _Said:
    """All that is said of one record."""

    code: str
    stamp: Stamp
    row: Row | None
    known: Known | None
    external_id: str
    """What it is called in Purchase to Pay, or would be; empty: it is nowhere."""


def _external_id(sides: Sides, kind: Kind, code: str, row: Row | None, known: Known | None) -> str:
    if known is not None and known.went_over:
        return known.external_id
    return as_text(kind.key.take(row, sides.scopes[code])) if row is not None else ""


async def _claims(sides: Sides, kind: Kind, said: Sequence[_Said]) -> dict[str, tuple[str, str]]:
    """Of what is known by a code: the administration and record an external id belongs to, of those Globe+ has. Who went
    over under it keeps it when it is renumbered; a new one gets it when nobody has it."""
    by_code = [e for e in said if e.external_id and e.external_id != f"{e.code}-{e.stamp.record_id}"]
    if not by_code:
        return {}
    async with sides.pool.acquire() as conn:
        holders = await memory.holders(
            conn, sides.client_id, kind.name, sorted({each.external_id for each in by_code})
        )
    there = {(each.code, each.stamp.record_id) for each in said if each.row is not None}
    asked = {(each.code, each.stamp.record_id) for each in said}
    for code in dict.fromkeys(whose for _, whose, _ in holders if whose in sides.globes):
        ids = [record for _, whose, record in holders if whose == code and (whose, record) not in asked]
        if ids:
            rows = await asyncio.to_thread(sides.globes[code].rows, kind.name, ids, sides.scopes[code].today)
            there |= {(code, record) for record in rows}
    found: dict[str, tuple[str, str]] = {}
    for external_id, code, record in holders:
        if (code, record) in there:
            found.setdefault(external_id, (code, record))
    for each in by_code:
        if each.row is not None and _goes_over(sides, kind, each, each.row):
            found.setdefault(each.external_id, (each.code, each.stamp.record_id))
    return found


def _goes_over(sides: Sides, kind: Kind, said: _Said, row: Row) -> bool:
    try:
        return kind.skip(row, sides.scopes[said.code]) is None
    except UNREADABLE:
        return True


def _weigh_own(
    sides: Sides,
    kind: Kind,
    said: Sequence[_Said],
    mirror: Mapping[str, Payload],
    terms: Terms,
    claims: Mapping[str, tuple[str, str]],
) -> list[Verdict]:
    made: list[Verdict] = []
    for each in said:
        before = mirror.get(each.external_id)
        owner = claims.get(each.external_id)
        another = owner is not None and owner != (each.code, each.stamp.record_id)
        if each.row is not None:
            voice = Voice(
                sides.scopes[each.code], each.row, each.known, each.stamp.record_id, each.stamp.stamp
            )
            if another and _goes_over(sides, kind, each, each.row):
                made.append(taken(kind, voice, each.external_id, before))
                continue
            try:
                made.append(judge(kind, voice, before, terms))
            except UNREADABLE as odd:
                made += _unreadable(kind, [voice], each.external_id, odd)
        elif each.known is not None and each.known.went_over:
            verdict = gone(kind, each.code, each.stamp.record_id, each.known, before, terms)
            made.append(replace(verdict, action="none", after=None) if another else verdict)
    return made


async def _elders(sides: Sides, kind: Kind, said: Sequence[_Said]) -> dict[str, str]:
    """Of external ids: the administration that is left out just now, it went over from, and comes before those that
    speak of it. Its value holds meanwhile, or the others would write theirs over it and it would write it back."""
    order = {each.code: place for place, each in enumerate(sides.solution.members)}
    if all(code in sides.globes for code in order):
        return {}
    first: dict[str, int] = {}
    for each in said:
        place = order.get(each.code, len(order))
        first[each.external_id] = min(place, first.get(each.external_id, place))
    async with sides.pool.acquire() as conn:
        holders = await memory.holders(conn, sides.client_id, kind.name, sorted(first))
    found: dict[str, str] = {}
    for external_id, code, _ in holders:
        if code not in sides.globes and order.get(code, len(order)) < first[external_id]:
            found.setdefault(external_id, code)
    return found


def _weigh_shared(
    sides: Sides,
    kind: Kind,
    said: Sequence[_Said],
    mirror: Mapping[str, Payload],
    terms: Terms,
    elders: Mapping[str, str],
) -> list[Verdict]:
    voices: dict[str, list[Voice]] = {}
    lost: list[tuple[_Said, Known]] = []
    for each in said:
        went_over = each.known is not None and each.known.went_over
        if terms.only and each.code not in terms.only and not went_over:
            continue
        if each.row is not None:
            voices.setdefault(each.external_id, []).append(
                Voice(sides.scopes[each.code], each.row, each.known, each.stamp.record_id, each.stamp.stamp)
            )
        elif each.known is not None and went_over:
            lost.append((each, each.known))
    made: list[Verdict] = []
    for external_id, those in voices.items():
        try:
            made += judge_shared(kind, those, mirror.get(external_id), terms, elders.get(external_id))
        except UNREADABLE as odd:
            made += _unreadable(kind, those, external_id, odd)
    for each, known in lost:
        # While another administration has it, nothing happened to it.
        if known.external_id not in voices and known.external_id not in elders:
            before = mirror.get(known.external_id)
            made.append(gone(kind, each.code, each.stamp.record_id, known, before, terms))
    return [each for each in made if not terms.only or each.administration in terms.only]


def _unreadable(kind: Kind, voices: Sequence[Voice], external_id: str, odd: Exception) -> list[Verdict]:
    _log.warning("a record cannot be read", kind=kind.name, external_id=external_id, error=repr(odd))
    return [unreadable(kind, each, external_id) for each in voices]
