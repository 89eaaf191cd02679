"""What a writer hands back: the bytes, and what did not survive."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from libs.contracts.parts import Words
from libs.einvoice import terms
from libs.einvoice.formats.reading import Filled
from libs.einvoice.model import Invoice
from libs.einvoice.terms import Term


@dataclass(frozen=True, slots=True)
class Written:
    """A document in a target's format. ``lost`` are terms that had a value and have no place there; ``filled``
    are terms the target wants and the invoice lacks, supplied by a stated rule. ``inside``: where the rules cannot
    read the bytes, the XML they judge instead (that in a page, the terms of a CII as UBL) and their pack. ``remarks``:
    what else a reader should know."""

    data: bytes
    lost: tuple[Term, ...] = ()
    filled: tuple[Filled, ...] = ()
    inside: tuple[bytes, str] | None = None
    remarks: tuple[Words, ...] = ()


Writer = Callable[[Invoice], Written]


def lost(invoice: Invoice, numbers: Collection[str]) -> tuple[Term, ...]:
    """The terms of these numbers (``BT-89``), and everything in these groups (``BG-16``), that have a value."""
    return tuple(terms.within(invoice, frozenset(numbers)))
