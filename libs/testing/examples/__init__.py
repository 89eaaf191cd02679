"""For every rule an invoice that breaks it and one that does not: a line in a table, tested and shown in ``docs/rules``.

``*.txt`` beside this file::

    @se | peppol | AccountingSupplierParty/…=SE      a document to begin with, made from another
    SE-R-001 | se | …CompanyID=SE12                  a rule, the document, the changes (``edits``) that break it
    SE-R-002 | se | … | …                            and, where the document as it is would not do, those that do not

The rules are those of the pack that the file is named for, of an older release of it (``peppol-2025.11``), or what
the hub says beside any (``postbode``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from libs.contracts.parts import Finding
from libs.einvoice import xml
from libs.einvoice.formats import ubl, ubl_dialects
from libs.einvoice.printed import printed
from libs.rules import engine
from libs.testing import builders, mutants
from libs.testing.examples.edits import edited

PACKS = tuple(
    sorted(
        file.name.removesuffix(".txt") for file in files(__package__).iterdir() if file.name.endswith(".txt")
    )
)
"""The packs that have a table."""


class Example(NamedTuple):
    """``fails`` and ``passes`` are changes of the document named ``base``."""

    rule: str
    base: str
    fails: str
    passes: str

    def failing(self) -> bytes:
        return edited(base(self.base), self.fails)

    def passing(self) -> bytes:
        return edited(base(self.base), self.passes) if self.passes else base(self.base)


@cache
def _rows(pack: str) -> tuple[tuple[str, ...], ...]:
    text = (files(__package__) / f"{pack}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(tuple(part.strip() for part in line.split(" | ")) for line in lines)


def of(pack: str) -> Iterator[Example]:
    """Every example of a pack."""
    for rule, begin, fails, *passes in _rows(pack):
        if not rule.startswith("@"):
            yield Example(rule, begin, fails, passes[0] if passes else "")


OWN = "postbode"
"""The table of what the hub says beside any pack."""
PAGE = printed("IBAN NL91 ABNA 0417 1643 00")
"""The PDF that goes with those, and the day they come."""
TODAY = date(2026, 11, 21)


def judged(data: bytes, pack: str) -> Sequence[Finding]:
    """What the rules of a table say of a document: a pack, an older release of one, or what the hub says beside it."""
    if pack == OWN:
        verdict = engine.validate(data)
        return (*verdict.findings, *engine.own(verdict, PAGE, TODAY))
    if pack in engine.PACKS:
        return engine.validate(data, pack).findings
    name, _, release = pack.rpartition("-")
    return engine.validate(data, name, release).findings


def bases(pack: str) -> tuple[str, ...]:
    """Names of the documents that the table of a pack begins with."""
    return tuple(row[0][1:] for row in _rows(pack) if row[0].startswith("@"))


@cache
def base(name: str) -> bytes:
    """A document by its name: one of ours, or one that a table makes. ``KeyError`` for another."""
    made = _BUILT.get(name)
    if made is not None:
        return made
    for pack in PACKS:
        for row in _rows(pack):
            if row[0] == f"@{name}":
                return edited(base(row[1]), row[2])
    raise KeyError(name)


def _old() -> bytes:
    """An invoice as the hub itself writes it for whoever still reads SI-UBL 1.2."""
    source = edited(
        builders.invoice(lines=2, buyer_vat="NL002455799B11", order="PO-1"),
        "+PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID=ABNANL2A",
    )
    return ubl_dialects.siubl_12(ubl.read(xml.parse(source)).invoice).data


_BUILT = {
    "siubl-1.2": _old(),
    "invoice": builders.invoice(lines=2),
    "credit-note": builders.invoice(credit_note=True, lines=2),
    **{f"vat-{code}": mutants.of_category(code, "0") for code in ("Z", "E", "AE", "K", "G", "L", "M")},
    "vat-O": mutants.of_category("O", ""),
}
