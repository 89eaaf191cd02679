"""Loading many parties: what each row would do, and doing it.

::

    bytes ─ tables ─▶ rows ─ wishes ─▶ judged alone and beside each other
                                          │  companies, then their places of business; a thousand at a time,
                                          ▼  under the directory's lock
             the directory ─▶ added │ changed │ unchanged │ refused ─▶ written, with history; what waited goes on

A load adds and changes; it takes nothing away: what a row does not say stays as it is, and a new name leaves the old one
beside it. Each row counts for itself, so the good ones of a file are in and the others are told with their lines; the same
file again finds the good ones unchanged (see the ADR). A dry run does all but the writing: what a row needs of another row
of the file is remembered, not read back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar
from uuid import UUID

from libs import clock
from libs.contracts.parts import Identifier
from libs.db.types import Connection, Pool
from services.route.companies import directory, parties
from services.route.companies.addresses import somewhere
from services.route.companies.history import Difference, differences
from services.route.companies.parties import Change, Editor, Entry
from services.route.deciding.corroboration import post_code, root
from services.route.deciding.decision import ONE_PER_COMPANY, Key, akin, key_of
from services.route.loads import load_words as words
from services.route.loads import tables, wishes
from services.route.loads.load_words import Trouble
from services.route.loads.tables import Format
from services.route.loads.wishes import MOST, Duplicate, Judged, Refused, Wish
from services.route.waits.releases import release_some

_T = TypeVar("_T")
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
    judged = await _apart(pool, judged)
    so_far = _SoFar()
    lines: list[Line] = []
    for chunk in _chunks(judged):
        async with pool.acquire() as conn, conn.transaction():
            if not dry_run:
                await directory.change_alone(conn)
            known = await _known(conn, [one for one in chunk if isinstance(one, Wish)])
            outcomes = [_outcome(one, known, so_far, owner) for one in chunk]
            changes = [change for _, change in outcomes if change is not None]
            if not dry_run:
                await parties.write(conn, changes, editor)
                await release_some(conn, release_most)
        so_far.heard(changes)
        lines += [line for line, _ in outcomes]
    lines.sort(key=lambda line: line.line)
    return Report(dry_run, form, table.encoding, table.separator, table.ignored, lines)


def _chunks(judged: Sequence[Judged]) -> Iterator[Sequence[Judged]]:
    """Wherever it stands in the file, a company comes before its places of business."""
    places = [one for one in judged if isinstance(one, Wish) and one.head is not None]
    companies = [one for one in judged if not isinstance(one, Wish) or one.head is None]
    for some in (companies, places):
        for start in range(0, len(some), CHUNK):
            yield some[start : start + CHUNK]


def _read(data: bytes, form: Format) -> tuple[tables.Table, list[Judged]]:
    table = tables.read(data, form)
    return table, wishes.judge(table.rows)


async def _apart(pool: Pool, judged: Sequence[Judged]) -> list[Judged]:
    """Rows that share no number and are of one party all the same, by what the directory knows: none of them counts,
    wherever in the file they stand."""
    rows: dict[UUID, dict[int, str]] = {}
    async with pool.acquire() as conn:
        for start in range(0, len(judged), CHUNK):
            wishes = [one for one in judged[start : start + CHUNK] if isinstance(one, Wish)]
            holders = await parties.holders(conn, {key for wish in wishes for key in _keys(wish)})
            for wish in wishes:
                own = {holders[key].party_id: holders[key].name for key in _keys(wish) if key in holders}
                if len(own) == 1:  # of two it is refused for that
                    ((party_id, name),) = own.items()
                    rows.setdefault(party_id, {})[wish.line] = name
    troubles: dict[int, Trouble] = {}
    for of_one in rows.values():
        if len(of_one) > 1:
            first, second = list(of_one)[:2]
            for line, name in of_one.items():
                troubles[line] = words.same_party(name, second if line == first else first)
    return [
        Refused(one.line, (troubles[one.line], *one.remarks), one.name)
        if isinstance(one, Wish) and one.line in troubles
        else one
        for one in judged
    ]


def _keys(wish: Wish) -> list[Key]:
    """All by which the directory may have it."""
    return [key for identifier in wish.identifiers for key in akin(key_of(identifier))]


@dataclass(frozen=True, slots=True)
class _Known:
    """Whom the numbers of some rows belong to, and what the directory has of companies and their places."""

    holders: Mapping[Key, Entry]
    named: Mapping[UUID, Entry]
    """Heads that are named by their id."""
    heads: Collection[UUID]
    """Those of the holders that have places of business."""


@dataclass(frozen=True, slots=True)
class _SoFar:
    """What this load has said of companies and their places."""

    numbers: dict[Key, UUID] = field(default_factory=dict)
    """Those it entered, and of whom."""
    heads: set[UUID] = field(default_factory=set)
    places: set[UUID] = field(default_factory=set)

    def heard(self, changes: Sequence[Change]) -> None:
        for entry in (change.after for change in changes):
            self.numbers.update((key_of(each), entry.party_id) for each in entry.identifiers)


async def _known(conn: Connection, asked: Sequence[Wish]) -> _Known:
    heads = [wish.head for wish in asked if wish.head is not None]
    wanted = {key for wish in asked for key in _keys(wish)}
    wanted.update(head for head in heads if isinstance(head, tuple))
    holders = await parties.holders(conn, wanted)
    if not heads:
        return _Known(holders, {}, ())
    named = await parties.confirmed(conn, [head for head in heads if isinstance(head, UUID)])
    return _Known(holders, named, await parties.heads(conn, {entry.party_id for entry in holders.values()}))


def _outcome(one: Judged, known: _Known, so_far: _SoFar, owner: UUID) -> tuple[Line, Change | None]:
    if isinstance(one, Refused):
        return Line(one.line, "refused", one.name, troubles=one.troubles), None
    if isinstance(one, Duplicate):
        return Line(one.line, "duplicate", troubles=(one.trouble,)), None
    holders: dict[UUID, tuple[Key, Entry]] = {}
    for key in _keys(one):
        if key in known.holders:
            holders.setdefault(known.holders[key].party_id, (key, known.holders[key]))
    if len(holders) > 1:
        return _refused(one, words.of_two([(key, entry.name) for key, entry in holders.values()])), None
    by, before = next(iter(holders.values()), (None, None))
    if by is not None and before is not None and by not in map(key_of, one.identifiers):
        one = replace(one, remarks=(*one.remarks, words.joined(by, before.name)))
    head = _head(one, before, known, so_far)
    if isinstance(head, Trouble):
        return _refused(one, head), None
    line, change = _added(one, head, owner) if before is None else _changed(one, head, before)
    if head is not None and line.outcome != "refused":
        so_far.heads.add(head)
        if change is not None:
            so_far.places.add(change.after.party_id)
    return line, change


def _head(wish: Wish, before: Entry | None, known: _Known, so_far: _SoFar) -> UUID | Trouble | None:
    """The company a row is a place of business of, which is a place of none itself."""
    if wish.head is None:
        return None
    if isinstance(wish.head, tuple):
        said, entry = wish.head[1], known.holders.get(wish.head)
        head = entry.party_id if entry is not None else so_far.numbers.get(wish.head)
    else:
        said, entry = str(wish.head), known.named.get(wish.head)
        head = entry.party_id if entry is not None else None
    if head is None:
        return words.no_head(said)
    own = before.party_id if before is not None else None
    nested = entry is not None and entry.branch_of is not None
    if nested or head == own or head in so_far.places or own in known.heads or own in so_far.heads:
        return words.place_of_a_place(said)
    return head


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
        addresses=somewhere(wish.addresses or (), wish.country or "NL"),
    )
    return Line(wish.line, "added", wish.name, troubles=wish.remarks), Change(entry)


def _changed(wish: Wish, head: UUID | None, before: Entry) -> tuple[Line, Change | None]:
    trouble = _other_number(wish.identifiers, before)
    if trouble is not None:
        return _refused(wish, trouble), None
    name = wish.name or before.name
    # Its suppliers may call it by the old name for years.
    called = [before.name, *(wish.names or ())] if name != before.name else wish.names or ()
    codes = {post_code(each) for each in before.post_codes}
    places = {each.place for each in before.addresses}
    addresses = somewhere(wish.addresses or (), wish.country or before.country)
    remarks = [*wish.remarks]
    after = replace(
        before,
        name=name,
        identifiers=_joined("identifiers", before.identifiers, wish.identifiers, remarks),
        email=wish.email or before.email,
        language=wish.language or before.language,
        country=wish.country or before.country,
        branch_of=head or before.branch_of,
        names=_joined("names", before.names, called, remarks),
        post_codes=_joined(
            "post_codes",
            before.post_codes,
            [each for each in wish.post_codes or () if post_code(each) not in codes],
            remarks,
        ),
        addresses=_joined(
            "addresses", before.addresses, [each for each in addresses if each.place not in places], remarks
        ),
    )
    changes = differences(before.as_json(), after.as_json())
    outcome: Outcome = "changed" if changes else "unchanged"
    line = Line(wish.line, outcome, after.name, before.party_id, changes, tuple(remarks))
    return line, Change(after, before) if changes else None


def _joined(field: str, old: Sequence[_T], said: Sequence[_T], remarks: list[Trouble]) -> tuple[_T, ...]:
    """The old and, as long as they fit, the new: with more it could not be changed over the API any more."""
    new = [each for each in dict.fromkeys(said) if each not in old]
    room = max(0, MOST[field] - len(old))
    if len(new) > room:
        remarks.append(words.no_room(field, MOST[field], len(new) - room))
    return (*old, *new[:room])


def _other_number(said: Sequence[Identifier], before: Entry) -> Trouble | None:
    """A number of which a company has one, where this one has another."""
    known = {root(*key_of(each))[0]: root(*key_of(each)) for each in before.identifiers}
    for identifier in said:
        number = root(*key_of(identifier))
        have = known.get(number[0])
        if number[0] in ONE_PER_COMPANY and have is not None and have != number:
            return words.other_number(number, have, before.name)
    return None
