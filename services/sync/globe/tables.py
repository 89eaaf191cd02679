"""The tables of Exact Globe+ as far as the sync reads them.

Names that are public (the annotated eExact schema, the entity documentation; exact.md §4.1) stand as they are.
The others are marked ``inferred``: the column's own name is not public, so it may have to be put right here, and
nowhere else, for a real Globe+. The rest of the service knows a column by its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Float, Integer, LargeBinary, MetaData, String, Table, Uuid

from services.sync.mappings.field import Name

METADATA = MetaData()

INFERRED: dict[str, list[str]] = {}
"""Table → columns whose name is not public."""


def inferred(table: str, name: str, kind: Any, key: str | None = None) -> Column[Any]:
    INFERRED.setdefault(table, []).append(name)
    return Column(name, kind, key=key or name)


def _described(stem: str, size: int) -> list[Column[Any]]:
    """A description and its four translations."""
    return [Column(stem, String(size)), *(Column(f"{stem}_{n}", String(size)) for n in range(1, 5))]


def _stamp(table: str) -> Column[Any]:
    """SQL Server's rowversion: it moves with every write, whatever the server's clock does."""
    INFERRED.setdefault(table, []).append("timestamp")
    return Column("timestamp", LargeBinary, key="stamp", quote=True)


def _record(table: str) -> list[Column[Any]]:
    return [Column("ID", Integer, primary_key=True), _stamp(table)]


BEDRYF = Table(
    "bedryf",
    METADATA,
    Column("bedrnr", String(3), primary_key=True),
    Column("bedrnm", String(50)),
    Column("valcode", String(3)),
    inferred("bedryf", "VATNumber", String(20)),
    inferred("bedryf", "ChamberofCommerceNumber", String(20)),
    inferred("bedryf", "BankAccount", String(34)),
    inferred("bedryf", "CashInstrument", String(10)),
    inferred("bedryf", "Phone", String(25)),
    inferred("bedryf", "Fax", String(25)),
    inferred("bedryf", "AddressLine1", String(100)),
    inferred("bedryf", "Postcode", String(20)),
    inferred("bedryf", "City", String(100)),
    inferred("bedryf", "StateCode", String(3)),
    inferred("bedryf", "Country", String(2)),
)
BANKACCOUNTS = Table(
    "bankaccounts",
    METADATA,
    inferred("bankaccounts", "ID", Integer),
    inferred("bankaccounts", "Code", String(10)),
    Column("BankAccount", String(34)),
    Column("BankAccountType", String(1)),
    inferred("bankaccounts", "accncd", String(3)),
    Column("IBAN", String(34)),
    Column("BICCode", String(11)),
    Column("BankName", String(50)),
    Column("Blocked", Boolean),
)
KSTPL = Table(
    "kstpl",
    METADATA,
    *_record("kstpl"),
    Column("kstplcode", String(8)),
    *_described("oms25", 50),
    Column("Enabled", Boolean),
)
KSTDR = Table("kstdr", METADATA, *_record("kstdr"), Column("kstdrcode", String(8)), *_described("oms25", 50))
GRTBK = Table(
    "grtbk",
    METADATA,
    *_record("grtbk"),
    Column("reknr", String(9)),
    *_described("oms25", 50),
    Column("omzrek", String(1)),
    Column("Blocked", Boolean),
)
PRPROJECT = Table(
    "PRProject",
    METADATA,
    Column("ID", Uuid(as_uuid=False), primary_key=True),
    _stamp("PRProject"),
    Column("ProjectNr", String(20)),
    Column("Description", String(60)),
    Column("Status", String(1)),
    Column("Type", String(1)),
    Column("InitialStartDate", DateTime),
    Column("InitialEndDate", DateTime),
)
BTWTRS = Table(
    "btwtrs",
    METADATA,
    *_record("btwtrs"),
    Column("btwtrans", String(3)),
    Column("Description", String(50)),
    *(inferred("btwtrs", f"Description{n}", String(50), f"Description_{n}") for n in range(1, 5)),
    Column("Percentage", Float),
    Column("code_iv", String(1)),
    Column("exclus", String(1)),
)
BETCD = Table(
    "betcd",
    METADATA,
    *_record("betcd"),
    Column("betcond", String(2)),
    *_described("oms30", 50),
    Column("termijn", Integer),
    Column("kbdagen", Integer),
)
VALUTA = Table(
    "valuta",
    METADATA,
    Column("valcode", String(3), primary_key=True),
    Column("oms30", String(50)),
    Column("active", Boolean),
)
RATES = Table(
    "rates",
    METADATA,
    Column("source_currency", String(3)),
    Column("target_currency", String(3)),
    Column("date_l", DateTime),
    Column("rate_exchange", Float),
)
CICMPY = Table(
    "cicmpy",
    METADATA,
    Column("cmp_wwn", Uuid(as_uuid=False), primary_key=True),
    _stamp("cicmpy"),
    Column("cmp_code", String(20)),
    Column("cmp_name", String(50)),
    Column("cmp_type", String(1)),
    Column("cmp_status", String(1)),
    Column("crdcode", String(6)),
    Column("crdnr", String(6)),
    Column("cmp_web", String(128)),
    Column("DunsNumber", String(9)),
    inferred("cicmpy", "Phone", String(25)),
    inferred("cicmpy", "Fax", String(25)),
    Column("cmp_e_mail", String(128)),
    inferred("cicmpy", "Note", String),
    Column("Currency", String(3)),
    inferred("cicmpy", "ChamberofCommerceNumber", String(20)),
    Column("VATNumber", String(20)),
    Column("PaymentCondition", String(2)),
    inferred("cicmpy", "BankAccount", String(34)),
)
ADDRESSES = Table(
    "Addresses",
    METADATA,
    inferred("Addresses", "Account", Uuid(as_uuid=False), "owner_id"),
    inferred("Addresses", "ContactPerson", Uuid(as_uuid=False)),
    _stamp("Addresses"),
    Column("Type", String(3)),
    Column("AddressLine1", String(100)),
    Column("Postcode", String(20)),
    Column("City", String(100)),
    Column("Country", String(2)),
)
CICNTP = Table(
    "cicntp",
    METADATA,
    Column("cnt_id", Uuid(as_uuid=False)),
    inferred("cicntp", "cmp_wwn", Uuid(as_uuid=False), "owner_id"),
    _stamp("cicntp"),
    Column("MainContact", Boolean),
    Column("predcode", String(4)),
    Column("FirstName", String(30)),
    Column("MiddleName", String(15)),
    Column("LastName", String(60)),
    Column("FullName", String(110)),
    Column("cnt_job_desc", String(50)),
    Column("cnt_f_tel", String(25)),
    inferred("cicntp", "FaxNumber", String(25)),
    Column("MobileNumber", String(25)),
    Column("cnt_email", String(128)),
)
BNKACC = Table(
    "bnkacc",
    METADATA,
    inferred("bnkacc", "crdnr", String(6), "owner_id"),
    _stamp("bnkacc"),
    Column("banknr", String(34)),
    Column("accncd", String(3)),
    Column("naam", String(50)),
    Column("IBAN", String(34)),
    Column("swiftadres", String(11)),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where records of a kind are, how each is known and how it shows that it was changed."""

    table: Table
    record: str
    """Key of the column that identifies a record for ever."""
    code: str
    """Key of the column people know it by."""
    stamp: str | None
    """Key of the column that moves with every change; None: read all of it each time, there is little."""
    parts: tuple[tuple[str, Table, str], ...] = ()
    """What belongs to a record: its name in the row, its table, and the record's column it refers to."""


SOURCES: dict[Name, Source] = {
    "organisation": Source(BEDRYF, "bedrnr", "bedrnr", None),
    "company": Source(BEDRYF, "bedrnr", "bedrnr", None),
    "currency": Source(VALUTA, "valcode", "valcode", None),
    "vat_code": Source(BTWTRS, "ID", "btwtrans", "stamp"),
    "payment_condition": Source(BETCD, "ID", "betcond", "stamp"),
    "cost_centre": Source(KSTPL, "ID", "kstplcode", "stamp"),
    "cost_unit": Source(KSTDR, "ID", "kstdrcode", "stamp"),
    "gl_account": Source(GRTBK, "ID", "reknr", "stamp"),
    "project": Source(PRPROJECT, "ID", "ProjectNr", "stamp"),
    "supplier": Source(
        CICMPY,
        "cmp_wwn",
        "crdcode",
        "stamp",
        (
            ("addresses", ADDRESSES, "cmp_wwn"),
            ("contacts", CICNTP, "cmp_wwn"),
            ("accounts", BNKACC, "crdnr"),
        ),
    ),
}
