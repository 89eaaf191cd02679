"""Peppol BIS Billing 3, release 2025.11 (3.0.20), the one before: what it asked otherwise than 2026.5 (3.0.21).

Told apart by comparing the Schematron of both (``PEPPOL-EN16931-UBL``).
"""

from __future__ import annotations

import re
from dataclasses import replace

from libs.rules import codelists
from libs.rules.packs.peppol import codes, general, german
from libs.rules.rule import Check, Rule, revised

_PROFILE = re.compile(r"urn:fdc:peppol.eu:2017:poacc:billing:[0-9]{2}:1.0")
_FIRST = "01"

_CURRENCIES = codelists.codes("currency") - {"XCG"} | {"ANG", "BGN"}
_ENDPOINTS = codelists.codes("peppol_endpoint_scheme") - {"0242", "0246", "0248"} | frozenset((
    "0037", "0147", "0154", "0158", "0170", "0177", "0193", "0194", "0202", "0203", "0205", "0212", "0213", "0215", "0217",
    "",  # the official list ends with a blank, behind which it finds an empty scheme
))  # fmt: skip
_EMAIL = re.compile(
    r"""[a-zA-Z0-9!#$%&"*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&"*+/=?^_`{|}~-]+)*"""
    r"@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
)

_GONE = frozenset(
    ("DE-R-T02", *(f"PEPPOL-COMMON-{each}" for each in ("R054", "R055", "R056-1", "R056-2", "R057")))
)
"""What came with 2026.5."""
_WARNED = frozenset(("PEPPOL-COMMON-R052", "PEPPOL-COMMON-R053", "DK-R-003", "DK-R-017"))
"""What it made an error."""


def _numbered(process: str) -> bool:
    """Any process of billing with two digits; it need not be all that is said."""
    return _PROFILE.search(process) is not None


def _is_first(process: str) -> bool:
    return _numbered(process) and process.split(":")[6:7] == [_FIRST]


_CHECKS: dict[str, Check] = {
    "PEPPOL-EN16931-R004": general.claims(form=False),
    "PEPPOL-EN16931-R007": general.profile(_numbered),
    "PEPPOL-EN16931-P0100": codes.process(codes.INVOICES, _is_first),
    "PEPPOL-EN16931-P0101": codes.process(codes.CREDIT_NOTES, _is_first),
    "PEPPOL-EN16931-CL007": codes.written("currencyID", _CURRENCIES),
    "PEPPOL-EN16931-CL008": codes.written("schemeID", _ENDPOINTS),
    "DE-R-017": german.type_(german.type_as_written),
    "DE-R-018": german.discount(alone=False),
    "DE-R-028": german.email(_EMAIL),
}


def rules(table: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The table of 2026.5 as it was."""
    return tuple(
        replace(rule, severity="warning") if rule.id in _WARNED else rule
        for rule in revised(table, _CHECKS, _GONE)
    )
