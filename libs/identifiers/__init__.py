"""Party identifiers of the Netherlands and Belgium: read what people type, say what it is.

``read(text, scheme)`` gives an ``Identifier`` in its canonical form, or ``None`` when the text is no
identifier. One module a kind: ``kvk``, ``branch``, ``oin``, ``vat``, ``iban``, ``gln``, ``be``.
"""

from __future__ import annotations

from libs.identifiers.reader import canonical_scheme, read

__all__ = ["canonical_scheme", "read"]
