"""The moulds of this process: which markup was seen, and when a mould is made of it.

The first document of a markup leaves a number behind, the second makes the mould. Whoever sends a new markup each time
gains nothing and costs next to nothing. What is full forgets all it knew: honest invoices teach it again.
"""

from __future__ import annotations

from typing import NamedTuple

from libs.einvoice import detect
from libs.einvoice.fold import Folded, Markup, apart, has_asides
from libs.einvoice.mould import Mould, read
from libs.einvoice.tree import Element

LONGEST = 64 * 1024
"""Bytes of a document (without lines left out) from which on nobody looks for its mould."""
_ALL = 2 * 1024 * 1024
"""Bytes of markup of all moulds together. What is made of a markup takes several times its size."""
_SEEN_MOST = 10_000

_MOULDS: dict[Markup, Mould] = {}
_SEEN: set[int] = set()


class Split(NamedTuple):
    """A document taken apart, and the mould of its markup if there is one."""

    markup: Markup
    texts: list[bytes]
    mould: Mould | None


def split(data: bytes, folded: Folded | None = None) -> Split | None:
    """Take apart a document that is strict UTF-8 without zeros (``gate``); None for one that has no mould in any case."""
    if folded is not None:
        return Split(folded.markup, folded.texts, _MOULDS.get(folded.markup))
    if len(data) > LONGEST or has_asides(data):
        return None
    pieces, texts = apart(data)
    markup = tuple(pieces)
    return Split(markup, texts, _MOULDS.get(markup))


def learn(document: Split, root: Element, syntax: detect.Syntax) -> None:
    """Keep in mind a document that passed the gate, was parsed (``root``) and holds to the schema."""
    if document.mould is not None or sum(map(len, document.markup)) > LONGEST:
        return
    key = hash(document.markup)
    if key not in _SEEN:
        if len(_SEEN) >= _SEEN_MOST:
            _SEEN.clear()
        _SEEN.add(key)
        return
    texts = read(document.texts)
    if texts is None:
        return
    try:
        mould = Mould(document.markup, texts, root, syntax)
    except ValueError:
        return
    if sum(each.size for each in list(_MOULDS.values())) + mould.size > _ALL:
        forget()
    _MOULDS[document.markup] = mould


def forget() -> None:
    """Begin anew, as a process that has seen nothing."""
    _MOULDS.clear()
    _SEEN.clear()
