"""Which invoice a line of a statement pays. Never a guess. Pure.

A line pays an invoice when all of this holds: the invoice is named, by its number or its payment reference; the money went
into an account that the invoice asks to be paid into (who pays looks at the other side's account, who is paid at its own);
in the invoice's currency; in the right direction; and it is no more than what is open. Several invoices are paid by one
line only when it is exactly what is open of all it names. A reversal undoes what is known to be paid, named and paid into
in the same way.

A number in free text counts when it stands there as whole words, in whatever punctuation, has four letters and digits or
more and is no year; anything shorter only as a reference of its own or as the whole text. Of two that overlap the longer
one is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias
from uuid import UUID

from services.deliver.payments.lines import Line

Side: TypeAlias = Literal["receiver", "sender"]
_PARTS = re.compile(r"[0-9A-Z]+")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_LEAST = 4
_SPAN = 8
"""Words that a number may be spread over."""
_TEXT = 2_000
_CREDIT = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
"""UNTDID 1001: what the seller pays back."""


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice as one of its parties sees it."""

    delivery_id: UUID
    invoice_id: UUID
    side: Side
    number: str | None
    reference: str | None
    accounts: frozenset[str]
    """Into which it is to be paid."""
    payable: Decimal
    currency: str
    type_code: str | None = None
    paid: Decimal = Decimal(0)

    @property
    def pays_back(self) -> bool:
        """A credit note: the receiver is to be paid, into an account that nothing names."""
        return self.payable < 0 or self.type_code in _CREDIT


@dataclass(frozen=True, slots=True)
class Matched:
    """A line, or a part of one, and the invoice it pays; an ``amount`` below zero was undone."""

    line: Line
    bill: Bill
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Left:
    """A line that pays nothing, why, and the numbers of the invoices that it may be about."""

    line: Line
    reason: str
    numbers: tuple[str, ...] = ()


Told: TypeAlias = tuple[UUID, Side, Decimal, date | None]
"""Invoice, whose word, how much, and the day."""


def match(
    lines: Iterable[Line], bills: Sequence[Bill], known: Iterable[str] = (), told: Collection[Told] = ()
) -> list[Matched | Left]:
    """What each line is, in the order in which they count: the oldest day first, for many a bank puts the newest first, and
    of one day a reversal behind what it undoes. ``known``: keys of lines taken before; ``told``: what those moved."""
    index = _Index(bills, told)
    seen = set(known)
    paid = {(bill.invoice_id, bill.side): bill.paid for bill in bills}
    found: list[Matched | Left] = []
    for day in _by_day(lines):
        moved: set[str] = set()
        early: list[Line] = []
        for line in day:
            if line.key in seen:
                found.append(Left(line, "repeated"))
                continue
            seen.add(line.key)
            here = _one(line, index, paid)
            if _nothing_yet(here, moved):
                early.append(line)
                continue
            found += _counted(here, paid, moved)
        for line in early:
            found += _counted(_one(line, index, paid), paid, moved)
    return found


def _by_day(lines: Iterable[Line]) -> list[list[Line]]:
    days: dict[date, list[Line]] = {}
    for line in lines:
        days.setdefault(line.day or date.min, []).append(line)
    return [days[day] for day in sorted(days)]


def _nothing_yet(found: Sequence[Matched | Left], moved: set[str]) -> bool:
    """A reversal with nothing to undo, of an invoice of which nothing was said on that day so far."""
    return all(
        isinstance(each, Left) and each.reason == "nothing-to-undo" and moved.isdisjoint(each.numbers)
        for each in found
    )


def _counted(
    found: list[Matched | Left], paid: dict[tuple[UUID, Side], Decimal], moved: set[str]
) -> list[Matched | Left]:
    for each in found:
        if isinstance(each, Matched):
            paid[each.bill.invoice_id, each.bill.side] += each.amount
            moved.add(each.bill.number or "")
    return found


Paid: TypeAlias = Mapping[tuple[UUID, Side], Decimal]


