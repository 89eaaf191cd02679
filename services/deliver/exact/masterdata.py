"""A division's chart as bookings need it: the accounts that rules name and the VAT codes, read once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from libs.db.types import Pool
from services.deliver.exact import chart, records, wire
from services.deliver.exact.chart import Chart
from services.deliver.exact.client import Books
from services.deliver.exact.rules import Rules

FRESH = timedelta(days=1)
AGAIN = timedelta(minutes=5)
"""Where something is missing in it: whoever mends his books should not have to wait for a day."""
AT_ONCE = 20
"""Accounts of one query: it may have 2,048 characters (inference)."""


async def chart_of(pool: Pool, base: str, division: int, books: Books, rules: Rules) -> Chart:
    """Raises ``Trouble``."""
    kept = await records.chart(pool, base, division)
    if kept is not None:
        found = chart.of_rows(kept.accounts, kept.vat_codes)
        if kept.age < AGAIN or (kept.age < FRESH and rules.codes() <= found.accounts.keys()):
            missing = (
                rules.codes() - {str(row["Code"]).strip() for row in kept.accounts} - _asked(kept.accounts)
            )
            if not missing:
                return found
    accounts = await _accounts(books, sorted(rules.codes()))
    vat_codes = await books.rows("vat/VATCodes", select=",".join(chart.VAT_FIELDS))
    kept_codes = [_plain(row) for row in vat_codes]
    await records.keep_chart(pool, base, division, accounts, kept_codes)
    return chart.of_rows(accounts, kept_codes)


def _asked(accounts: list[dict[str, Any]]) -> frozenset[str]:
    """Codes that were asked for and are not there."""
    return frozenset(str(row["Code"]) for row in accounts if not row.get("ID"))


async def _accounts(books: Books, codes: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for n in range(0, len(codes), AT_ONCE):
        some = codes[n : n + AT_ONCE]
        condition = " or ".join(f"Code eq {wire.text(code)}" for code in some)
        found += await books.rows(
            "financial/GLAccounts", select=",".join(chart.ACCOUNT_FIELDS), filter=condition
        )
    return [_plain(row) for row in found]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """As it is kept: without what nobody asked for, amounts as text."""
    names = (*chart.ACCOUNT_FIELDS, *chart.VAT_FIELDS)
    return {name: value if isinstance(value, (str, bool, int)) else str(value) for name, value in row.items()
            if name in names and value is not None}  # fmt: skip
