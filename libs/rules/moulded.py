"""The rules of a pack that a markup leaves open.

Most rules ask what stands where: whether there is an element, how often, with which attribute. On the same markup
their answer is the same. So each rule is tried once on a cast whose texts nobody has seen: the ones that find nothing
wrong without asking for a text will find nothing wrong in any document of that markup. What is left is asked of
every document. A rule that finds something wrong without reading does so in all of them: those go the ordinary way,
where findings are made.
"""

from __future__ import annotations

from typing import NamedTuple

from libs.einvoice.facts import Facts, NotANumberError
from libs.einvoice.mould import Cast, Mould
from libs.einvoice.standins import UnknownError, UnreadError
from libs.rules.rule import OFFSET, Check, Condition, Finish, Pack


class Open(NamedTuple):
    """What is to be asked of each document: by condition the checks, each with the number of the item it is about."""

    rules: tuple[tuple[Condition | None, tuple[tuple[Check, int], ...]], ...]
    finish: tuple[Finish, ...]


def clean(pack: Pack, mould: Mould, document: Cast) -> bool:
    """Whether no rule of the pack is broken; False where that is not certain."""
    left = mould.memo.get(pack.name)
    if left is None:
        left = mould.memo[pack.name] = _left_open(pack, mould) or False
    return isinstance(left, Open) and _holds(left, document)


def _holds(left: Open, document: Cast) -> bool:
    facts, items = document
    try:
        for when, checks in left.rules:
            if when is None or when(facts):
                for check, number in checks:
                    if check(facts, items[number]) is not None:
                        return False
        return not any(breach for last in left.finish for breach in last.breaches(facts))
    except (NotANumberError, UnknownError):
        return False


def _left_open(pack: Pack, mould: Mould) -> Open | None:
    """None where some rule is broken whatever the texts are, or asks for more than a cast knows."""
    facts, items = mould.unread()
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
            elif len(numbers) > rule.most and _may_hold(rule.when, facts):
                return None
        left: list[tuple[Condition | None, tuple[tuple[Check, int], ...]]] = []
        for when, checks in asked.items():
            if not _may_hold(when, facts):
                continue
            still: list[tuple[Check, int]] = []
            for check, number in checks:
                try:
                    if check(facts, items[number]) is None:
                        continue
                    if when is None:
                        return None
                except UnreadError:
                    pass
                still.append((check, number))
            if still:
                left.append((when, tuple(still)))
        return Open(tuple(left), tuple(last for last in pack.finish if _speaks(last, facts)))
    except UnknownError:
        return None


def _may_hold(when: Condition | None, facts: Facts) -> bool:
    """Whether a condition holds, or depends on texts."""
    try:
        return when is None or when(facts)
    except UnreadError:
        return True


def _speaks(last: Finish, facts: Facts) -> bool:
    """Whether it finds something, or depends on texts."""
    try:
        return any(True for _ in last.breaches(facts))
    except UnreadError:
        return True
