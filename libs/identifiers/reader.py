"""One door to every kind of identifier."""

from __future__ import annotations

from functools import lru_cache

from libs.contracts.parts import Identifier
from libs.identifiers import be, branch, gln, kvk, oin, vat

# How documents name the schemes: ISO 6523 / EAS codes (SI-UBL 2.0, Peppol) and the names of SI-UBL 1.x.
_ALIASES = {
    "NL:KVK": kvk.SCHEME, "KVK": kvk.SCHEME, "NL:COC": kvk.SCHEME,
    "NL:OIN": oin.SCHEME, "NL:OINO": oin.SCHEME, "OIN": oin.SCHEME, "OINO": oin.SCHEME,
    "NL:VAT": vat.NL, "NL:BTW": vat.NL, "BE:VAT": vat.BE,
    "BE:EN": be.ENTERPRISE, "BE:KBO": be.ENTERPRISE, "BE:CBE": be.ENTERPRISE, "9956": be.ENTERPRISE,
    "GLN": gln.SCHEME, "EAN": gln.SCHEME, "ILN": gln.SCHEME,
    branch.ICD: branch.SCHEME, "BRANCH": branch.SCHEME,
}  # fmt: skip


def canonical_scheme(name: str | None) -> str | None:
    """The code of a scheme as a document names it (``NL:KVK`` → ``0106``); ``None`` for none and for unknown ones."""
    if name is None:
        return None
    word = name.strip().upper()
    if word in _ALIASES:
        return _ALIASES[word]
    return word if len(word) == 4 and word.isascii() and word.isdigit() else None


def read(text: str | None, scheme: str | None = None) -> Identifier | None:
    """What ``text`` identifies, or ``None``.

    ``scheme`` is what the document says it is (``0106``, ``NL:KVK`` …). It is a hint, not the truth: twenty
    digits in a KvK field are an OIN, twelve are a branch number, and neither is ever taken for a KvK number
    (exact.md §2.2, R34). Without a scheme the text itself must leave no doubt.
    """
    if not text or len(text) > 100 or (scheme is not None and len(scheme) > 100):
        return None
    return _read(text, scheme)


@lru_cache(maxsize=4096)
def _read(text: str, scheme: str | None) -> Identifier | None:
    # The same sellers and buyers come again and again, each in several fields.
    code = canonical_scheme(scheme)
    if code is None:
        return _guess(text) if scheme is None or not scheme.strip() else None
    if code == kvk.SCHEME:
        return _in_kvk_field(text)
    if code == oin.SCHEME:
        return _identifier(oin.SCHEME, oin.read(text))
    if code == branch.SCHEME:
        return _identifier(branch.SCHEME, branch.read(text))
    if code == gln.SCHEME:
        return _identifier(gln.SCHEME, gln.read(text))
    if code == be.ENTERPRISE:
        return _identifier(be.ENTERPRISE, be.enterprise(text))
    if code in (vat.NL, vat.BE):
        return read_vat(text)
    value = text.strip()
    return _identifier(code, value) if value else None


def read_vat(text: str) -> Identifier | None:
    """A VAT number of any country of the EU, with the scheme of its country."""
    value = vat.read(text)
    code = vat.scheme_of(value) if value else None
    return Identifier(scheme=code, value=value) if value and code else None


def _in_kvk_field(text: str) -> Identifier | None:
    return (
        _identifier(kvk.SCHEME, kvk.read(text))
        or _identifier(branch.SCHEME, branch.read(text))
        or _identifier(oin.SCHEME, oin.read(kvk.strip(text)))
    )


def _guess(text: str) -> Identifier | None:
    found = _in_kvk_field(text) or read_vat(text)
    if found:
        return found
    number = gln.read(text)
    if number and gln.valid(number):
        return Identifier(scheme=gln.SCHEME, value=number)
    return _identifier(be.ENTERPRISE, be.enterprise(text))


def _identifier(scheme: str, value: str | None) -> Identifier | None:
    return Identifier(scheme=scheme, value=value) if value else None
