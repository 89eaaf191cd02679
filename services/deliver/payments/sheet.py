"""Bank statements as tables: CSV with a line of headers, Dutch or English. Pure.

| column | headers (case, blanks and punctuation do not count) |
| --- | --- |
| date | datum, boekdatum, transactiedatum, date, booking date |
| amount | bedrag, transactiebedrag, amount, bedrag (EUR), amount (EUR) |
| direction | af bij, debit/credit, d/c, credit/debit; without it the sign of the amount says |
| own account | iban, rekening, rekeningnummer, iban/bban, account, account number |
| other account | tegenrekening, tegenrekening iban/bban, counterparty, counterparty iban, counter account |
| currency | munt, valuta, currency; else the one in the header of the amount |
| references | betalingskenmerk, kenmerk, factuurnummer, gestructureerde mededeling, reference, invoice number |
| text | omschrijving, omschrijving-1 …, mededeling(en), description, remittance |
| the bank's own number | volgnr, transactiereferentie, entry reference, transaction id |
| undone | storno, reversal |

Nothing is made up: a file in another encoding than it is told to be in, a column that lacks, an amount that can be read in
two ways refuse the whole file with the lines.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from libs.contracts.parts import Words
from libs.errors import Unprocessable
from services.deliver.payments.lines import MOST, Line, keyed, refused, too_many

Encoding: TypeAlias = Literal["utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15"]

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "date": ("datum", "boekdatum", "transactiedatum", "date", "bookingdate", "transactiondate"),
    "amount": ("bedrag", "transactiebedrag", "amount", "transactionamount"),
    "direction": ("afbij", "bijaf", "debitcredit", "creditdebit", "dc", "cd", "debetcredit"),
    "own": ("iban", "rekening", "rekeningnummer", "ibanbban", "account", "accountnumber", "eigenrekening"),
    "other": (
        "tegenrekening", "tegenrekeningiban", "tegenrekeningibanbban", "counterparty", "counterpartyiban", "counteraccount",
        "counterpartyaccount", "rekeningtegenpartij",
    ),
    "currency": ("munt", "valuta", "currency", "muntsoort"),
    "named": (
        "betalingskenmerk", "kenmerk", "factuurnummer", "gestructureerdemededeling", "reference", "paymentreference",
        "invoicenumber", "structuredcommunication", "structuredreference",
    ),
    "text": (
        "omschrijving", "omschrijving1", "omschrijving2", "omschrijving3", "mededeling", "mededelingen", "description",
        "remittance", "remittanceinformation", "communication",
    ),
    "bank": ("volgnr", "volgnummer", "transactiereferentie", "entryreference", "transactionid", "transactionreference"),
    "undone": ("storno", "reversal", "terugboeking"),
}  # fmt: skip
_COLUMNS = {name: column for column, names in _HEADERS.items() for name in names}
_NEEDED = ("date", "amount", "other")
_OUT = frozenset({"af", "d", "debit", "debet", "dbit", "-"})
_IN = frozenset({"bij", "c", "credit", "crdt", "+"})
_YES = frozenset({"ja", "j", "yes", "y", "true", "1"})
_NO = frozenset({"", "nee", "n", "no", "false", "0"})
_AMOUNT = re.compile(
    r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3}){0,4})(?:([.,])([0-9]{1,2}))?"
)
_DATES = (
    (re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})"), (0, 1, 2)),
    (re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})"), (2, 1, 0)),
)
_TOLD = 20
_CELL = 4_000


@dataclass(frozen=True, slots=True)
class Told:
    """What whoever sends the file says of it."""

    encoding: Encoding = "utf-8"
    account: str | None = None
    """The account it is of, where no column says so."""
    currency: str | None = None
    decimal: Literal[",", "."] | None = None


def read(data: bytes, told: Told) -> list[Line]:
    """The lines of the table. Raises ``Unprocessable``; with line numbers for what cannot be read."""
    text = _decoded(data, told.encoding)
    rows = csv.reader(io.StringIO(text, newline=""), _dialect(text), strict=True)
    try:
        columns = _columns(next(rows, []))
        lines: list[Line] = []
        bad: list[tuple[int, Words]] = []
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if len(lines) + len(bad) >= MOST:
                raise too_many()
            line = _line(len(lines) + len(bad) + 1, cells, columns, told)
            if isinstance(line, Line):
                lines.append(line)
            else:
                bad.append((rows.line_num, line))
    except csv.Error as error:
        raise _broken([(rows.line_num, Words(nl=f"{error}", en=f"{error}"))]) from None
    if bad:
        raise _broken(bad)
    return keyed(lines)


def _decoded(data: bytes, encoding: Encoding) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refused(
            "encoding",
            Words(
                nl=f"Regel {line}: dit is geen {encoding}. Er is niets verwerkt: zeg in welke tekencodering het bestand is "
                "(encoding=windows-1252), of sla het op als UTF-8.",
                en=f"Line {line}: this is no {encoding}. Nothing was taken: say which encoding the file is in "
                "(encoding=windows-1252), or save it as UTF-8.",
            ),
            line=line,
        ) from None
    if "\x00" in text:
        raise refused(
            "encoding",
            Words(
                nl="Dit is geen tekstbestand. Er is niets verwerkt: stuur CSV of CAMT.053.",
                en="This is no text file. Nothing was taken: send CSV or CAMT.053.",
            ),
        )
    return text


class _Semicolons(csv.excel):
    delimiter = ";"


class _Tabs(csv.excel):
    delimiter = "\t"


def _dialect(text: str) -> type[csv.Dialect]:
    """By the line of headers: the mark that stands there most."""
    first = text.split("\n", 1)[0]
    return max((csv.excel, _Semicolons, _Tabs), key=lambda dialect: first.count(dialect.delimiter))


@dataclass(frozen=True, slots=True)
class _Columns:
    at: Mapping[str, Sequence[int]]
    currency: str | None
    """In the header of the amount."""

    def cells(self, column: str, cells: Sequence[str]) -> list[str]:
        found = (cells[n].strip()[:_CELL] for n in self.at.get(column, ()) if n < len(cells))
        return [cell for cell in found if cell]

    def cell(self, column: str, cells: Sequence[str]) -> str:
        return next(iter(self.cells(column, cells)), "")


def _columns(headers: Sequence[str]) -> _Columns:
    at: dict[str, list[int]] = {}
    currency = None
    for n, header in enumerate(headers):
        name = "".join(re.findall(r"[a-z0-9]+", header.lower()))
        column = _COLUMNS.get(name)
        if column is None and (found := re.fullmatch(r"(bedrag|amount|transactiebedrag)([a-z]{3})", name)):
            column, currency = "amount", found[2].upper()
        if column is not None:
            at.setdefault(column, []).append(n)
    missing = [column for column in _NEEDED if column not in at]
    if missing or len(at.get("amount", ())) > 1:
        known = "; ".join(f"{column}: {', '.join(_HEADERS[column])}" for column in missing or ["amount"])
        raise refused(
            "headers",
            Words(
                nl=f"De eerste regel moet de koppen van de kolommen hebben, elk hoogstens één keer. Nodig is nog: {known}.",
                en=f"The first line must have the headers of the columns, each once at most. Still needed: {known}.",
            ),
            missing=missing,
        )
    return _Columns(at, currency)


def _line(number: int, cells: Sequence[str], columns: _Columns, told: Told) -> Line | Words:
    day = _day(columns.cell("date", cells))
    if day is None:
        return Words(nl="de datum is niet te lezen", en="the date cannot be read")
    amount = _amount(columns.cell("amount", cells), told.decimal)
    if amount is None:
        return Words(
            nl="het bedrag is niet te lezen, of op twee manieren (zeg het: decimal=,)",
            en="the amount cannot be read, or in two ways (say: decimal=,)",
        )
    said = columns.cell("direction", cells).lower()
    if said and (said not in _OUT | _IN or amount < 0):
        return Words(nl=f"af of bij? ({said[:20]})", en=f"out or in? ({said[:20]})")
    if "direction" in columns.at and not said:
        return Words(nl="af of bij? (leeg)", en="out or in? (empty)")
    currency = (columns.cell("currency", cells) or columns.currency or told.currency or "").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        return Words(
            nl="de munt staat er niet bij (zeg het: currency=EUR)", en="no currency (say: currency=EUR)"
        )
    undone = columns.cell("undone", cells).lower()
    if undone not in _YES | _NO:
        return Words(nl=f"storno: ja of nee? ({undone[:20]})", en=f"reversal: yes or no? ({undone[:20]})")
    return Line(
        number=number,
        own=_account(columns.cell("own", cells) or told.account or ""),
        other=_account(columns.cell("other", cells)),
        sums=((abs(amount), currency),),
        incoming=said in _IN if said else amount > 0,
        undone=undone in _YES,
        day=day,
        named=tuple(dict.fromkeys(columns.cells("named", cells))),
        text=" ".join(columns.cells("text", cells)),
        bank=" ".join(columns.cells("bank", cells)),
        fault=None if amount else "no-amount",
    )


def _account(text: str) -> str | None:
    return "".join(text.split()).upper() or None


def _day(text: str) -> date | None:
    for form, (year, month, day) in _DATES:
        if found := form.fullmatch(text):
            parts = [int(part) for part in found.groups()]
            try:
                return date(parts[year], parts[month], parts[day])
            except ValueError:
                return None
    return None


def _amount(text: str, mark: str | None) -> Decimal | None:
    """``1.234,56``, ``1,234.56``, ``1234.5``, ``-12``. What ``1.234`` means only ``mark`` can say."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    thousands, decimal, cents = found.groups()
    if mark is not None and (decimal not in (None, mark) or thousands == mark):
        return None
    if thousands is not None and (
        thousands == decimal or (decimal is None and thousands in ",." and mark is None)
    ):
        return None
    whole = text[: -len(cents) - 1] if cents else text
    return Decimal(re.sub(r"[.,' ]", "", whole) + (f".{cents}" if cents else ""))


def _broken(bad: Sequence[tuple[int, Words]]) -> Unprocessable:
    nl = "; ".join(f"regel {line}: {words.nl}" for line, words in bad[:_TOLD])
    en = "; ".join(f"line {line}: {words.en}" for line, words in bad[:_TOLD])
    more = len(bad) - _TOLD
    return refused(
        "bad-lines",
        Words(
            nl=f"Er is niets verwerkt: {nl}" + (f"; en nog {more}" if more > 0 else "") + ".",
            en=f"Nothing was taken: {en}" + (f"; and {more} more" if more > 0 else "") + ".",
        ),
        lines=[line for line, _ in bad[:_TOLD]],
    )
