"""Documents that attack whoever reads them, by the rows of field.md §C.3 that are about XML, each with the ids of
findings it must lead to: the code of the gate where it is refused, rules where it is judged."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from libs.testing import builders

_SPLIT = b"<cac:AccountingSupplierParty>"


@dataclass(frozen=True, slots=True)
class Attack:
    """``make`` gives the bytes; ``ids`` are what the check says of them, and nothing else is fatal."""

    make: Callable[[], bytes]
    ids: frozenset[str]
    refused: bool = True


def _attack(make: Callable[[], bytes], *ids: str, refused: bool = True) -> Attack:
    return Attack(make, frozenset(ids), refused)


def _head(text: bytes) -> bytes:
    """An invoice with something between its declaration and its root."""
    declaration, _, rest = builders.invoice().partition(b"\n")
    return declaration + b"\n" + text + rest


def _inside(text: bytes) -> bytes:
    """An invoice with something between two of its parts."""
    return builders.invoice().replace(_SPLIT, text + _SPLIT, 1)


def _payable(value: bytes) -> bytes:
    return re.sub(rb'(<cbc:PayableAmount currencyID="EUR">)[^<]*', rb"\g<1>" + value, builders.invoice())


def _number(text: bytes) -> bytes:
    return builders.invoice().replace(b"<cbc:ID>F1<", b"<cbc:ID>" + text + b"<", 1)


def _laughs() -> bytes:
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    return _head(b'<!DOCTYPE Invoice [<!ENTITY l0 "ha">' + entities + b"]>").replace(b">F1<", b">&l11;<", 1)


def _quadratic() -> bytes:
    entity = b'<!DOCTYPE Invoice [<!ENTITY a "' + b"a" * 50_000 + b'">]>'
    return _head(entity).replace(b">F1<", b">" + b"&a;" * 50_000 + b"<", 1)


def _attributes() -> bytes:
    flood = b" ".join(b'a%d="1"' % n for n in range(600_000))
    return builders.invoice().replace(b"<cbc:ID>F1<", b"<cbc:ID " + flood + b">F1<", 1)


_XINCLUDE = b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
_MILLION = b"9" * 1_000_000


def _long_namespace() -> bytes:
    """Each child would carry it in its name: a megabyte a thousand times."""
    return _inside(b"<a xmlns='urn:" + b"u" * 1_000_000 + b"'>" + b"<b/>" * 10_000 + b"</a>")


def _names(element: bytes) -> bytes:
    return _inside(b"".join(element.replace(b"%", b"%d" % n) for n in range(200_000)))


def _paths() -> bytes:
    """Few names, each inside each."""
    kids = b"".join(b"<cac:a%d/>" % n for n in range(300))
    return _inside(b"".join(b"<cac:a%d>%s</cac:a%d>" % (n, kids, n) for n in range(300)))


def _everywhere() -> bytes:
    line = b'<cac:InvoiceLine a="1"><cbc:ID>1</cbc:ID></cac:InvoiceLine>\n'
    return builders.invoice().replace(b"<cac:InvoiceLine>", line * 60_000 + b"<cac:InvoiceLine>", 1)


def _groups() -> bytes:
    """VAT groups and lines, each by the thousand."""
    data = builders.invoice(lines=3_000)
    group = data[data.index(b"<cac:TaxSubtotal>") : data.index(b"</cac:TaxTotal>")]
    return data.replace(b"</cac:TaxTotal>", group * 9_000 + b"</cac:TaxTotal>", 1)


ATTACKS: Mapping[str, Attack] = {
    "1 external entity, file": _attack(
        lambda: _head(b'<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "doctype"
    ),
    "1 external entity, http": _attack(
        lambda: _head(b'<!DOCTYPE Invoice [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>'), "doctype"
    ),
    "4 billion laughs": _attack(_laughs, "doctype"),
    "4 quadratic entities": _attack(_quadratic, "doctype"),
    "5 external DTD": _attack(
        lambda: _head(b'<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/invoice.dtd">'), "doctype"
    ),
    "6 XInclude": _attack(lambda: _inside(_XINCLUDE), "xinclude"),
    "7 depth": _attack(lambda: _inside(b"<a>" * 100_000 + b"</a>" * 100_000), "too-deep"),
    "8 attributes": _attack(_attributes, "too-many-attributes"),
    "8 names": _attack(lambda: _names(b"<cac:a%/>"), "too-many-names"),
    "8 names in pairs": _attack(lambda: _names(b"<cac:a%></cac:a%>"), "too-many-names"),
    "8 attributes by other names": _attack(
        lambda: _inside(b"".join(b'<cbc:ID a%d="1"/>' % n for n in range(100_000))), "too-many-names"
    ),
    "8 paths of few names": _attack(_paths, "too-many-names"),
    "8 an attribute on every line": _attack(_everywhere, "UBL-XSD", refused=False),
    "10 groups by the thousand, lines by the thousand": _attack(_groups, "too-many-vat-groups"),
    "8 one long namespace": _attack(_long_namespace, "namespace-too-long"),
    "6 XInclude behind a reference": _attack(
        lambda: _inside(_XINCLUDE.replace(b"XInclude", b"X&#73;nclude")), "xinclude"
    ),
    "12 an encoding claimed far away": _attack(
        lambda: builders.invoice().replace(b' encoding="UTF-8"', b" " * 300 + b' encoding="ISO-8859-1"', 1),
        "encoding",
    ),
    "9 comments": _attack(lambda: _inside(b"<!-- x -->" * 300_000), "too-many-asides"),
    "9 processing instructions": _attack(lambda: _inside(b"<?x y?>" * 300_000), "too-many-asides"),
    "11 one huge text": _attack(lambda: _number(b"x" * 9_000_000), "text-too-long"),
    "11 larger than anything": _attack(lambda: _number(b"x" * 10_500_000), "too-large"),
    "12 UTF-7": _attack(lambda: builders.invoice().replace(b"UTF-8", b"UTF-7", 1), "encoding"),
    "12 UTF-32": _attack(lambda: builders.invoice().decode().encode("utf-32"), "encoding"),
    "12 Latin-1 that says UTF-8": _attack(lambda: _number("\xe9".encode("latin-1")), "encoding"),
    "12 UTF-16 that says UTF-8": _attack(lambda: builders.invoice().decode().encode("utf-16"), "encoding"),
    "13 gzip": _attack(lambda: gzip.compress(builders.invoice()), "gzip"),
    "30 1e309": _attack(lambda: _payable(b"1e309"), "UBL-XSD", refused=False),
    "30 a million digits": _attack(lambda: _payable(_MILLION), "POSTBODE-NUMBER", refused=False),
}
