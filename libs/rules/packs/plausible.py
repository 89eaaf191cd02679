"""What cannot be meant, whatever rules a document follows: days that do not go together, and VAT that is not its rate.

The arithmetic is asked only of documents whose pack does not ask it already: EN 16931, Peppol and SI-UBL 1.1 and 1.2 do
(within one unit of the currency), plain UBL, e-FFF and SI-UBL 1.0 do not. The line is narrower here, since it is a
warning: half a cent for every line, for VAT may be rounded line by line, and never less than two cents.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from libs.einvoice.detect import Profile
from libs.einvoice.facts import Facts, NotANumberError, is_vat
from libs.einvoice.money import EXACT, cents, plain
from libs.einvoice.tree import Group
from libs.rules.checks import shown
from libs.rules.rule import Breach, Finish

_PAYABLE = timedelta(days=2 * 366)
_OLDEST = timedelta(days=5 * 366)
"""Tax is not corrected after five years."""
_AHEAD = timedelta(days=31)
_DELIVERED = timedelta(days=2 * 366)
_UNASKED: frozenset[Profile] = frozenset(("unknown", "e-fff", "si-ubl-1.0"))
_LEAST, _EACH = Decimal("0.02"), Decimal("0.005")


def _rates(facts: Facts) -> Iterator[Breach]:
    """BT-117 of every part of the breakdown is BT-116 at the rate BT-119."""
    if facts.profile not in _UNASKED:
        return
    slack = max(_LEAST, _EACH * facts.line_count)
    for subtotal in facts.root.within("TaxTotal", "TaxSubtotal"):
        try:
            made = _made(facts, subtotal)
            seen = facts.number(subtotal, "TaxAmount")
        except NotANumberError:
            continue
        if made is not None and seen is not None and abs(EXACT.subtract(made, seen)) > slack:
            yield Breach(subtotal.leaves["TaxAmount"][0], plain(seen), plain(made))


def _made(facts: Facts, subtotal: Group) -> Decimal | None:
    """Where it says what the rate is: in UBL 2.0 that may stand in the part itself."""
    base = facts.number(subtotal, "TaxableAmount")
    categories = [each for each in subtotal.groups.get("TaxCategory", ()) if is_vat(each)]
    if base is None or not categories:
        return None
    rate = facts.number(categories[0], "Percent")
    if rate is None:
        rate = facts.number(subtotal, "Percent")
    return None if rate is None else cents(EXACT.divide(EXACT.multiply(base, rate), Decimal(100)))


def _due(facts: Facts) -> Iterator[Breach]:
    """A due date before the invoice was made, or years after."""
    issued, due = _day(facts.root, "IssueDate"), _day(facts.root, "DueDate")
    if issued is not None and due is not None and not issued <= due <= issued + _PAYABLE:
        yield Breach(facts.root.leaves["DueDate"][0], due.isoformat(), issued.isoformat())


def _delivered(facts: Facts) -> Iterator[Breach]:
    """A delivery years before or after the invoice."""
    issued = _day(facts.root, "IssueDate")
    for delivery in facts.root.groups.get("Delivery", ()) if issued is not None else ():
        day = _day(delivery, "ActualDeliveryDate")
        if issued is not None and day is not None and abs(day - issued) > _DELIVERED:
            yield Breach(delivery.leaves["ActualDeliveryDate"][0], day.isoformat(), issued.isoformat())


def issued(today: date | None) -> Finish:
    """An invoice of more than a month ahead, or of years ago: a typing error in the year. Never broken without a day."""

    def breaches(facts: Facts) -> Iterator[Breach]:
        day = _day(facts.root, "IssueDate")
        if today is not None and day is not None and not today - _OLDEST <= day <= today + _AHEAD:
            leaf = facts.root.leaves["IssueDate"][0]
            yield Breach(leaf, shown(day.isoformat()), today.isoformat())

    return Finish("POSTBODE-ISSUED", "warning", ("BT-2",), breaches)


def _day(group: Group, name: str) -> date | None:
    try:
        return date.fromisoformat(group.text(name)[:10])
    except ValueError:
        return None


RULES = (
    Finish("POSTBODE-DAYS", "warning", ("BT-9", "BT-2"), _due),
    Finish("POSTBODE-DELIVERED", "warning", ("BT-72", "BT-2"), _delivered),
    Finish("POSTBODE-RATE", "warning", ("BT-116", "BT-117", "BT-119"), _rates),
)
