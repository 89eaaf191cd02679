"""The tables of Exact Globe+ as far as the sync reads them.

Names that are public (the annotated eExact schema, the entity documentation; exact.md §4.1) stand as they are.
The others are marked ``inferred``: the column's own name is not public, so it may have to be put right here, and
nowhere else, for a real Globe+. The rest of the service knows a column by its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Date, DateTime, Integer, MetaData, Numeric, String, Table

from services.sync.mappings.field import Name

METADATA = MetaData()

INFERRED: dict[str, list[str]] = {}
"""Table → columns whose name is not public."""


def inferred(table: str, name: str, kind: Any, key: str | None = None) -> Column[Any]:
    INFERRED.setdefault(table, []).append(name)
    return Column(name, kind, key=key or name)


def _many(table: str, stem: str, size: int) -> list[Column[Any]]:
    return [Column(stem, String(size)), *(Column(f"{stem}_{n}", String(size)) for n in range(1, 5))]


def _record(table: str) -> list[Column[Any]]:
    """The record's id and when it was last changed."""
    return [Column("ID", Integer, primary_key=True), inferred(table, "sysmodified", DateTime)]


BEDRYF = Table(
    "bedryf",
    METADATA,
    Column("bedrnr", String(3), primary_key=True),
    Column("bedrnm", String(50)),
    Column("valcode", String(3)),
    inferred("bedryf", "vatnumber", String(20), "vat_number"),
    inferred("bedryf", "cocnumber", String(20), "coc_number"),
    inferred("bedryf", "bankaccount", String(34), "bank_account"),
    inferred("bedryf", "bankinstrument", Integer, "bank_instrument"),
    inferred("bedryf", "telnr", String(25), "phone"),
    inferred("bedryf", "faxnr", String(25), "fax"),
    inferred("bedryf", "adres1", String(100), "address1"),
    inferred("bedryf", "postcode", String(20), "postcode"),
    inferred("bedryf", "woonpl", String(50), "city"),
    inferred("bedryf", "statecode", String(10), "state"),
    inferred("bedryf", "landcode", String(3), "country"),
)

KSTPL = Table(
    "kstpl",
    METADATA,
    *_record("kstpl"),
    Column("kstplcode", String(8)),
    *_many("kstpl", "oms25", 50),
    inferred("kstpl", "Enabled", Integer),
)
KSTDR = Table(
    "kstdr", METADATA, *_record("kstdr"), Column("kstdrcode", String(8)), *_many("kstdr", "oms25", 50)
)
GRTBK = Table(
    "grtbk",
    METADATA,
    *_record("grtbk"),
    Column("reknr", String(9)),
    *_many("grtbk", "oms25", 50),
    Column("omzrek", String(1)),
    inferred("grtbk", "Blocked", Integer),
)
PRPROJECT = Table(
    "PRProject",
    METADATA,
    *_record("PRProject"),
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
    *_many("btwtrs", "oms30", 30),
    inferred("btwtrs", "btwper", Numeric(9, 4)),
    Column("code_iv", String(1)),
    Column("exclus", String(1)),
)
BETCD = Table(
    "betcd",
    METADATA,
    *_record("betcd"),
    Column("betcond", String(2)),
    *_many("betcd", "oms30", 30),
    Column("termijn", Integer),
    Column("kbdagen", Integer),
)
VALUTA = Table(
    "valuta",
    METADATA,
    Column("valcode", String(3), primary_key=True),
    Column("oms30", String(30)),
    Column("active", Integer),
)
RATES = Table(
    "rates",
    METADATA,
    Column("source_currency", String(3)),
    Column("target_currency", String(3)),
    Column("date_l", Date),
    Column("rate_exchange", Numeric(19, 10)),
)
BANKACCOUNTS = Table(
    "bankaccounts",
    METADATA,
    inferred("bankaccounts", "ID", Integer),
    inferred("bankaccounts", "BankAccount", String(34)),
    inferred("bankaccounts", "BankAccountType", String(1)),
    inferred("bankaccounts", "BankName", String(50)),
    Column("IBAN", String(34)),
    Column("BICCode", String(11)),
    inferred("bankaccounts", "Blocked", Integer),
)
CICMPY = Table(
    "cicmpy",
    METADATA,
    Column("cmp_wwn", String(36), primary_key=True),
    inferred("cicmpy", "sysmodified", DateTime),
    Column("cmp_code", String(20)),
    Column("cmp_name", String(50)),
    Column("cmp_type", String(1)),
    Column("cmp_status", String(1)),
    Column("crdcode", String(20)),
    Column("crdnr", String(6)),
    Column("cmp_web", String(128)),
    Column("DunsNumber", String(9)),
    inferred("cicmpy", "cmp_tel", String(25)),
    inferred("cicmpy", "cmp_fax", String(25)),
    Column("cmp_e_mail", String(128)),
    inferred("cicmpy", "cmp_note", String(4000)),
    Column("Currency", String(3)),
    inferred("cicmpy", "ChamberOfCommerce", String(20), "coc_number"),
    Column("VatNumber", String(20)),
    Column("PaymentCondition", String(2)),
    inferred("cicmpy", "BankAccount", String(34), "bank_account"),
    inferred("cicmpy", "res_id", Integer, "employee"),
)
ADDRESSES = Table(
    "Addresses",
    METADATA,
    inferred("Addresses", "Account", String(36), "owner_id"),
    inferred("Addresses", "sysmodified", DateTime),
    Column("Type", String(3)),
    Column("AddressLine1", String(100)),
    Column("Postcode", String(20)),
    Column("City", String(100)),
    Column("Country", String(3)),
)
CICNTP = Table(
    "cicntp",
    METADATA,
    Column("cnt_id", String(36)),
    inferred("cicntp", "cmp_wwn", String(36), "owner_id"),
    inferred("cicntp", "sysmodified", DateTime),
    inferred("cicntp", "MainContact", Integer),
    Column("predcode", String(4)),
    inferred("cicntp", "cnt_f_name", String(30)),
    inferred("cicntp", "cnt_m_name", String(30)),
    inferred("cicntp", "cnt_l_name", String(50)),
    inferred("cicntp", "FullName", String(100)),
    Column("cnt_job_desc", String(50)),
    Column("cnt_f_tel", String(25)),
    inferred("cicntp", "cnt_f_fax", String(25)),
    inferred("cicntp", "cnt_f_mobile", String(25)),
    Column("cnt_email", String(128)),
)
BNKACC = Table(
    "bnkacc",
    METADATA,
    inferred("bnkacc", "crdnr", String(6), "owner_id"),
    inferred("bnkacc", "sysmodified", DateTime),
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
    "vat_code": Source(BTWTRS, "ID", "btwtrans", "sysmodified"),
    "payment_condition": Source(BETCD, "ID", "betcond", "sysmodified"),
    "cost_centre": Source(KSTPL, "ID", "kstplcode", "sysmodified"),
    "cost_unit": Source(KSTDR, "ID", "kstdrcode", "sysmodified"),
    "gl_account": Source(GRTBK, "ID", "reknr", "sysmodified"),
    "project": Source(PRPROJECT, "ID", "ProjectNr", "sysmodified"),
    "supplier": Source(
        CICMPY,
        "cmp_wwn",
        "crdcode",
        "sysmodified",
        (
            ("addresses", ADDRESSES, "cmp_wwn"),
            ("contacts", CICNTP, "cmp_wwn"),
            ("accounts", BNKACC, "crdnr"),
        ),
    ),
}
