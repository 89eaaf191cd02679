"""Loading many parties: what each row would do, and doing it.

::

    bytes ─ tables ─▶ rows ─ wishes ─▶ judged alone and beside each other
                                          │  a thousand at a time, under the directory's lock
                                          ▼
             the directory ─▶ added │ changed │ unchanged │ refused ─▶ written, with history; what waited goes on

A load adds and changes; it takes nothing away: what a row does not say stays as it is. Each row counts for itself, so the
good ones of a file are in and the others are told with their lines; the same file again finds the good ones unchanged
(see the ADR). A dry run does all but the writing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.contracts.parts import Identifier
from libs.db.types import Connection, Pool
from services.route import directory, parties, tables, wishes
from services.route import load_words as words
from services.route.corroboration import post_code, root
from services.route.decision import ONE_PER_COMPANY, Key, key_of, keys
from services.route.history import Difference, differences
from services.route.load_words import Trouble
from services.route.parties import Change, Editor, Entry
from services.route.releases import release_some
from services.route.tables import Format
from services.route.wishes import Duplicate, Judged, Refused, Wish

Outcome = Literal["added", "changed", "unchanged", "duplicate", "refused"]
_OUTCOMES: tuple[Outcome, ...] = ("added", "changed", "unchanged", "duplicate", "refused")

CHUNK = 1000
"""Rows a transaction: while it lasts nobody parks, so it must be short."""


@dataclass(frozen=True, slots=True)
class Line:
    """What became, or would become, of one row."""

    line: int
    outcome: Outcome
    name: str | None = None
    party_id: UUID | None = None
    """Not of one that would be added."""
    changes: Mapping[str, Difference] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    """Why it is refused, or what to look at."""

    def as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"line": self.line, "outcome": self.outcome}
        if self.name is not None:
            said["name"] = self.name
        if self.party_id is not None:
            said["party_id"] = str(self.party_id)
        if self.changes:
            said["changes"] = {name: each.model_dump() for name, each in self.changes.items()}
        if self.troubles:
            said["troubles"] = [trouble.as_json() for trouble in self.troubles]
        return said


@dataclass(frozen=True, slots=True)
class Report:
    """What a load did, or would do."""

    dry_run: bool
    form: Format
    encoding: str
    separator: str | None
    ignored_columns: tuple[str, ...]
    lines: Sequence[Line]

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(line.outcome for line in self.lines)
        return {name: found[name] for name in _OUTCOMES}

    def summary(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "format": self.form,
            "encoding": self.encoding,
            "separator": self.separator,
            "ignored_columns": list(self.ignored_columns),
            "rows": len(self.lines),
            **self.counts,
        }


async def load(
    pool: Pool, data: bytes, form: Format, editor: Editor, owner: UUID, *, dry_run: bool, release_most: int
) -> Report:
    """Load a file as an operator; ``pool`` has the worker role. ``owner``: the account the new ones are entered by.

    Raises ``Unprocessable`` for a file that cannot be read as a whole; then nothing was loaded.
    """
    table, judged = await asyncio.to_thread(_read, data, form)
    lines: list[Line] = []
    for start in range(0, len(judged), CHUNK):
        chunk = judged[start : start + CHUNK]
        async with pool.acquire() as conn, conn.transaction():
            if not dry_run:
                await directory.change_alone(conn)
            known = await _known(conn, [one for one in chunk if isinstance(one, Wish)])
            outcomes = [_outcome(one, known, owner) for one in chunk]
            if not dry_run:
                await parties.write(conn, [change for _, change in outcomes if change is not None], editor)
                await release_some(conn, release_most)
        lines += [line for line, _ in outcomes]
    return Report(dry_run, form, table.encoding, table.separator, table.ignored, lines)


def _read(data: bytes, form: Format) -> tuple[tables.Table, list[Judged]]:
    table = tables.read(data, form)
    return table, wishes.judge(table.rows)


@dataclass(frozen=True, slots=True)
class _Known:
    """Whom the numbers of some rows belong to, and which heads there are."""

    holders: Mapping[Key, Entry]
    heads: Mapping[UUID | Key, UUID]


async def _known(conn: Connection, asked: Sequence[Wish]) -> _Known:
    wanted = {key for wish in asked for i in wish.identifiers for key in keys(key_of(i))}
    heads = {wish.head for wish in asked if wish.head is not None}
    numbers = {head for head in heads if isinstance(head, tuple)}
    holders = await parties.holders(conn, wanted | numbers)
    ids = await parties.confirmed(conn, [head for head in heads if isinstance(head, UUID)])
    found: dict[UUID | Key, UUID] = {
        number: holders[number].party_id for number in numbers if number in holders
    }
    return _Known(holders, found | {each: each for each in ids})


def _outcome(one: Judged, known: _Known, owner: UUID) -> tuple[Line, Change | None]:
    if isinstance(one, Refused):
        return Line(one.line, "refused", one.name, troubles=one.troubles), None
    if isinstance(one, Duplicate):
        return Line(one.line, "duplicate", troubles=(one.trouble,)), None
    head = known.heads.get(one.head) if one.head is not None else None
    if one.head is not None and head is None:
        said = one.head[1] if isinstance(one.head, tuple) else str(one.head)
        return _refused(one, words.no_head(said)), None
    holders: dict[UUID, tuple[Key, Entry]] = {}
    for identifier in one.identifiers:
        for key in keys(key_of(identifier)):
            if key in known.holders:
                holders.setdefault(known.holders[key].party_id, (key, known.holders[key]))
    if len(holders) > 1:
        return _refused(one, words.of_two([(key, entry.name) for key, entry in holders.values()])), None
    if not holders:
        return _added(one, head, owner)
    ((_, before),) = holders.values()
    return _changed(one, head, before)


def _refused(wish: Wish, trouble: Trouble) -> Line:
    return Line(wish.line, "refused", wish.name, troubles=(trouble, *wish.remarks))


def _added(wish: Wish, head: UUID | None, owner: UUID) -> tuple[Line, Change | None]:
    if wish.name is None:
        return _refused(wish, words.NO_NAME), None
    entry = Entry(
        party_id=clock.uuid7(),
        owner_account=owner,
        name=wish.name,
        identifiers=wish.identifiers,
        email=wish.email,
        language=wish.language or "nl",
        country=wish.country or "NL",
        status="confirmed",
        branch_of=head,
        names=wish.names or (),
        post_codes=wish.post_codes or (),
    )
    return Line(wish.line, "added", wish.name, troubles=wish.remarks), Change(entry)


def _changed(wish: Wish, head: UUID | None, before: Entry) -> tuple[Line, Change | None]:
    trouble = _other_number(wish.identifiers, before)
    if trouble is not None:
        return _refused(wish, trouble), None
    after = replace(
        before,
        name=wish.name or before.name,
        identifiers=tuple(dict.fromkeys((*before.identifiers, *wish.identifiers))),
        email=wish.email or before.email,
        language=wish.language or before.language,
        country=wish.country or before.country,
        branch_of=head or before.branch_of,
        names=tuple(dict.fromkeys((*before.names, *(wish.names or ())))),
        post_codes=(*before.post_codes, *_new_codes(wish, before)),
    )
    changes = differences(before.as_json(), after.as_json())
    outcome: Outcome = "changed" if changes else "unchanged"
    line = Line(wish.line, outcome, after.name, before.party_id, changes, wish.remarks)
    return line, Change(after, before) if changes else None


def _new_codes(wish: Wish, before: Entry) -> list[str]:
    known = {post_code(each) for each in before.post_codes}
    return [each for each in wish.post_codes or () if post_code(each) not in known]


def _other_number(said: Sequence[Identifier], before: Entry) -> Trouble | None:
    """A number of which a company has one, where this one has another."""
    known = {root(*key_of(each))[0]: root(*key_of(each)) for each in before.identifiers}
    for identifier in said:
        number = root(*key_of(identifier))
        have = known.get(number[0])
        if number[0] in ONE_PER_COMPANY and have is not None and have != number:
            return words.other_number(number, have, before.name)
    return None
