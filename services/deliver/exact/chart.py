"""What of a division's master data a booking needs: G/L accounts and VAT codes, by the codes its people know. Pure.

Rules name codes; an entry wants the account's id. Codes come out of Exact padded with blanks (``"2  "``) and are compared
without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ACCOUNT_FIELDS = ("ID", "Code", "VATCode", "IsBlocked")
"""Of ``financial/GLAccounts``."""
VAT_FIELDS = ("Code", "Percentage", "Type", "VATTransactionType", "IsBlocked")
"""Of ``vat/VATCodes``."""


@dataclass(frozen=True, slots=True)
class Account:
    """A G/L account (*grootboekrekening*). ``vat_code``: what it has by default."""

    id: str
    code: str
    vat_code: str | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class VatCode:
    """``percentage`` as people say it: 21, not 0.21. ``inclusive``: the amount of a line holds its VAT (``Type`` I).
    ``direction``: for purchase (P), sales (S) or both (B)."""

    code: str
    percentage: Decimal
    inclusive: bool = False
    direction: str = "B"
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    accounts: Mapping[str, Account] = field(default_factory=dict)
    vat_codes: Mapping[str, VatCode] = field(default_factory=dict)


def of_rows(accounts: Iterable[Mapping[str, Any]], vat_codes: Iterable[Mapping[str, Any]]) -> Chart:
    """From rows as Exact gives them, with the fields above."""
    return Chart(
        {found.code: found for found in map(_account, accounts)},
        {found.code: found for found in map(_vat_code, vat_codes)},
    )


def _account(row: Mapping[str, Any]) -> Account:
    vat_code = str(row.get("VATCode") or "").strip()
    return Account(str(row["ID"]), str(row["Code"]).strip(), vat_code or None, bool(row.get("IsBlocked")))


def _vat_code(row: Mapping[str, Any]) -> VatCode:
    # A fraction (0.21) that may have gone through binary: as text first, or its tail would show.
    percentage = Decimal(str(row.get("Percentage") or 0)) * 100
    return VatCode(
        str(row["Code"]).strip(),
        percentage.quantize(Decimal("0.0001")).normalize(),
        str(row.get("Type") or "").strip() == "I",
        str(row.get("VATTransactionType") or "B").strip(),
        bool(row.get("IsBlocked")),
    )
