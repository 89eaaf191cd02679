"""The statements the sync runs on Exact Globe+: read only, in the dialect of whoever runs them. Pure.

They are SQLAlchemy Core expressions: values are bind parameters, always. A test compiles each for SQL Server.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, String, Uuid, and_, cast, func, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from services.sync.globe.tables import BANKACCOUNTS, BEDRYF, BNKACC, CICMPY, RATES, SOURCES, Source
from services.sync.mappings.field import Name

MOST_IDS = 500
"""Ids in one statement: SQL Server takes 2,100 parameters."""


def standard(kind: Name, administration: str) -> ColumnElement[bool] | None:
    """What records of the table are of this kind at all."""
    if kind in ("organisation", "company"):
        return BEDRYF.c.bedrnr == administration
    if kind == "supplier":
        # A relation that is a debtor only has no creditor number.
        return and_(CICMPY.c.crdcode.is_not(None), CICMPY.c.crdcode != "")
    return None


def _where(statement: Select[Any], *conditions: ColumnElement[bool] | None) -> Select[Any]:
    found = [each for each in conditions if each is not None]
    return statement.where(*found) if found else statement


def stamps(kind: Name, administration: str, condition: ColumnElement[bool] | None = None) -> Select[Any]:
    """Every record's id, code and stamp: small rows, however wide the records are. Behind them, of each of its parts,
    how many there are and when the newest was changed: nobody promises that a new address touches its relation."""
    source = SOURCES[kind]
    record: ColumnElement[Any] = source.table.c[source.record]
    if isinstance(record.type, Uuid):
        record = cast(record, String(36))  # one for each record is dear to make an object of
    columns = [record.label("record"), source.table.c[source.code].label("code")]
    if source.stamp is not None:
        columns.append(source.table.c[source.stamp].label("stamp"))
    tables: FromClause = source.table
    for name, table, key in source.parts:
        newest = func.max(table.c.stamp).label("stamp")
        own = select(table.c.owner_id, func.count().label("many"), newest).group_by(table.c.owner_id)
        part = own.subquery(name)
        tables = tables.outerjoin(part, part.c.owner_id == source.table.c[key])
        columns += [part.c.many.label(f"{name}_many"), part.c.stamp.label(f"{name}_stamp")]
    found = _where(select(*columns).select_from(tables), standard(kind, administration), condition)
    return found.order_by(source.table.c[source.record])


class Whole(FunctionElement[Any]):
    """A row version as a whole number, wide enough for the sum of all of a table."""

    name = "whole"
    inherit_cache = True


@compiles(Whole, "mssql")
def _whole_mssql(element: Whole, compiler: SQLCompiler, **more: Any) -> str:
    return f"CAST(CAST({compiler.process(element.clauses, **more)} AS BIGINT) AS DECIMAL(38, 0))"


@compiles(Whole, "postgresql")
def _whole_postgresql(element: Whole, compiler: SQLCompiler, **more: Any) -> str:
    return f"('x' || encode({compiler.process(element.clauses, **more)}, 'hex'))::bit(64)::bigint"


def sums(kind: Name, administration: str) -> Select[Any]:
    """All stamps of a kind in one row: how many, the newest and their sum, of its table and of each of its parts'."""
    source = SOURCES[kind]
    tables = [(source.table, standard(kind, administration)), *((part, None) for _, part, _ in source.parts)]
    each = [
        _where(
            select(
                func.count().label("many"),
                func.max(table.c.stamp).label("newest"),
                func.sum(Whole(table.c.stamp)).label("total"),
            ).select_from(table),
            condition,
        ).subquery(f"of_{table.name}")
        for table, condition in tables
    ]
    joined: FromClause = each[0]
    for other in each[1:]:
        joined = joined.join(other, true())
    return select(*(column for part in each for column in part.c)).select_from(joined)


def records(kind: Name, administration: str, ids: Sequence[Any]) -> Select[Any]:
    """These records whole."""
    source = SOURCES[kind]
    wanted = source.table.c[source.record].in_(list(ids))
    return _where(select(source.table), standard(kind, administration), wanted).order_by(
        source.table.c[source.record]
    )


def codes(kind: Name, administration: str, ids: Sequence[Any]) -> Select[Any]:
    """The codes of these records, as the database writes them."""
    source = SOURCES[kind]
    record, code = source.table.c[source.record], source.table.c[source.code]
    return _where(select(code), standard(kind, administration), record.in_(list(ids)))


def of_codes(kind: Name, administration: str, written: Sequence[Any]) -> Select[Any]:
    """The records that have one of these codes."""
    source = SOURCES[kind]
    record, code = source.table.c[source.record].label("record"), source.table.c[source.code]
    wanted = code.in_(list(written))
    return _where(select(record, code.label("code")), standard(kind, administration), wanted).order_by(record)


def parts(source: Source, name: str, owners: Sequence[Any]) -> Select[Any]:
    """What belongs to these records. Bank accounts know their creditor by number, the rest by guid."""
    table = next(table for each, table, _ in source.parts if each == name)
    owner = table.c.owner_id
    return select(table).where(owner.in_(list(owners))).order_by(owner)


def rates(today: date) -> Select[Any]:
    """Of each currency the rate against the euro of today, or else the newest before (R246)."""
    newest = (
        select(RATES.c.source_currency, func.max(RATES.c.date_l).label("date_l"))
        .where(
            RATES.c.target_currency == "EUR",
            RATES.c.date_l < datetime.combine(today + timedelta(days=1), time()),
        )
        .group_by(RATES.c.source_currency)
        .subquery()
    )
    return select(RATES).where(
        RATES.c.source_currency == newest.c.source_currency,
        RATES.c.date_l == newest.c.date_l,
        RATES.c.target_currency == "EUR",
    )


def instruments() -> Select[Any]:
    """The administration's cash instruments."""
    return select(BANKACCOUNTS).order_by(BANKACCOUNTS.c.ID)


def administration(code: str) -> Select[Any]:
    """The administration itself."""
    return select(BEDRYF).where(BEDRYF.c.bedrnr == code)


def bban_accounts() -> Select[Any]:
    """How many bank accounts of creditors and of the administration have a number but no IBAN (R201.10)."""
    of_creditors = select(func.count()).where(
        or_(BNKACC.c.IBAN.is_(None), BNKACC.c.IBAN == ""), BNKACC.c.banknr.is_not(None), BNKACC.c.banknr != ""
    )
    own = select(func.count()).where(
        or_(BANKACCOUNTS.c.IBAN.is_(None), BANKACCOUNTS.c.IBAN == ""),
        BANKACCOUNTS.c.BankAccountType == "R",
        BANKACCOUNTS.c.BankAccount.is_not(None),
        BANKACCOUNTS.c.BankAccount != "",
    )
    return select(of_creditors.scalar_subquery().label("creditors"), own.scalar_subquery().label("own"))


def supplier_names() -> Select[Any]:
    """Code and name of every creditor, to compare between administrations (R201.7)."""
    return _where(select(CICMPY.c.crdcode, CICMPY.c.cmp_name), standard("supplier", ""))