def _one(line: Line, index: _Index, paid: Paid) -> list[Matched | Left]:
    if line.fault is not None:
        return [Left(line, line.fault)]
    named = index.named(line)
    if not named:
        return [Left(line, "names-nothing")]
    numbers = tuple(dict.fromkeys(bill.number or "" for bill in named))[:10]
    if any(bill.pays_back for bill in named):
        return [Left(line, "credit-note", numbers)]
    for reason, holds in _TESTS:
        named = [bill for bill in named if holds(line, bill)]
        if not named:
            lacking = reason == "other-account" and _where(line) is None
            return [Left(line, "no-account" if lacking else reason, numbers)]
    if len(named) > 1:
        return _several(line, named, paid, numbers)
    (bill,) = named
    amount, already = _sum(line, bill), paid[bill.invoice_id, bill.side]
    left = bill.payable - already
    if line.undone and amount > already:
        return [Left(line, "nothing-to-undo", numbers)]
    if not line.undone and left <= 0:
        return [Left(line, "paid-already", numbers)]
    moved = -amount if line.undone else amount
    if index.told(line, bill, moved):
        return [Left(line, "maybe-taken", numbers)]
    return [Left(line, "more-than-open", numbers) if moved > left else Matched(line, bill, moved)]


def _several(line: Line, named: Sequence[Bill], paid: Paid, numbers: tuple[str, ...]) -> list[Matched | Left]:
    """All of them, where the line is exactly what is open of them."""
    shares = [bill.payable - paid[bill.invoice_id, bill.side] for bill in named]
    alike = len({_compact(bill.number or "") for bill in named}) < len(named)
    mixed = len({(bill.side, bill.currency) for bill in named}) > 1
    if line.undone or alike or mixed or min(shares) <= 0 or sum(shares) != _sum(line, named[0]):
        return [Left(line, "ambiguous", numbers)]
    return [Matched(line, bill, share) for bill, share in zip(named, shares, strict=True)]


def _out(line: Line) -> bool:
    """Whether it is money that its account's owner paid, or what came back of that."""
    return line.incoming == line.undone


def _where(line: Line) -> str | None:
    """The account that was paid into."""
    return line.other if _out(line) else line.own


def _sum(line: Line, bill: Bill) -> Decimal:
    return next((amount for amount, currency in line.sums if currency == bill.currency), Decimal(0))


_TESTS: Sequence[tuple[str, Callable[[Line, Bill], bool]]] = (
    ("other-direction", lambda line, bill: _out(line) == (bill.side == "receiver")),
    ("other-currency", lambda line, bill: _sum(line, bill) > 0),
    ("other-account", lambda line, bill: _where(line) in bill.accounts),
)
"""What must hold of a line and an invoice it names, and what it is called when it does not."""


class _Index:
    """Invoices by what a payment may call them."""

    def __init__(self, bills: Sequence[Bill], told: Collection[Told]) -> None:
        self._told = frozenset(told)
        self._by: dict[str, list[Bill]] = {}
        for bill in bills:
            for name in {_compact(bill.number or ""), _compact(bill.reference or "")} - {""}:
                self._by.setdefault(name, []).append(bill)

    def told(self, line: Line, bill: Bill, amount: Decimal) -> bool:
        """Whether another file told as much of this invoice on that day: two exports of one payment need not be alike in
        all, and a part that counts twice would make a whole."""
        return (bill.invoice_id, bill.side, amount, line.day) in self._told

    def named(self, line: Line) -> list[Bill]:
        names = dict.fromkeys(name for each in line.named for name in _names(each) if name in self._by)
        names.update(dict.fromkeys(self._written(line.text)))
        return list({(b.invoice_id, b.side): b for name in names for b in self._by[name]}.values())

    def _written(self, text: str) -> Iterator[str]:
        words = [(found.start(), found[0]) for found in _PARTS.finditer(text[:_TEXT].upper())]
        whole = "".join(word for _, word in words)
        if whole in self._by:
            yield whole
            return
        spans: list[tuple[int, int, str]] = []
        for first in range(len(words)):
            name = ""
            for last in range(first, min(first + _SPAN, len(words))):
                name += words[last][1]
                if name in self._by and _telling(name):
                    spans.append((first, last, name))
        for first, last, name in spans:
            if not any(a <= first and last <= b and (a, b) != (first, last) for a, b, _ in spans):
                yield name


def _names(reference: str) -> Iterator[str]:
    """A reference, and what an RF number (ISO 11649) has behind its check digits."""
    name = _compact(reference)
    yield name
    if re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", name) and int(_digits(name[4:] + name[:4])) % 97 == 1:
        yield name[4:]


def _digits(text: str) -> str:
    return "".join(str(int(each, 36)) for each in text)


def _telling(name: str) -> bool:
    return len(name) >= _LEAST and any(each.isdigit() for each in name) and not _YEAR.fullmatch(name)


def _compact(text: str) -> str:
    return "".join(_PARTS.findall(text.upper()))
