"""Invoices of the semantic model by the thousand: any terms a syntax could hold, lawful or not.

They are made from the annotations of the model itself, so a new term is generated the day it is added. What a
value may look like (a code, a currency) is said per field below. A plain generator and not a strategy of
hypothesis: a model has some 180 fields, and drawing each of them as a strategy is a hundred times slower.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from libs.einvoice import model

TEXTS = (
    "x", "Straße 1 & <2>", 'say "hi"', "€ 5", "two\nlines", "tab\there", "日本", "a  b", "]]>", "0", "'", "\u00a0x",
    "𝄞", "e\u0301", "=1+1", "#", "café", "\\", "{}", "--", "&amp;", "x" * 300,
)  # fmt: skip
"""No blanks around: readers take them off."""

NUMBERS = (
    "0",
    "1",
    "-1",
    "0.01",
    "21",
    "21.00",
    "1234567.89",
    "-0.005",
    "0.0000000001",
    "999999999999999999",
)


def _pick(*choices: str) -> Callable[[Random], Any]:
    return lambda random: random.choice(choices)


def _word(random: Random) -> str:
    return "".join(random.choices("ABCDEFGHIJKLM0123456789-", k=random.randint(1, 8)))


SPECIAL: Mapping[str, Callable[[Random], Any]] = {
    "subject_code": _pick("AAI", "REG"),
    "scheme": _pick("0106", "0088", "9944", "ZZ-1"),
    "mime_code": _pick("application/pdf", "text/csv"),
    "version": _word,
    "currency": _pick("EUR"),
    "type_code": _pick("380", "384", "381", "389"),
    "vat_point_date_code": _pick("3", "35", "432"),
    "vat_accounting_currency_code": _pick("SEK"),
    "bank_assigned_creditor_identifier": _word,
    "unit_code": _pick("C62", "HUR"),
    "base_quantity_unit_code": _pick("C62", "HUR"),
    "name": lambda random: random.choice(TEXTS),
}
"""By the name of the field."""


def invoice(
    seed: int, *, density: float = 0.5, most: int = 2, without: Collection[str] = frozenset()
) -> model.Invoice:
    """The invoice of that seed: a term is there with the probability ``density``, a group up to ``most`` times;
    fields named in ``without`` stay empty."""
    made = _group(model.Invoice, Random(seed), density, most, frozenset(without))
    return _settled(made or model.Invoice(number="1"))


def _settled(invoice: model.Invoice) -> model.Invoice:
    """What no syntax can tell apart is made one: shares of a g-account need a number of their own, a second VAT
    total its own currency, a credit note with a due date a means of payment."""
    means = tuple(
        replace(
            each,
            identifier=str(count) if each.identifier or each.amount else None,
            means_type_code=each.means_type_code or "30",
        )
        for count, each in enumerate(invoice.payment_instructions, 1)
    )
    totals = invoice.totals
    if totals is not None and totals.total_vat_in_accounting_currency is not None:
        second = totals.total_vat_in_accounting_currency._replace(currency="SEK")
        totals = replace(totals, total_vat_in_accounting_currency=second)
    lines = tuple(made for line in invoice.lines if (made := _line(line)) != model.Line())
    return replace(
        invoice,
        lines=lines,
        payment_instructions=means,
        totals=totals,
        payment_due_date=invoice.payment_due_date if means or not invoice.is_credit_note else None,
        type_code=invoice.type_code or "380",
        currency_code="EUR",
        seller=_named(invoice.seller),
        buyer=_named(invoice.buyer),
    )


P = TypeVar("P", model.Seller, model.Buyer)


def _named(party: P | None) -> P | None:
    """Whoever has one name has it as its name, not as a trading name."""
    return replace(party, name=party.name or "N") if party is not None and party.trading_name else party


def _line(line: model.Line) -> model.Line:
    """A unit stands at its number, a discount beside a gross price; VAT is the line's, never its allowance's."""
    if line.quantity is None:
        line = replace(line, unit_code=None)
    price = line.price
    if price is not None and price.base_quantity is None:
        price = replace(price, base_quantity_unit_code=None)
    if price is not None and price.discount is None and price.gross_price is not None:
        price = replace(price, discount=price.gross_price._replace(value=Decimal(1)))
    return replace(
        line,
        price=price if price != model.Price() else None,
        allowances=_untaxed(line.allowances),
        charges=_untaxed(line.charges),
    )


def _untaxed(groups: tuple[model.AllowanceCharge, ...]) -> tuple[model.AllowanceCharge, ...]:
    bare = (replace(each, vat_category_code=None, vat_rate=None) for each in groups)
    return tuple(each for each in bare if each != model.AllowanceCharge())


@cache
def _shape(cls: Hashable) -> tuple[tuple[str, Any, bool, bool], ...]:
    """Name, type, repeated, required of each field."""
    kind: Any = cls
    hints = get_type_hints(kind, include_extras=True)
    names = [f.name for f in fields(kind)] if is_dataclass(kind) else list(kind._fields)
    return tuple((name, *_kind(hints[name])) for name in names)


def _kind(hint: Any) -> tuple[Any, bool, bool]:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        return next(each for each in get_args(hint) if each is not type(None)), False, False
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True, False
    return hint, False, True


def _group(cls: type[Any], random: Random, density: float, most: int, without: frozenset[str]) -> Any:
    values: dict[str, Any] = {}
    for name, kind, repeated, required in _shape(cls):  # type: ignore[arg-type]
        if name in without or not (required or random.random() < density):
            continue
        if repeated:
            found = [
                _value(name, kind, random, density, most, without) for _ in range(random.randint(1, most))
            ]
            values[name] = tuple(each for each in found if each is not None)
        else:
            values[name] = _value(name, kind, random, density, most, without)
    # A group without any term is no group: no syntax can say it.
    return cls(**values) if any(value not in (None, ()) for value in values.values()) else None


def _value(name: str, kind: Any, random: Random, density: float, most: int, without: frozenset[str]) -> Any:
    if name in SPECIAL:
        return SPECIAL[name](random)
    if kind is str:
        return random.choice(TEXTS)
    if kind is Decimal:
        return Decimal(random.choice(NUMBERS))
    if kind is date:
        return date(2000, 1, 1) + timedelta(days=random.randint(-20_000, 20_000))
    if kind is model.Amount:
        return model.Amount(Decimal(random.choice(NUMBERS)), "EUR")
    if kind is bytes:
        return random.randbytes(random.randint(1, 20))
    if kind is model.Attribute:
        return model.Attribute(random.choice(TEXTS), random.choice(TEXTS))
    return _group(kind, random, density, most, without)
