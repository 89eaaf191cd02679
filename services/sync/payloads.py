"""Resources of Purchase to Pay side by side: put together, compared, told apart. Pure.

Only what the mapping tables name is ours. What Purchase to Pay has beside it (a company link of another
administration, a bank account somebody added) is kept: lists are merged by key and nothing is taken out of them.
Two resources are equal when their canonical forms are: blanks around a text, the order of a list, ``21`` and
``21.0``, a field that is empty and one that is missing make no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from libs.contracts.parts import Words
from services.sync.mappings.field import Children, Field, Kind, Payload, Scope, Shape, as_number, as_text

CONFLICT = Words(
    nl="Dit veld is sinds de laatste keer in Globe+ en in Purchase to Pay verschillend gewijzigd: kies welke "
    "waarde geldt en maak beide kanten gelijk.",
    en="This field was changed differently in Globe+ and in Purchase to Pay since the last time: choose the value "
    "that holds and make both sides alike.",
)


def merged(kind: Kind, scope: Scope, before: Payload | None, ours: Payload) -> Payload:
    """What to send: ours, with what is to be kept of what is there."""
    if before is None:
        return ours
    made = kept(kind, before) | ours
    for each in kind.fields:
        for path in each.p2p:
            if each.shape is Shape.LINKS:
                there = [as_text(link) for link in get(before, path) or ()]
                made[path] = there + [link for link in get(ours, path) or () if link not in there]
            elif each.shape is Shape.TRANSLATIONS:
                there_too = get(before, path) or {}
                others = {k: v for k, v in there_too.items() if k not in scope.languages}
                made[path] = others | (get(ours, path) or {})
    for group in kind.children:
        made[group.p2p] = _children(group, before.get(group.p2p) or (), ours.get(group.p2p) or ())
    return made


def kept(kind: Kind, before: Payload) -> Payload:
    """What Purchase to Pay has that no table names: an update replaces the whole record, so it is sent back."""
    mine = _mine(kind)
    return {name: value for name, value in before.items() if name not in mine}


def own(kind: Kind, payload: Payload) -> Payload:
    """What a table names; the rest is what ``kept`` gives."""
    mine = _mine(kind)
    return {name: value for name, value in payload.items() if name in mine}


def _mine(kind: Kind) -> set[str]:
    mine = {path.partition(".")[0] for each in kind.fields for path in each.p2p}
    return mine | {group.p2p for group in kind.children}


def _children(group: Children, before: Sequence[Payload], ours: Sequence[Payload]) -> list[Payload]:
    mine = {as_text(each.get(group.key)): each for each in ours}
    found = [
        {**each, **mine.pop(key)} if (key := as_text(each.get(group.key))) in mine else dict(each)
        for each in before
    ]
    return found + list(mine.values())


def get(payload: Mapping[str, Any], path: str) -> Any:
    """The value at ``a.b``; None when there is none."""
    if "." not in path:
        return payload.get(path)
    found: Any = payload
    for part in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def canonical(kind: Kind, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Only our fields, each in its one form, by path."""
    made = {path: _form(each, get(payload, path)) for each in kind.fields for path in each.p2p}
    for group in kind.children:
        made[group.p2p] = sorted(
            (
                {path: _form(each, get(child, path)) for each in group.fields for path in each.p2p}
                for child in payload.get(group.p2p) or ()
            ),
            key=lambda child: str(child[group.key]),
        )
    return made


def _form(each: Field, value: Any) -> Any:
    if each.shape is Shape.TEXT:
        return value.strip() if type(value) is str else as_text(value)
    if each.shape is Shape.FLAG:
        return bool(value)
    if each.shape is Shape.NUMBER:
        found = as_number(value)
        # A last digit is an accident of binary fractions, on either side.
        return as_number(f"{found:.10g}") if isinstance(found, float) else found
    if each.shape is Shape.LINKS:
        return sorted({as_text(link) for link in value or ()})
    return {k: as_text(v) for k, v in sorted((value or {}).items()) if as_text(v)}


def packed(kind: Kind, payload: Mapping[str, Any]) -> bytes:
    """The canonical form as bytes: equal resources have equal bytes."""
    return orjson.dumps(canonical(kind, payload))


def digest(kind: Kind, payload: Mapping[str, Any] | None) -> str:
    """A short name of the canonical form; empty for what is not there."""
    return "" if payload is None else name_of(packed(kind, payload))


def alike(kind: Kind, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two resources are equal; two that are so to the letter, as most are, need no canonical form."""
    return one == other or digest(kind, one) == digest(kind, other)


def name_of(form: bytes) -> str:
    """A short name of a packed canonical form."""
    return hashlib.blake2b(form, digest_size=16).hexdigest()


def changes(
    kind: Kind, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Path, before and after of every field that differs, in the order of the mapping table."""
    old = canonical(kind, before) if before is not None else {}
    for path, value in canonical(kind, after).items():
        was = old.get(path)
        if before is None or was != value:
            yield path, was, value


def number_paths(kind: Kind) -> frozenset[str]:
    """The fields a renumbering changes (R237)."""
    return frozenset(path for each in kind.fields if each.number for path in each.p2p)


def three_way(kind: Kind, agreed: Payload, ours: Payload, before: Payload) -> tuple[Payload, list[str]]:
    """R301: what Globe+ changed since both sides agreed, put on what Purchase to Pay has now.

    Returns the resource to send and the paths of conflicts: changed on both sides to different values. In a
    conflict what is there stays there.
    """
    base, mine, there = canonical(kind, agreed), canonical(kind, ours), canonical(kind, before)
    made: Payload = {}
    conflicts: list[str] = []
    whole = {path: each for each in kind.fields for path in each.p2p}
    for path, value in mine.items():
        if value == there[path] or there[path] == base[path]:
            chosen = get(ours, path)
        else:
            if value != base[path] and whole.get(path) is not None and whole[path].shape is not Shape.LINKS:
                conflicts.append(path)
            chosen = get(before, path)
        parents, _, last = path.rpartition(".")
        into = made.setdefault(parents, {}) if parents else made
        into[last] = chosen
    return made, conflicts
