"""Markup that passed the gate before passes it again, whatever plain texts stand in it.

::

    <cbc:ID>F1</cbc:ID>     ─▶  <cbc:ID> </cbc:ID>  ─▶ digest ─▶ seen before? as well-formed, deep and wide as then
            └ plain: no markup, no reference but the five, no character that XML has not

One maker's invoices have the same markup, and whether they are well-formed hangs on that alone: a tag ends at the first
``>`` when none stands in a text or an attribute. What lies before and behind the root element is part of the markup,
because only blanks may stand there.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from libs.einvoice.fold import ENTITY, ODD, has_asides

LONGEST = 128 * 1024
"""Bytes of a document from which on nobody looks: its neighbours in memory matter more than its time."""
_MOST = 20_000
"""Digests kept. What is full forgets all it knew: honest invoices teach it again."""
_OTHERS = bytes(sorted(set(range(256)) - set(b"<>")))
_ODD = bytes(sorted(set(ODD) - set(b"<>")))


class Root(NamedTuple):
    """The root element of a document: its namespace (empty when it has none), its name and its line (from 1)."""

    namespace: str
    name: str
    line: int


_PASSED: dict[bytes, Root] = {}


def markup(data: bytes) -> bytes | None:
    """A digest of all that is no plain text in strict UTF-8; None where that is not plainly to be told apart."""
    if len(data) > LONGEST or has_asides(data):
        return None
    angles = data.translate(None, _OTHERS)
    tags, odd = divmod(len(angles), 2)
    if odd or not tags or angles != b"<>" * tags:
        return None
    bare = ENTITY.sub(b"", data) if b"&" in data else data
    if len(bare.translate(None, _ODD)) != len(bare):
        return None
    pieces = data.replace(b"<", b">").split(b">")
    around = pieces[0], pieces[2] if data.startswith(b"<?") else b"", pieces[-1]
    return hashlib.blake2b(b">".join((*pieces[1::2], *around)), digest_size=20).digest()


def seen(key: bytes | None) -> Root | None:
    """The root of the documents of this markup that passed, if any did."""
    return None if key is None else _PASSED.get(key)


def remember(key: bytes | None, root: Root) -> None:
    """A document of this markup is well-formed and within the limits."""
    if key is None:
        return
    if len(_PASSED) >= _MOST:
        _PASSED.clear()
    _PASSED[key] = root


def forget() -> None:
    """Begin anew, as a process that has seen nothing."""
    _PASSED.clear()
