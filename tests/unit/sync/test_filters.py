"""The filter of a first load: read by a grammar, built anew with bind parameters, never pasted into SQL."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import mssql

from services.sync.globe.filters import MOST, BadFilter, compiled
from services.sync.mappings.field import Name


def sql(text: str, kind: Name = "gl_account") -> tuple[str, list[object]]:
    """As SQL Server would get it: the text and the values beside it."""
    made = compiled(text, kind).compile(dialect=mssql.dialect(), compile_kwargs={"render_postcompile": True})  # type: ignore[no-untyped-call]
    return " ".join(str(made).split()), list(made.params.values())


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("grtbk.reknr in ('0001', '0005')", "gl_account", ["0001", "0005"]),
        ("reknr = '4000'", "gl_account", ["4000"]),
        ("GRTBK.REKNR <> '4000' AND omzrek = 'N'", "gl_account", ["4000", "N"]),
        ("not (reknr like '4%' or reknr between '1' and '2')", "gl_account", ["4%", "1", "2"]),
        (
            "omzrek is not null and oms25 = 'd''Arc; drop table grtbk --'",
            "gl_account",
            ["d'Arc; drop table grtbk --"],
        ),
        ("kstpl.kstplcode not in ('A')", "cost_centre", ["A"]),
    ],
)
@pytest.mark.proves("R227")
def test_a_filter_becomes_an_expression_with_values_beside_it(
    text: str, kind: Name, values: list[object]
) -> None:
    made, found = sql(text, kind)
    assert found == values
    assert not any(str(value) in made for value in values if isinstance(value, str) and len(value) > 2)


def test_a_date_is_compared_as_a_date() -> None:
    _, values = sql("InitialEndDate >= '2026-01-01'", "project")
    assert str(values[0]) == "2026-01-01 00:00:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reknr",
        "reknr = ",
        "reknr = 4000; drop table grtbk",
        "reknr in (select reknr from grtbk)",
        "reknr = '1' union select 1",
        "reknr = '1' -- comment",
        "reknr = '1' /* comment */",
        "reknr = 'unclosed",
        "len(reknr) = 4",
        "reknr = oms25",
        "1 = 1",
        "kstpl.kstplcode = 'A'",
        "unknown = 'A'",
        "timestamp = '1'",
        "sys.objects.name = 'x'",
        "Blocked like '1%'",
        "Blocked = 'x'",
        "[reknr] = '1'",
        '"reknr" = 1',
        "reknr = '1' or exists (select 1)",
        "((((((((((((((((((((((reknr = '1'))))))))))))))))))))))",
        "reknr = '1'" + " or reknr = '1'" * 20,
    ],
)
@pytest.mark.proves("R227", "SB14")
def test_what_is_no_condition_on_a_listed_column_is_refused(text: str) -> None:
    with pytest.raises(BadFilter) as refused:
        compiled(text, "gl_account")
    assert set(refused.value.words) == {"nl", "en"}


@pytest.mark.proves("R227", "SB14")
def test_a_filter_has_at_most_255_characters() -> None:
    fits = "reknr = '" + "4" * (MOST - 10) + "'"
    assert len(fits) == MOST
    compiled(fits, "gl_account")
    with pytest.raises(BadFilter):
        compiled(fits.replace("= '", "=  '"), "gl_account")


@pytest.mark.proves("R230")
def test_suppliers_have_no_filter() -> None:
    with pytest.raises(BadFilter):
        compiled("crdcode = '1'", "supplier")


@pytest.mark.parametrize("text", ["ID = '" + "z" * 36 + "'", "ID like '1%'", "ID = 1", "ID = ''"])
def test_what_is_no_id_is_not_asked_of_the_database(text: str) -> None:
    with pytest.raises(BadFilter):
        compiled(text, "project")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("blocked > 0", "gl_account"),
        ("blocked between 0 and 1", "gl_account"),
        ("id = 2147483648", "gl_account"),
        ("id = '1_0'", "gl_account"),
        ("percentage = 'nan'", "vat_code"),
        ("percentage in ('1e400')", "vat_code"),
        ("initialstartdate > '1752-12-31'", "project"),
        ("initialstartdate > '2024-01-01T00:00+05:00'", "project"),
        ("initialstartdate like '2024%'", "project"),
        ("reknr = '\ud800'", "gl_account"),
    ],
)
@pytest.mark.proves("R227")
def test_what_a_column_cannot_hold_or_do_is_refused_before_the_database_sees_it(
    text: str, kind: Name
) -> None:
    with pytest.raises(BadFilter, match=r"compared|compare it"):
        compiled(text, kind)
