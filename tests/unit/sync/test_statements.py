"""What is run on SQL Server: every statement compiled for it, and only reading."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import mssql

from libs.errors import BadInput
from libs.telemetry.logs import describe
from services.sync.globe import statements
from services.sync.globe.filters import compiled
from services.sync.globe.reader import engine
from services.sync.globe.tables import SOURCES
from services.sync.mappings import KINDS


def sql(statement: Select[Any]) -> str:
    dialect = mssql.dialect()  # type: ignore[no-untyped-call]
    return " ".join(str(statement.compile(dialect=dialect)).split())


ALL = [
    *(statements.stamps(kind.name, "001") for kind in KINDS),
    *(statements.sums(kind.name, "001") for kind in KINDS if SOURCES[kind.name].stamp is not None),
    *(statements.records(kind.name, "001", ["1"]) for kind in KINDS),
    *(statements.codes(kind.name, "001", ["1"]) for kind in KINDS),
    *(statements.of_codes(kind.name, "001", ["1"]) for kind in KINDS),
    *(statements.parts(s, name, ["1"]) for s in SOURCES.values() for name, _, _ in s.parts),
    statements.stamps("gl_account", "001", compiled("reknr = '1'", "gl_account")),
    statements.rates(date(2026, 3, 2)),
    statements.instruments(),
    statements.administration("001"),
    statements.bban_accounts(),
    statements.supplier_names(),
]


@pytest.mark.parametrize("statement", ALL, ids=range(len(ALL)))
def test_a_statement_is_transact_sql_and_only_reads(statement: Select[Any]) -> None:
    text = sql(statement)
    assert text.startswith("SELECT ")
    assert re.search(r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|EXEC|LIMIT|ILIKE)\b", text) is None
    assert "'" not in text


def test_the_statement_that_looks_what_changed() -> None:
    assert sql(statements.stamps("project", "001")) == (
        "SELECT CAST([PRProject].[ID] AS VARCHAR(36)) AS record, [PRProject].[ProjectNr] AS code, "
        "[PRProject].[timestamp] AS stamp FROM [PRProject] ORDER BY [PRProject].[ID]"
    )
    assert (
        "LEFT OUTER JOIN (SELECT [Addresses].[Account] AS [Account], count(*) AS many, "
        "max([Addresses].[timestamp]) AS stamp "
        "FROM [Addresses] GROUP BY [Addresses].[Account]) AS addresses ON addresses.[Account] = cicmpy.cmp_wwn"
    ) in sql(statements.stamps("supplier", "001"))


@pytest.mark.parametrize(
    "address", ["mssql+mssqlpython://u:geheim@globe:port/001", "geheim", "foo://u:geheim@globe/001"]
)
def test_an_address_that_is_none_is_told_without_what_stands_in_it(address: str) -> None:
    with pytest.raises(BadInput) as refused:
        engine(address)
    assert "geheim" not in describe(refused.value)


def test_the_statement_that_looks_whether_anything_changed_sums_what_sql_server_cannot_overflow() -> None:
    assert sql(statements.sums("project", "001")) == (
        "SELECT [of_PRProject].many, [of_PRProject].newest, [of_PRProject].total FROM "
        "(SELECT count(*) AS many, max([PRProject].[timestamp]) AS newest, "
        "sum(CAST(CAST([PRProject].[timestamp] AS BIGINT) AS DECIMAL(38, 0))) AS total FROM [PRProject]) AS [of_PRProject]"
    )
    assert sql(statements.sums("supplier", "001")).count("sum(") == 4


def test_rates_are_of_today_or_before() -> None:
    found = statements.rates(date(2026, 3, 2)).compile().params
    assert "2026-03-03 00:00:00" in {str(value) for value in found.values()}
