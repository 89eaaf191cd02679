"""Do two invoices of one number say the same? Pure.

What is compared is the canonical model, so the syntax, the order of elements, blanks and how a number is written count for
nothing. Incidental beside that: the process and the specification a document claims (BT-23, BT-24), the bytes of what is
attached (BT-125: a PDF that is made again differs), what no business term stands for, and the PDF beside it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from libs.contracts.parts import Difference
from libs.errors import Refusal

MOST = 30
"""Differences that are kept and told."""
_LONGEST = 120
_INCIDENTAL = frozenset({"BT-23", "BT-24", "BT-125"})

Said = dict[str, tuple[str, str]]
"""By path in the model: the business term and its value as text."""


def said(data: bytes) -> Said | None:
    """What a document says; None when it cannot be read as an invoice, which then is like no other."""
    # Loaded when two invoices have one number: readers of every syntax are a weight that routing does not need.
    from libs.einvoice import documents, terms

    try:
        (found, *_) = documents.read(data)
    except Refusal:
        return None
    return {
        term.path: (term.number, _text(term.value))
        for term in terms.walk(found.read.invoice)
        if term.number not in _INCIDENTAL
    }


def differences(before: Said | None, after: Said | None) -> tuple[Difference, ...] | None:
    """The first terms in which they differ, in the order of the model; none when they say the same. None: one of them
    cannot be read, so nobody can tell."""
    if before is None or after is None:
        return None
    # Terms of the invoice as a whole before those of its lines: what a person looks at first.
    paths = sorted(dict.fromkeys((*before, *after)), key=lambda path: path.startswith("lines["))
    found = (
        Difference(
            term=(before.get(path) or after[path])[0],
            path=path[:_LONGEST],
            before=_cut(before.get(path)),
            after=_cut(after.get(path)),
        )
        for path in paths
        if before.get(path) != after.get(path)
    )
    return tuple(each for each, _ in zip(found, range(MOST), strict=False))


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(_text(part) for part in value if part is not None)
    return " ".join(str(value).split())


def _cut(found: tuple[str, str] | None) -> str | None:
    if found is None:
        return None
    return found[1] if len(found[1]) <= _LONGEST else found[1][: _LONGEST - 1] + "…"
