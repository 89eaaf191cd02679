"""The rules of a pack that a markup leaves open.

Most rules ask what stands where: whether there is an element, how often, with which attribute. On the same markup
their answer is the same. So each rule is tried once on a cast whose texts nobody has seen: the ones that find nothing
wrong without asking for a text will find nothing wrong in any document of that markup. What is left is asked of
every document. A rule that finds something wrong without reading does so in all of them: those go the ordinary way,
where findings are made.

Codes (kinds of document, currencies, countries, VAT categories and rates) hardly differ either. So the same is found out
once more for documents that have the same codes: on a cast of which those can be read, and nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from libs.einvoice.facts import Facts, NotANumberError
from libs.einvoice.mould import Cast, Mould
from libs.einvoice.standins import UnknownError, UnreadError
from libs.rules.rule import OFFSET, Check, Condition, Finish, Pack

_MOST_CODES = 20
"""Of one markup, for all packs together."""
_LONGEST_CODES = 1_000


class Open(NamedTuple):
    """What is to be asked of each document: by condition the checks, each with the number of the item it is about."""

    rules: tuple[tuple[Condition | None, tuple[tuple[Check, int], ...]], ...]
    finish: tuple[Finish, ...]


def clean(pack: Pack, mould: Mould, document: Cast) -> bool:
    """Whether no rule of the pack is broken; False where that is not certain."""
    known = mould.memo
    left = known.get((pack, document.codes))
    if left is None:
        # The codes of a first document of this pack tell nothing yet; those of a crowd are not worth it.
        codes = document.codes if pack in known and len(known) < _MOST_CODES else None
        key = pack if codes is None or sum(map(len, codes)) > _LONGEST_CODES else (pack, codes)
        left = known.get(key)
        if left is None:
            left = known[key] = _left_open(pack, mould, None if key is pack else codes) or False
    return isinstance(left, Open) and _holds(left, document)


def _holds(left: Open, document: Cast) -> bool:
    facts, items, _ = document
    try:
        for when, checks in left.rules:
            if when is None or when(facts):
                for check, number in checks:
                    if check(facts, items[number]) is not None:
                        return False
        return not any(breach for last in left.finish for breach in last.breaches(facts))
    except (NotANumberError, UnknownError):
        return False


def _left_open(pack: Pack, mould: Mould, codes: tuple[str, ...] | None) -> Open | None:
    """None where some rule is broken whatever the other texts are, or asks for more than a cast knows."""
    facts, items, _ = mould.unread(codes)
    _, by_mark, whole = pack.compiled
    asked: dict[Condition | None, list[tuple[Check, int]]] = {}
    for when, placed in whole:
        asked.setdefault(when, []).extend((each.check, 0) for each in placed)
    try:
        for mark, numbers in mould.marked(pack.compiled.trie):
            if mark < OFFSET:
                continue
            rule = by_mark[mark - OFFSET]
            if rule.most is None:
                asked.setdefault(rule.when, []).extend((rule.check, number) for number in numbers)
            elif len(numbers) > rule.most and _held(rule.when, facts) is not False:
                return None
        left: list[tuple[Condition | None, tuple[tuple[Check, int], ...]]] = []
        for when, checks in asked.items():
            held = _held(when, facts)
            if held is False:
                continue
            still: list[tuple[Check, int]] = []
            for check, number in checks:
                try:
                    if check(facts, items[number]) is None:
                        continue
                    if held:
                        return None
                except UnreadError:
                    pass
                still.append((check, number))
            if still:
                left.append((None if held else when, tuple(still)))
        return Open(tuple(left), tuple(last for last in pack.finish if _speaks(last, facts)))
    except UnknownError:
        return None


def _held(when: Condition | None, facts: Facts) -> bool | None:
    """Whether a condition holds; None where that depends on texts."""
    try:
        return when is None or when(facts)
    except UnreadError:
        return None


def _speaks(last: Finish, facts: Facts) -> bool:
    """Whether it finds something, or depends on texts."""
    try:
        return any(True for _ in last.breaches(facts))
    except UnreadError:
        return True
