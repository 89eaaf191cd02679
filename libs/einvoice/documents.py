"""Any document the hub takes as invoices of the model.

::

    bytes ─▶ gate ─▶ root ─┬─ UBL · CII · eExact (any number) · Finvoice ─┐
       ├─ %PDF ─▶ the XML inside ─▶ (the same again)                      ├─▶ Document(s)
       └─ { … } ─▶ our JSON ──────────────────────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from libs.contracts.parts import Words
from libs.einvoice import detect, encoding, gate, xml
from libs.einvoice.formats import cii, eexact, finvoice, hybrid, json_form, ubl
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.formats.reading import Read
from libs.einvoice.tree import Element
from libs.errors import Unprocessable

SYNTAXES = ("ubl-invoice", "ubl-creditnote", "cii", "eexact", "finvoice", "json")


@dataclass(frozen=True, slots=True)
class Document:
    """One invoice of a document. ``remarks`` are about the file around it."""

    syntax: str
    read: Read
    remarks: tuple[Words, ...] = ()


_READERS: Mapping[str, Callable[[Element], Read]] = {
    "ubl-invoice": ubl.read,
    "ubl-creditnote": ubl.read,
    "cii": cii.read,
    "finvoice": finvoice.read,
}


def read(data: bytes, sender: Sender | None = None) -> tuple[Document, ...]:
    """The invoices of a document; ``sender`` is the seller of a syntax that names none (eExact).

    Raises ``TooLarge`` or ``Unprocessable`` for what the gate refuses and for what is no invoice. Whatever is wrong
    inside an invoice is a finding of its reading.
    """
    if encoding.is_pdf(data):
        inside = hybrid.extract(data)
        return tuple(Document(each.syntax, each.read, inside.unfit) for each in _read_xml(inside.xml, sender))
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        if len(data) > gate.DEFAULT.size:
            gate.check(data)
        return (Document("json", json_form.read(data)),)
    return _read_xml(data, sender)


def _read_xml(data: bytes, sender: Sender | None) -> tuple[Document, ...]:
    try:
        root = xml.parse(gate.bounded(data))
    except Unprocessable:
        # The bytes vouched for its bounds alone; what is wrong with it as XML is the gate's to say.
        detect.readable(gate.check(data))
        raise
    syntax = detect.readable_of(root).syntax
    if syntax != "eexact":
        return (Document(syntax, _READERS[syntax](root)),)
    found = eexact.read(root, sender)
    if not found:
        # An eExact file may hold anything Globe exports: items, accounts, entries.
        raise detect.not_an_invoice("eExact", 1)
    return tuple(Document(syntax, each) for each in found)
