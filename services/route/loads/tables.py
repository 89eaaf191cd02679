"""What somebody loads, from bytes to rows: CSV as spreadsheets and bookkeeping packages write it, and JSON lines. Pure.

Nothing is guessed silently: how the bytes were read (encoding, separator) and which columns were not understood is told,
and a file that can be read in two ways is refused as a whole. A row that cannot be read is refused alone, with its line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictStr, ValidationError

from libs.errors import Unprocessable
from libs.identifiers import be, branch, gln, kvk, oin, vat
from services.route.companies.addresses import LONGEST
from services.route.loads import load_words as words
from services.route.loads.load_words import Trouble

Format = Literal["csv", "jsonl"]

NUMBERS = {
    "kvk": kvk.SCHEME,
    "vat": vat.NL,
    "oin": oin.SCHEME,
    "gln": gln.SCHEME,
    "enterprise": be.ENTERPRISE,
    "branch": branch.SCHEME,
}
"""Columns that hold a number, and the scheme of it."""

_COLUMNS = {
    "name": "naam name bedrijfsnaam companyname",
    "kvk": "kvk kvknummer kvknr kvknumber kamervankoophandel coc cocnumber",
    "vat": "btw btwnummer btwid btwnr vat vatnumber vatid",
    "oin": "oin",
    "gln": "gln ean",
    "enterprise": "ondernemingsnummer kbo kbonummer enterprise enterprisenumber",
    "branch": "vestigingsnummer branch branchnumber",
    "branch_of": "vestigingvan branchof",
    "email": "email emailadres mail emailaddress",
    "language": "taal language",
    "country": "land landcode country countrycode",
    "names": "anderenamen handelsnamen names tradenames",
    "post_codes": "postcode postcodes postalcode zip",
    "address_line_1": "adres straat address street adresregel1 addressline1 adres1",
    "address_line_2": "adresregel2 addressline2 adres2",
    "address_line_3": "adresregel3 addressline3 adres3",
    "city": "plaats woonplaats vestigingsplaats city town",
    "country_subdivision": "provincie countrysubdivision province",
}
_COLUMN_OF = {alias: column for column, aliases in _COLUMNS.items() for alias in aliases.split()}
_SEPARATORS = ";,\t"
_SEVERAL = "|"
"""Between several names or post codes in one cell."""
MOST_COLUMNS = 200
csv.field_size_limit(100_000)


@dataclass(frozen=True, slots=True)
class Row:
    """One party as it was written. None: nothing was said about it."""

    line: int
    numbers: tuple[tuple[str, str, str], ...] = ()
    """Column or place, scheme, and what stood there."""
    name: str | None = None
    email: str | None = None
    language: str | None = None
    country: str | None = None
    names: tuple[str, ...] | None = None
    post_codes: tuple[str, ...] | None = None
    addresses: tuple[Mapping[str, str], ...] | None = None
    """Each by the terms of ``Address``."""
    branch_of: str | None = None
    """The id of the head, or its KvK number."""
    trouble: Trouble | None = None
    """Why it could not be read; nothing else is set then."""


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a file, and how it was read."""

    format: Format
    encoding: str
    rows: Sequence[Row]
    separator: str | None = None
    ignored: tuple[str, ...] = field(default=())
    """Columns the hub does not know."""


def read(data: bytes, form: Format) -> Table:
    """Raises ``Unprocessable`` for a file that cannot be read as a whole."""
    text, encoding = _decoded(data)
    if form == "jsonl":
        return Table("jsonl", encoding, list(_json_rows(text)))
    return _csv(text, encoding)


def _decoded(data: bytes) -> tuple[str, str]:
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    candidates = ["utf-16"] if marked else ["utf-8-sig", "cp1252"]
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding.removesuffix("-sig")
    raise _unreadable(words.ENCODING)


def _unreadable(trouble: Trouble) -> Unprocessable:
    return Unprocessable(trouble.message.en, nl=trouble.message.nl, code=trouble.code)


def _csv(text: str, encoding: str) -> Table:
    first = text.lstrip().partition("\n")[0]
    # As a header it makes sense with one separator only; what is told is which.
    separator = max(_SEPARATORS, key=lambda each: len(_columns(first.split(each))))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = _records(reader)
    _, header = next(rows, (0, []))
    columns = _columns(header)
    if (
        len(header) > MOST_COLUMNS
        or "name" not in columns.values()
        or not set(NUMBERS) & set(columns.values())
    ):
        raise _unreadable(words.NO_HEADER)
    twice = next((c for c in columns.values() if list(columns.values()).count(c) > 1), None)
    if twice is not None:
        raise _unreadable(words.column_twice(twice))
    ignored = tuple(cell.strip()[:60] for place, cell in enumerate(header) if place not in columns)
    return Table(
        "csv",
        encoding,
        [_csv_row(line, cells, columns, len(header)) for line, cells in rows],
        separator,
        tuple(name for name in ignored if name),
    )


