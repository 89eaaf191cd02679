"""Weighs records: fetches what both sides and our memory say of them, and asks ``planning`` what is to be done.

The plan weighs all candidates; the apply weighs each record again right before it is written, and writes it only
when the verdict is still the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from libs.db.types import Pool
from services.sync import memory
from services.sync.globe.reader import Stamp
from services.sync.mappings import Kind
from services.sync.mappings.field import Payload, Row, as_text
from services.sync.planning import Known, Terms, Verdict, Voice, gone, judge, judge_shared, shared
from services.sync.sides import Sides

CHUNK = 500
"""Records weighed at once."""


async def weigh(
    pool: Pool, sides: Sides, kind: Kind, wanted: Mapping[str, Sequence[Stamp]], terms: Terms
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
        async with pool.acquire() as conn:
            known[code] = await memory.known(conn, sides.client_id, code, kind.name, ids)
    external_ids = _external_ids(sides, kind, wanted, rows, known)
    async with pool.acquire() as conn:
        mirror = await memory.mirrored(conn, sides.client_id, kind.name, sorted(set(external_ids.values())))
    if kind.shared or any(shared(kind, sides.scopes[code]) for code in wanted):
        return await asyncio.to_thread(
            _weigh_shared, sides, kind, wanted, rows, known, external_ids, mirror, terms
        )
    return await asyncio.to_thread(_weigh_own, sides, kind, wanted, rows, known, external_ids, mirror, terms)


def _external_ids(
    sides: Sides,
    kind: Kind,
    wanted: Mapping[str, Sequence[Stamp]],
    rows: Mapping[str, Mapping[str, Row]],
    known: Mapping[str, Mapping[str, Known]],
) -> dict[tuple[str, str], str]:
    """Of each administration and record: what it is called in Purchase to Pay, or would be."""
    found: dict[tuple[str, str], str] = {}
    for code, stamps in wanted.items():
        for each in stamps:
            before = known[code].get(each.record_id)
            row = rows[code].get(each.record_id)
            if before is not None:
                found[code, each.record_id] = before.external_id
            elif row is not None:
                found[code, each.record_id] = as_text(kind.key.take(row, sides.scopes[code]))
    return found


def _weigh_own(
    sides: Sides,
    kind: Kind,
    wanted: Mapping[str, Sequence[Stamp]],
    rows: Mapping[str, Mapping[str, Row]],
    known: Mapping[str, Mapping[str, Known]],
    external_ids: Mapping[tuple[str, str], str],
    mirror: Mapping[str, Payload],
    terms: Terms,
) -> list[Verdict]:
    made: list[Verdict] = []
    for code, stamps in wanted.items():
        for each in stamps:
            before = mirror.get(external_ids.get((code, each.record_id), ""))
            was = known[code].get(each.record_id)
            row = rows[code].get(each.record_id)
            if row is not None:
                made.append(
                    judge(
                        kind,
                        sides.scopes[code],
                        row,
                        was,
                        before,
                        terms,
                        record_id=each.record_id,
                        stamp=each.stamp,
                    )
                )
            elif was is not None and was.went_over:
                made.append(gone(kind, code, each.record_id, was, before, terms))
    return made


def _weigh_shared(
    sides: Sides,
    kind: Kind,
    wanted: Mapping[str, Sequence[Stamp]],
    rows: Mapping[str, Mapping[str, Row]],
    known: Mapping[str, Mapping[str, Known]],
    external_ids: Mapping[tuple[str, str], str],
    mirror: Mapping[str, Payload],
    terms: Terms,
) -> list[Verdict]:
    voices: dict[str, list[Voice]] = {}
    lost: list[tuple[str, Stamp, Known]] = []
    for code, stamps in wanted.items():
        for each in stamps:
            was, row = known[code].get(each.record_id), rows[code].get(each.record_id)
            if terms.only and code not in terms.only and not (was and was.went_over):
                continue
            if row is not None:
                voice = Voice(sides.scopes[code], row, was, each.record_id, each.stamp)
                voices.setdefault(external_ids[code, each.record_id], []).append(voice)
            elif was is not None and was.went_over:
                lost.append((code, each, was))
    made: list[Verdict] = []
    for external_id, those in voices.items():
        made += judge_shared(kind, those, mirror.get(external_id), terms)
    for code, each, was in lost:
        # While another administration has it, nothing happened to it.
        if was.external_id not in voices:
            made.append(gone(kind, code, each.record_id, was, mirror.get(was.external_id), terms))
    return [each for each in made if not terms.only or each.administration in terms.only]
