"""EN16931-UBL 1.3.15, the release before: what it asked otherwise than 1.3.16.

Told apart by comparing the Schematron of both, as Peppol BIS Billing 3.0.20 and 3.0.21 carry them (``CEN-EN16931-UBL``).
"""

from __future__ import annotations

from libs.einvoice.facts import Facts
from libs.einvoice.money import ZERO
from libs.einvoice.tree import Group
from libs.rules import codelists
from libs.rules.checks import attribute_one_of, one_of
from libs.rules.packs.en16931 import codes, presence, vat
from libs.rules.rule import Breach, Check, Rule, revised

_CURRENCIES = codelists.codes("currency") - {"XCG"} | {"ANG", "BGN"}
"""The Caribbean guilder was not in it yet; those of the Antilles and Bulgaria still were."""
_SCHEMES = codelists.codes("identifier_scheme") - {"0246", "0247", "0248"}
_ENDPOINTS = codelists.codes("endpoint_scheme") - {"0242", "0246", "0248"}
_MOVED = frozenset(("502", "503"))
"""Self-billed corrections, which became credit notes."""

_GONE = frozenset(("UBL-SR-56", "UBL-SR-23", "UBL-CR-674"))
"""The first came with 1.3.16; the others looked where nothing can stand."""


def _split_payment_and_standard(facts: Facts, root: Group) -> Breach | None:
    """Of the breakdown it looked at the wrong place for the standard rate."""
    return vat.split_payment_and_standard(facts, root, breakdown=False)


def _due(facts: Facts, totals: Group) -> Breach | None:
    """Who asks to be paid says until when, or how."""
    root, payable = facts.root, facts.number(totals, "PayableAmount")
    if facts.is_credit_note or payable is None or payable <= ZERO:
        return None
    if "DueDate" in root.leaves or root.at("PaymentTerms", "Note"):
        return None
    return Breach(root.element, expected="cbc:DueDate")


_CHECKS: dict[str, Check] = {
    "BR-B-02": _split_payment_and_standard,
    "BR-CL-01": codes.type_of(
        codelists.codes("invoice_type") | _MOVED, codelists.codes("credit_note_type") - _MOVED
    ),
    "BR-CL-03": attribute_one_of("currencyID", _CURRENCIES),
    "BR-CL-04": one_of(_CURRENCIES),
    "BR-CL-05": one_of(_CURRENCIES),
    "BR-CL-10": codes.party_scheme(_SCHEMES),
    "BR-CL-11": attribute_one_of("schemeID", _SCHEMES),
    "BR-CL-21": attribute_one_of("schemeID", _SCHEMES),
    "BR-CL-25": attribute_one_of("schemeID", _ENDPOINTS),
    "BR-CL-26": attribute_one_of("schemeID", _SCHEMES),
    "BR-CO-26": presence.seller_known(creditor=True),
}

DUE = Rule("BR-CO-25", "fatal", ("BT-9", "BT-20"), _due, "/cac:LegalMonetaryTotal")
"""Withdrawn with 1.3.16."""


def rules(table: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The table of 1.3.16 as it was."""
    return (*revised(table, _CHECKS, _GONE), DUE)