def _columns(header: Sequence[str]) -> dict[int, str]:
    """Which of the columns are known, by place."""
    plain = ("".join(c for c in cell.casefold() if c.isalnum()) for cell in header)
    return {place: _COLUMN_OF[cell] for place, cell in enumerate(plain) if cell in _COLUMN_OF}


def _records(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Records that hold something, with the line each begins on."""
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _unreadable(words.broken_csv(line, str(error))) from error
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _csv_row(line: int, cells: Sequence[str], columns: dict[int, str], width: int) -> Row:
    if len(cells) != width:
        return Row(line, trouble=words.cells(len(cells), width))
    said = {column: cells[place].strip() for place, column in columns.items() if cells[place].strip()}
    codes = _several(said.get("post_codes"))
    address = {name: said[name] for name in LONGEST if name in said}
    if address and codes:
        if len(codes) > 1:
            return Row(line, name=said.get("name"), trouble=words.which_post_code(said["post_codes"]))
        address["post_code"] = codes[0]
    return Row(
        line=line,
        numbers=tuple((column, NUMBERS[column], said[column]) for column in NUMBERS if column in said),
        name=said.get("name"),
        email=said.get("email"),
        language=said.get("language"),
        country=said.get("country"),
        names=_several(said.get("names")),
        post_codes=codes,
        addresses=(address,) if address else None,
        branch_of=said.get("branch_of"),
    )


def _several(cell: str | None) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in cell.split(_SEVERAL) if part.strip()) if cell else None


class _GivenNumber(BaseModel):
    model_config = ConfigDict(extra="forbid")
    scheme: StrictStr
    value: StrictStr


class _GivenAddress(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address_line_1: StrictStr | None = None
    address_line_2: StrictStr | None = None
    address_line_3: StrictStr | None = None
    city: StrictStr | None = None
    post_code: StrictStr | None = None
    country_subdivision: StrictStr | None = None
    country_code: StrictStr | None = None

    def texts(self) -> dict[str, str]:
        return {name: text for name, each in self if (text := _said(each))}


class _Given(BaseModel):
    """One line: a party as ``POST /v1/parties`` takes it, where everything but a number may be left out."""

    model_config = ConfigDict(extra="forbid")
    identifiers: list[_GivenNumber]
    name: StrictStr | None = None
    email: StrictStr | None = None
    language: StrictStr | None = None
    country: StrictStr | None = None
    names: list[StrictStr] | None = None
    post_codes: list[StrictStr] | None = None
    addresses: list[_GivenAddress] | None = None
    branch_of: StrictStr | None = None


def _json_rows(text: str) -> Iterator[Row]:
    # Not splitlines(): a JSON text may hold the separators of Unicode as they are.
    for line, body in enumerate(text.split("\n"), 1):
        if body.strip():
            yield _json_row(line, body)


def _json_row(line: int, body: str) -> Row:
    try:
        said = json.loads(body, object_pairs_hook=_object)
        if "\\" in body:  # half of a pair, \ud800, is text in JSON and nowhere else
            json.dumps(said, ensure_ascii=False).encode()
        given = _Given.model_validate(said)
    except (ValueError, RecursionError) as wrong:
        return Row(line, trouble=words.bad_json(_where(wrong)))
    return Row(
        line=line,
        numbers=tuple((f"identifiers[{n}]", i.scheme, i.value) for n, i in enumerate(given.identifiers)),
        name=_said(given.name),
        email=_said(given.email),
        language=_said(given.language),
        country=_said(given.country),
        names=_each(given.names),
        post_codes=_each(given.post_codes),
        addresses=tuple(said for each in given.addresses or () if (said := each.texts())) or None,
        branch_of=_said(given.branch_of),
    )


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ``ValueError`` for a name that is there twice: the parser takes the last, and nobody said which is right."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)}: twice")
    return found


def _said(text: str | None) -> str | None:
    """As in a cell: blanks say nothing."""
    return (text or "").strip() or None


def _each(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(text.strip() for text in texts or () if text.strip()) or None


def _where(wrong: Exception) -> str:
    if isinstance(wrong, ValidationError):
        error = wrong.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, error['loc'])) or '-'}: {error['msg']}"
    return str(wrong)
