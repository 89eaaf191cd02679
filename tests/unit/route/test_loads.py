"""What a load understands of a file and its rows, before anybody looks into the directory: nothing is guessed."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from libs.contracts.parts import Identifier
from libs.errors import Unprocessable
from services.route.companies.parties import Entry
from services.route.deciding.decision import Key
from services.route.loads import loading, tables, wishes
from services.route.loads.loading import Line
from services.route.loads.wishes import Duplicate, Judged, Refused, Wish
from tests.unit.route.sample import BE_VAT, BRANCH, KVK, OIN, VAT


def judged(text: str | bytes, form: tables.Format = "csv") -> list[Judged]:
    data = text if isinstance(text, bytes) else text.encode()
    return wishes.judge(tables.read(data, form).rows)


def row(**cells: str) -> Judged:
    """One CSV row of these columns."""
    quoted = ('"' + each.replace('"', '""') + '"' for each in cells.values())
    (only,) = judged(";".join(cells) + "\n" + ";".join(quoted) + "\n")
    return only


def keys(one: Judged) -> list[tuple[str, str]]:
    assert isinstance(one, Wish), one
    return [(i.scheme, i.value) for i in one.identifiers]


def codes(one: Judged) -> list[str]:
    assert isinstance(one, Refused), one
    return [trouble.code for trouble in one.troubles]


@pytest.mark.parametrize(
    ("column", "written", "key"),
    [
        ("kvk", "58070036", (KVK, "58070036")),
        ("KvK-nummer", "KvK 58070036", (KVK, "58070036")),
        ("Kamer van Koophandel", " 58.07.00.36 ", (KVK, "58070036")),
        ("kvk", "01234567", (KVK, "01234567")),
        ("btw", "NL123456789B13", (VAT, "NL123456789B13")),
        ("BTW-id", "BE 0428.759.497", (BE_VAT, "BE0428759497")),
        ("vat", "DE136695976", ("9930", "DE136695976")),
        ("Vestigingsnummer", "000027449173", (BRANCH, "000027449173")),
        ("oin", "00000003580700360000", (OIN, "00000003580700360000")),
        ("ondernemingsnummer", "0428.759.497", ("0208", "0428759497")),
        ("gln", "8712345678906", ("0088", "8712345678906")),
    ],
)
def test_a_number_may_be_written_as_people_write_it(column: str, written: str, key: tuple[str, str]) -> None:
    assert keys(row(naam="X BV", **{column: written})) == [key]


@pytest.mark.proves("R34")
@pytest.mark.parametrize(
    ("cells", "code", "proposed"),
    [
        ({"naam": "X", "kvk": "1234567"}, "lost-zero", "01234567"),
        ({"naam": "X", "kvk": "1234567.0"}, "lost-zero", "01234567"),
        ({"naam": "X", "kvk": "123456"}, "bad-identifier", None),
        ({"naam": "X", "kvk": "580700366"}, "bad-identifier", None),
        ({"naam": "X", "kvk": "5807OO36"}, "bad-identifier", None),
        ({"naam": "X", "kvk": "58070036,0"}, "bad-identifier", None),
        ({"naam": "X", "kvk": "5,81E+07"}, "bad-identifier", None),
        ({"naam": "X", "kvk": "000027449173"}, "other-kind", "branch:000027449173"),
        ({"naam": "X", "kvk": "NL123456789B13"}, "other-kind", "9944:NL123456789B13"),
        ({"naam": "X", "btw": "58070036"}, "other-kind", "0106:58070036"),
        ({"naam": "X", "btw": "NL123456789B14"}, "check-digits", None),
        ({"naam": "X", "btw": "DE136695970"}, "check-digits", None),
        ({"naam": "X", "gln": "8712345678900"}, "check-digits", None),
        ({"naam": "58070036", "kvk": "X BV"}, "swapped", None),
        ({"naam": "1234567", "kvk": "X BV"}, "swapped", None),
        ({"naam": "in@x.example", "kvk": "58070036"}, "swapped", None),
        ({"naam": "X", "kvk": "58070036", "oin": "00000003695990840000"}, "contradiction", None),
        ({"naam": "X", "kvk": '="01234567"'}, "formula", "01234567"),
        ({"naam": "=HYPERLINK(1)", "kvk": "58070036"}, "formula", None),
        ({"naam": "@SUM(1)", "kvk": "58070036"}, "formula", None),
        ({"naam": "X", "kvk": "58070036", "andere namen": "Y|+Z"}, "formula", None),
        ({"naam": "X\nY", "kvk": "58070036"}, "control-characters", None),
        ({"naam": "X", "kvk": "58070036", "e-mail": "nobody"}, "bad-email", None),
        ({"naam": "X", "kvk": "58070036", "taal": "fr"}, "bad-language", None),
        ({"naam": "X", "kvk": "58070036", "land": "Nederland"}, "bad-country", None),
        ({"naam": "X", "kvk": "58070036", "vestiging van": "X BV"}, "bad-branch-of", None),
        ({"naam": "X" * 201, "kvk": "58070036"}, "too-long", None),
        ({"naam": "X", "kvk": "58070036", "postcode": "|".join(["1234 AB"] * 21)}, "too-long", None),
        ({"naam": "X", "kvk": ""}, "no-number", None),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_what_to_do(
    cells: dict[str, str], code: str, proposed: str | None
) -> None:
    refused = row(**cells)
    assert code in codes(refused)
    assert isinstance(refused, Refused)
    trouble = next(each for each in refused.troubles if each.code == code)
    assert trouble.proposed == proposed
    assert trouble.message.nl
    assert trouble.message.en


def test_a_number_that_is_probably_mistyped_is_loaded_and_remarked() -> None:
    wish = row(naam="X", kvk="58070037")
    assert keys(wish) == [(KVK, "58070037")]
    assert isinstance(wish, Wish)
    assert [remark.code for remark in wish.remarks] == ["unlikely"]
    foreign = row(naam="X", btw="GB999999973")
    assert isinstance(foreign, Wish)
    assert [remark.code for remark in foreign.remarks] == ["unchecked"]


@pytest.mark.parametrize(
    ("data", "encoding", "separator"),
    [
        ("naam;kvk\nCafé;58070036\n".encode("utf-8-sig"), "utf-8", ";"),
        ("naam;kvk\r\nCafé;58070036\r\n".encode("cp1252"), "cp1252", ";"),
        ('"kvk","naam"\n"58070036","Café"'.encode(), "utf-8", ","),
        ("kvk\tnaam\n58070036\tCafé\n".encode("utf-16"), "utf-16", "\t"),
        ("\n\nnaam;kvk\n\n;\nCafé;58070036\n".encode(), "utf-8", ";"),
    ],
)
def test_files_as_spreadsheets_write_them(data: bytes, encoding: str, separator: str) -> None:
    table = tables.read(data, "csv")
    assert (table.encoding, table.separator) == (encoding, separator)
    ((wish),) = wishes.judge(table.rows)
    assert isinstance(wish, Wish)
    assert (wish.name, keys(wish)) == ("Café", [(KVK, "58070036")])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "no-header"),
        (b"58070036;X BV\n", "no-header"),
        (b"naam;plaats\nX;Delft\n", "no-header"),
        (b"naam;kvk;KvK-nummer\nX;58070036;58070036\n", "column-twice"),
        (b'naam;kvk\n"X;58070036\n', "broken-csv"),
        (b"naam;kvk\n\x81\x8d;58070036\n", "unreadable-file"),
        (b"naam;kvk\nX\0;58070036\n", "unreadable-file"),
        (b"\xff\xfen", "unreadable-file"),
    ],
)
def test_a_file_that_can_be_read_in_two_ways_is_refused_whole(data: bytes, code: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        tables.read(data, "csv")
    assert refused.value.code == code
    assert refused.value.words["nl"] != refused.value.words["en"]


def test_lines_are_those_of_the_file_and_unknown_columns_are_named() -> None:
    text = 'naam;telefoon;kvk\n"X\nBV";Delft;58070036\n\nY;Delft;69599084\nZ;Delft\nV;a;b;c\n'
    table = tables.read(text.encode(), "csv")
    assert table.ignored == ("telefoon",)
    found = wishes.judge(table.rows)
    assert [one.line for one in found] == [2, 5, 6, 7]
    assert codes(found[0]) == ["control-characters"]
    assert [codes(one) for one in found[2:]] == [["columns"], ["columns"]]


def test_rows_that_are_alike_count_once_and_rows_that_differ_not_at_all() -> None:
    same, other, third, alone, again = judged(
        "naam;kvk;btw\n"
        "X;58070036;\n"
        "Y;69599084;NL123456789B13\n"
        "Z;68750110;NL123456789B13\n"
        "V;68727720;\n"
        "X;5807 0036;\n"
    )
    assert isinstance(same, Wish)
    assert isinstance(again, Duplicate)
    assert again.trouble.other_line == 2
    assert isinstance(alone, Wish)
    for refused, line in ((other, 4), (third, 3)):
        assert codes(refused) == ["conflicting-rows"]
        assert isinstance(refused, Refused)
        assert refused.troubles[0].other_line == line


def test_rows_that_share_a_number_inside_another_conflict_too() -> None:
    one, other = judged("naam;kvk;oin\nX;58070036;\nY;;00000003580700360000\n")
    assert codes(one) == codes(other) == ["conflicting-rows"]


def test_json_lines_are_parties_as_the_api_takes_them() -> None:
    good = {"name": "X BV", "identifiers": [{"scheme": "0106", "value": "58070036"}], "names": ["Y"]}
    lines = [
        json.dumps(good),
        "",
        json.dumps(good | {"emial": "in@x.example"}),
        "{",
        "[" * 100_000,
        json.dumps({"name": "X", "identifiers": [{"scheme": "shoe-size", "value": "44"}]}),
        json.dumps({"name": "X", "identifiers": [{"scheme": "0106", "value": 58070036}]}),
        '{"name": "X", "name": "Y", "identifiers": [{"scheme": "0106", "value": "69599084"}]}',
        '{"name": "X", "identifiers": [{"scheme": "0106", "value": "69599084", "value": "90004760"}]}',
        json.dumps(good | {"name": "X \ud800"}),
        json.dumps(good | {"\ud800": "X"}),
    ]
    found = judged("\n".join(lines), "jsonl")
    assert keys(found[0]) == [(KVK, "58070036")]
    assert [(one.line, codes(one)) for one in found[1:]] == [
        (3, ["bad-json"]),
        (4, ["bad-json"]),
        (5, ["bad-json"]),
        (6, ["unknown-scheme"]),
        (7, ["bad-json"]),
        (8, ["bad-json"]),
        (9, ["bad-json"]),
        (10, ["bad-json"]),
        (11, ["bad-json"]),
    ]
    for one in found:
        json.dumps(loaded(one)[0].as_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize("blank", ["", "  "])
def test_what_is_blank_in_a_json_line_is_not_said(blank: str) -> None:
    texts = dict.fromkeys(("name", "email", "language", "country", "branch_of"), blank)
    several = {"names": [blank], "post_codes": [blank]}
    given = {"identifiers": [{"scheme": "0106", "value": "58070036"}]}
    (said,) = judged(json.dumps({**given, **texts, **several}), "jsonl")
    (nothing,) = judged(json.dumps(given), "jsonl")
    assert said == nothing
    assert loaded(said)[0].troubles[0].code == "no-name"


def known(*keys: Key, name: str = "Oud BV", names: tuple[str, ...] = ()) -> Entry:
    """A confirmed party of the directory."""
    numbers = tuple(Identifier(scheme=scheme, value=value) for scheme, value in keys)
    return Entry(UUID(int=1), UUID(int=2), name, numbers, status="confirmed", names=names)


def loaded(wish: Judged, *directory: Entry) -> tuple[Line, Entry | None]:
    """What would become of a row, and the party it leaves."""
    holders = {(i.scheme, i.value): entry for entry in directory for i in entry.identifiers}
    line, change = loading._outcome(
        wish, loading._Known(holders, {}, ()), loading._SoFar(), owner=UUID(int=2)
    )
    return line, change.after if change else None


@pytest.mark.proves("R30")
@pytest.mark.parametrize(
    ("held", "cells", "gets"),
    [
        ((OIN, "00000003580700360000"), {"kvk": "58070036"}, (KVK, "58070036")),
        ((KVK, "58070036"), {"oin": "00000003580700360000"}, (OIN, "00000003580700360000")),
        ((BE_VAT, "BE0428759497"), {"enterprise": "0428759497"}, ("0208", "0428759497")),
        (("0208", "0428759497"), {"vat": "BE0428759497"}, (BE_VAT, "BE0428759497")),
    ],
)
def test_one_organisation_is_one_party_whichever_of_its_numbers_the_hub_has(
    held: Key, cells: dict[str, str], gets: Key
) -> None:
    """Two parties of one root would park every invoice that carries both, or an OIN."""
    line, party = loaded(row(naam="Oud BV", **cells), known(held))
    assert (line.outcome, line.party_id) == ("changed", UUID(int=1))
    assert [trouble.code for trouble in line.troubles] == ["joined"]
    assert party is not None
    assert [(i.scheme, i.value) for i in party.identifiers] == [held, gets]
    # Again, it is left alone and nothing is remarked.
    line, nothing = loaded(row(naam="Oud BV", **cells), party)
    assert (line.outcome, line.troubles, nothing) == ("unchanged", (), None)


def test_a_new_name_leaves_the_old_one_beside_it_and_no_more_names_than_the_api_takes() -> None:
    wish = row(naam="Nieuw BV", kvk="58070036", names="Een|Twee")
    line, party = loaded(wish, known((KVK, "58070036"), names=("Een",)))
    assert party is not None
    assert (party.name, party.names, line.troubles) == ("Nieuw BV", ("Een", "Oud BV", "Twee"), ())
    many = tuple(f"n{n}" for n in range(19))
    line, party = loaded(wish, known((KVK, "58070036"), names=many))
    assert party is not None
    assert party.names == (*many, "Oud BV")
    assert [trouble.code for trouble in line.troubles] == ["no-room"]
    # What has more since before is not cut.
    more = known((KVK, "58070036"), name="Nieuw BV", names=(*many, "a", "b", "c"))
    line, nothing = loaded(wish, more)
    assert (line.outcome, nothing) == ("unchanged", None)
