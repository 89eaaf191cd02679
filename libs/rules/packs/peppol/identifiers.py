"""Peppol BIS Billing 3: numbers of parties by their scheme (PEPPOL-COMMON), as release 2026.5 asks them.

Of several rules that are about one number the first in this order speaks: a VAT number that names a scheme is held to
that scheme.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group, Item
from libs.rules.checks import shown
from libs.rules.packs.peppol import numbers
from libs.rules.rule import Breach, Check, Rule, Severity

_ENDPOINT = "cbc:EndpointID/@schemeID"
_ANYWHERE = f"{_ENDPOINT} cac:PartyIdentification/cbc:ID/@schemeID cbc:CompanyID/@schemeID"
_DUTCH_VAT = re.compile(r"NL[0-9]{9}B[0-9]{2}")
_NL_VAT = "NL123456789B01"


def _dutch_vat(text: str) -> bool:
    return _DUTCH_VAT.fullmatch(text) is not None


def _holds(
    scheme: str, right: Callable[[str], bool], expected: str | None, read: Callable[..., str]
) -> Check:
    def check(_: Facts, leaf: Element) -> Breach | None:
        if leaf.get("schemeID") != scheme or right(read(leaf.text)):
            return None
        return Breach(leaf, seen=shown(leaf.text), expected=expected)

    return check


def _written(text: str | None) -> str:
    return text or ""


def _rule(
    id_: str,
    severity: Severity,
    scheme: str,
    right: Callable[[str], bool],
    expected: str | None = None,
    *,
    where: str = _ANYWHERE,
    read: Callable[..., str] = normal,
) -> Rule:
    return Rule(f"PEPPOL-COMMON-{id_}", severity, _TERMS, _holds(scheme, right, expected, read), where)


_TERMS = ("BT-29", "BT-30", "BT-34", "BT-46", "BT-47", "BT-49", "BT-60", "BT-61")


def _is_vat(registration: Group) -> bool:
    return any(normal(leaf.text) == "VAT" for leaf in registration.at("TaxScheme", "ID"))


def _registered(_: Facts, registration: Group) -> Breach | None:
    if not _is_vat(registration):
        return None
    for leaf in registration.leaves.get("CompanyID", ()):
        if leaf.get("schemeID") in _BEFORE:
            continue
        number = normal(leaf.text)
        if number.startswith("NL") and not _dutch_vat(number):
            return Breach(leaf, seen=shown(leaf.text), expected=_NL_VAT)
    return None


def _branch(_: Facts, item: Item) -> Breach | None:
    if isinstance(item, Group):
        vat = _is_vat(item)
        leaves = [
            leaf
            for leaf in item.leaves.get("CompanyID", ())
            if not (vat and normal(leaf.text).startswith("NL"))
        ]
    else:
        leaves = [item]
    for leaf in leaves:
        if leaf.get("schemeID") == "0217" and not numbers.digits(normal(leaf.text), 12):
            return Breach(leaf, seen=shown(leaf.text), expected="123456789012")
    return None


def _digits(length: int) -> Callable[[str], bool]:
    return lambda text: numbers.digits(text, length)


def _swedish(text: str) -> bool:
    return len(text) == 10 and numbers.swedish(text)


_SCHEMED: tuple[Rule, ...] = (
    _rule("R040", "fatal", "0088", numbers.gln),
    _rule("R041", "fatal", "0192", numbers.mod11),
    _rule("R042", "fatal", "0184", numbers.danish, "DK12345678", read=_written),
    _rule("R052", "fatal", "0096", _digits(10), "1234567890", read=_written),
    _rule("R053", "fatal", "0198", numbers.danish_with_prefix, "DK12345678", read=_written),
    _rule("R043", "fatal", "0208", numbers.belgian),
    _rule("R044", "warning", "0201", numbers.italian_office),
    _rule("R045", "warning", "0210", numbers.italian_person),
    _rule("R046", "warning", "9907", numbers.italian_person, where=_ENDPOINT),
    _rule("R047", "warning", "0211", numbers.italian_vat),
    _rule("R049", "fatal", "0007", _swedish),
    _rule("R050", "fatal", "0151", numbers.australian),
    _rule("R054", "warning", "0106", _digits(8), "12345678"),
    _rule("R055", "warning", "0190", _digits(20), "00000001234567890000"),
    _rule("R056-1", "warning", "9944", _dutch_vat, _NL_VAT),
)
_BEFORE = frozenset(("0088", "0192", "0184", "0096", "0198", "0208", "0201", "0210", "0211", "0007", "0151",
                     "0106", "0190", "9944"))  # fmt: skip

RULES: tuple[Rule, ...] = (
    *_SCHEMED,
    Rule("PEPPOL-COMMON-R056-2", "warning", ("BT-31", "BT-48", "BT-63"), _registered, "cac:PartyTaxScheme"),
    Rule("PEPPOL-COMMON-R057", "warning", _TERMS, _branch,
         f"{_ENDPOINT} cac:PartyIdentification/cbc:ID/@schemeID cac:PartyLegalEntity/cbc:CompanyID/@schemeID "
         "cac:PartyTaxScheme"),
)  # fmt: skip
