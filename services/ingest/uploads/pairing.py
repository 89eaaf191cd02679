"""Which PDF is the picture of which XML (R23, R24), and which extra fields are said of which. Pure.

A picture of the wrong invoice is worse than none: it goes to a customer of somebody else. So a name pairs
only when it says exactly one thing, one XML and one PDF. A name that occurs twice on either side pairs
nothing, and its PDFs are *ambiguous*; a PDF whose name no XML has is *lone*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pairing:
    """Positions in the sequences that were paired: every PDF is in exactly one of the three."""

    pdf_of: Mapping[int, int]
    """XML → its PDF."""
    ambiguous: frozenset[int]
    lone: frozenset[int]


def pair(xmls: Sequence[str], pdfs: Sequence[str]) -> Pairing:
    """Pair by stem; the empty stem (no name) pairs with nothing."""
    papers, pictures = Counter(xmls), Counter(pdfs)
    at = {stem: position for position, stem in enumerate(xmls)}
    pdf_of: dict[int, int] = {}
    ambiguous: set[int] = set()
    lone: set[int] = set()
    for position, stem in enumerate(pdfs):
        if not stem or stem not in papers:
            lone.add(position)
        elif papers[stem] == pictures[stem] == 1:
            pdf_of[at[stem]] = position
        else:
            ambiguous.add(position)
    return Pairing(pdf_of, frozenset(ambiguous), frozenset(lone))
