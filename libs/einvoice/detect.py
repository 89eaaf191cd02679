"""What a document is: syntax by its root element, profile by its CustomizationID (exact.md §2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from libs.einvoice import gate
from libs.einvoice.refusals import refuse
from libs.einvoice.tree import Element, line_of
from libs.errors import Unprocessable

INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT_NOTE = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"

CII = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"

Syntax = Literal["ubl-invoice", "ubl-creditnote", "cii", "eexact", "finvoice"]
Profile = Literal[
    "nlcius-2.0",
    "nlcius-gaccount",
    "peppol-bis-3",
    "si-ubl-1.0",
    "si-ubl-1.1",
    "si-ubl-1.2",
    "e-fff",
    "en16931",
    "unknown",
]

_SYNTAX: dict[tuple[str, str], Syntax] = {
    (INVOICE, "Invoice"): "ubl-invoice",
    (CREDIT_NOTE, "CreditNote"): "ubl-creditnote",
}

# What the readers of ``formats`` read beside UBL. Finvoice has no namespace in most versions, and one in some.
_OTHER: dict[tuple[str, str], Syntax] = {
    (CII, "CrossIndustryInvoice"): "cii",
    ("", "eExact"): "eexact",
    ("", "Finvoice"): "finvoice",
}

# Versions are matched by a part, never by equality: "ver1.1.x" and "ver1.1.3" both occur. First match wins.
_PROFILES: tuple[tuple[re.Pattern[str], Profile], ...] = (
    (re.compile(r"urn:fdc:nen\.nl:gaccount:v1\.0"), "nlcius-gaccount"),
    (re.compile(r"urn:fdc:nen\.nl:nlcius:v1\.0"), "nlcius-2.0"),
    (re.compile(r"urn:fdc:peppol\.eu:2017:poacc:billing:3\.0"), "peppol-bis-3"),
    (re.compile(r"si-ubl:(?:invoice:)?ver1\.0"), "si-ubl-1.0"),
    (re.compile(r"si-ubl:(?:invoice:)?ver1\.1"), "si-ubl-1.1"),
    (re.compile(r"si-ubl:(?:invoice:)?ver1\.2"), "si-ubl-1.2"),
    (re.compile(r"urn:cen\.eu:en16931:2017"), "en16931"),
)


@dataclass(frozen=True, slots=True)
class Root:
    """The root element: namespace, local name, and the syntax the hub calls it."""

    namespace: str
    local_name: str
    syntax: Syntax


def root(document: bytes | gate.Gate) -> Root:
    """What the root element says the document is.

    Takes the ``Gate`` of a checked document (free), or bytes (which then pass the gate first). Raises
    ``Unprocessable`` with code ``not-an-invoice``, naming root and line, for every other root.
    """
    passed = document if isinstance(document, gate.Gate) else gate.check(document)
    return _root(passed.namespace, passed.root, passed.line)


def readable(document: bytes | gate.Gate) -> Root:
    """The same for every syntax that the hub reads; ``root`` knows only what the rules judge as it stands."""
    passed = document if isinstance(document, gate.Gate) else gate.check(document)
    return _readable(passed.namespace, passed.root, passed.line)


def root_of(element: Element) -> Root:
    """The same for a parsed document."""
    return _root(*_named(element))


def readable_of(element: Element) -> Root:
    """``readable`` for a parsed document."""
    return _readable(*_named(element))


def _readable(namespace: str, name: str, line: int) -> Root:
    syntax = _OTHER.get((namespace, name))
    return _root(namespace, name, line) if syntax is None else Root(namespace, name, syntax)


def _named(element: Element) -> tuple[str, str, int]:
    name = etree.QName(element)
    return name.namespace or "", name.localname, line_of(element) or 1


def _root(namespace: str, name: str, line: int) -> Root:
    syntax = _SYNTAX.get((namespace, name))
    if syntax is None:
        raise not_an_invoice(name, line, namespace)
    return Root(namespace, name, syntax)


def not_an_invoice(name: str, line: int, namespace: str = "") -> Unprocessable:
    """The refusal of a document that is well made and no invoice."""
    where = f" ({namespace[:120]})" if namespace else ""
    return refuse("not-an-invoice", line, seen=f"<{name[:60]}>{where}")


def profile(customization: str | None, profile_id: str | None = None) -> Profile:
    """The profile a CustomizationID (BT-24) and a ProfileID (BT-23) name; ``unknown`` when neither says."""
    text = "".join((customization or "").split())
    for pattern, name in _PROFILES:
        if pattern.search(text):
            return name
    return "e-fff" if "e-fff" in (profile_id or "").lower() or "e-fff" in text.lower() else "unknown"
