"""A division as an office has it: journals, accounts of the ledger, VAT codes, conditions, one supplier, one customer."""

from __future__ import annotations

from decimal import Decimal

from tests.sims.exact_online.books import Books
from tests.sims.exact_online.values import kind

_ACCOUNT_CODE = kind("right18")
_VAT_CODE = kind("left3")
GOODS, OFFICE, REVENUE, BLOCKED = "7000", "4500", "8000", "4999"
"""Accounts of the ledger."""


def division(code: int, name: str = "Voorbeeld BV", *, country: str = "NL") -> Books:
    """Closed until 2019; dollars at 0.90."""
    books = Books(code, name, country, chamber_of_commerce="69599084", vat_number="NL001234567B01")
    books.rates["USD"] = "0.90"
    books.closed |= {(year, period) for year in range(2000, 2020) for period in range(1, 13)}
    for journal, description, of in (("60", "Inkoop", 22), ("70", "Verkoop", 20), ("20", "Bank", 12)):
        books.add("journals", Code=journal, Description=description, Type=of, Currency="EUR")
    for vat, percentage, method, who, blocked in (
        ("0", "0", "N", "B", False),
        ("1", "0.09", "E", "B", False),
        ("2", "0.21", "E", "B", False),
        ("3", "0.21", "I", "P", False),
        ("4", "0.21", "E", "S", False),
        ("9", "0.19", "E", "B", True),
    ):
        books.add(
            "vat_codes",
            Code=_VAT_CODE.take(vat),
            Description=f"BTW {vat}",
            Percentage=Decimal(percentage),
            Type=method,
            VATTransactionType=who,
            IsBlocked=blocked,
        )
    for ledger, description, of, blocked in (
        (GOODS, "Inkoopwaarde", 111, False),
        (OFFICE, "Kantoorkosten", 121, False),
        (REVENUE, "Omzet", 110, False),
        (BLOCKED, "Oude kosten", 121, True),
    ):
        books.add(
            "gl_accounts",
            Code=ledger,
            Description=description,
            Type=of,
            IsBlocked=blocked,
            VATCode=_VAT_CODE.take("2"),
        )
    for condition, days in (("30", 30), ("14", 14)):
        books.add("payment_conditions", Code=condition, Description=f"{days} dagen", PaymentDays=days)
    for table in ("cost_centers", "cost_units"):
        books.add(table, Code="NOORD", Description="Noord", Active=True)
    books.add("projects", Code="P1", Description="Verbouwing")
    books.add("serial_numbers", Code="SN-1", Description="Machine")
    books.add("tracking_numbers", Code="TN-1", Description="Container")
    _accounts(books)
    return books


def _accounts(books: Books) -> None:
    shared = {"Blocked": False, "Country": "NL"}
    books.add(
        "accounts",
        Code=_ACCOUNT_CODE.take("10"),
        Name="Leverancier BV",
        Status="A",
        IsSupplier=True,
        ChamberOfCommerce="68750110",
        VATNumber="NL002455799B11",
        **shared,
    )
    books.add(
        "accounts",
        Code=_ACCOUNT_CODE.take("20"),
        Name="Klant BV",
        Status="C",
        IsSupplier=False,
        ChamberOfCommerce="69599068",
        **shared,
    )


def ledger(books: Books, code: str = OFFICE) -> str:
    """The id of an account of the ledger."""
    return str(books.by_code("gl_accounts", code, "GLAccount")["ID"])


def account(books: Books, code: str) -> str:
    """The id of a supplier or customer."""
    return str(books.by_code("accounts", _ACCOUNT_CODE.take(code), "Account")["ID"])
