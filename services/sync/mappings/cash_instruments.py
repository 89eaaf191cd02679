"""Cash instruments (*Betaalmiddelen*), which become bank accounts of organisation and company, requirements B6.9."""

from __future__ import annotations

from collections.abc import Sequence

from libs.identifiers import iban
from services.sync.mappings.field import Field, Names, Row, as_flag, as_text, plain

FIELDS = (
    plain(
        "M-CI1",
        "bankaccounts.BankName",
        "bankName",
        Names("Bank / Type", "bank / type", "Bank naam", "bank name"),
    ),
    plain(
        "M-CI2",
        "bankaccounts.BICCode",
        "swift",
        Names("BIC-code", "BIC", "Swift adres van bank", "SWIFT address of the bank"),
    ),
    Field(
        "M-CI3",
        "bankaccounts.IBAN",
        ("accountNumber",),
        Names("IBAN", "IBAN", "Rekeningnummer", "account number"),
        lambda row, scope: number(row),  # noqa: ARG005 - the shape of every field
        key=True,
        rules=("M-OR5", "M-CO3"),
        rule="only IBAN cash instruments whose IBAN is filled in",
    ),
)


def number(row: Row) -> str:
    """The IBAN as one word."""
    return "".join(as_text(row.get("IBAN")).split()).upper()


def with_iban(row: Row) -> Sequence[Row]:
    """The administration's IBAN cash instruments, in order of their ids: those of type IBA
    (inference) whose IBAN is filled in and is one, and which are not blocked."""
    found = [
        each
        for each in row.get("instruments", ())
        if as_text(each.get("accncd")).upper() == "IBA"
        and iban.read(number(each)) is not None
        and not as_flag(each.get("Blocked"))
    ]
    return sorted(found, key=lambda each: (len(as_text(each.get("ID"))), as_text(each.get("ID"))))


def named(row: Row) -> list[Row]:
    """The instrument whose number the administration names as its bank account."""
    wanted = "".join(as_text(row.get("BankAccount")).split()).upper()
    return [
        each
        for each in with_iban(row)
        if wanted and wanted in (number(each), as_text(each.get("BankAccount")).upper())
    ]
