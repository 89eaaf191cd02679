"""The invoice as a PDF/A-3b for people, with its XML inside for machines (a *hybrid* invoice).

::

    Invoice ──page.py──▶ texts ready to print ──typst, invoice.typ──▶ PDF/A-3b
        └─NLCIUS or EN 16931─▶ invoice.xml, attached as the *alternative* of the page

Nothing is read from disk but the template, once; only the fonts inside typst are used, so the same invoice gives the
same bytes on every machine. What those fonts cannot draw is printed as a question mark,
which the report says, and stays in the XML as it was.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from functools import cache
from importlib.resources import files

import orjson
import typst

from libs.contracts.parts import Words
from libs.einvoice.formats import ubl_dialects
from libs.einvoice.formats.page import page
from libs.einvoice.formats.pdf_words import Language
from libs.einvoice.formats.written import Written
from libs.einvoice.model import Invoice

ATTACHMENT = "invoice.xml"
BOX = "?"
MOST_LINES = 500
"""Lines that are printed: setting three thousand takes a gigabyte, and nobody reads them on paper."""

# What Libertinus Serif draws for certain: Latin, Greek, Cyrillic, the usual punctuation, euro and its neighbours.
_LETTERS = "\n -~\u00a0-\u017f\u0192\u0218-\u021b\u0391-\u03a9\u03b1-\u03c9\u0410-\u044f"
_SIGNS = "\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122\u2212"
_UNDRAWN = re.compile(f"[^{_LETTERS}{_SIGNS}]")
# Controls, marks without a shape, and marks that turn the direction of what follows (a way to show another amount).
_SHAPELESS = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff"
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_SHAPELESS}]")

_BOXED = Words(
    nl=f"Op de bladzijde staat {BOX} waar het lettertype een teken niet heeft; in de XML erin staat alles zoals het was.",
    en=f"The page shows {BOX} where its font lacks a sign; in the XML inside everything stands as it was.",
)


@cache
def _template() -> bytes:
    return files(__package__).joinpath("invoice.typ").read_bytes()


class _Compilers(threading.local):
    """One for each thread: two at once in one are refused."""

    def __init__(self) -> None:
        self.mine = typst.Compiler(ignore_system_fonts=True)


@cache
def _compilers() -> _Compilers:
    return _Compilers()


def write(invoice: Invoice, language: Language = "nl") -> Written:
    """The invoice as a hybrid PDF/A-3b. ``lost`` is what neither page nor attached XML can say.

    The XML claims to be NLCIUS when the invoice does, else EN 16931: a page is for everybody, and an invoice that is
    lawful need not keep rules it never claimed to.
    """
    claimed = ubl_dialects.NLCIUS in (invoice.specification_identifier or "")
    xml = ubl_dialects.nlcius(invoice) if claimed else ubl_dialects.ubl_21(invoice)
    data = page(invoice, language, most=MOST_LINES)
    data["attachment"] = {
        "name": ATTACHMENT,
        "text": xml.data.decode(),
        "description": data["words"]["attachment"],
    }
    drawn, whole = _draw(data)
    return replace(
        xml,
        data=drawn,
        inside=(xml.data, "nlcius" if claimed else "en16931"),
        remarks=() if whole else (_BOXED,),
    )


def _draw(data: dict[str, object]) -> tuple[bytes, bool]:
    """The page, and whether every sign of its texts stands on it."""
    clean = _cleaned(data, _CONTROL)
    try:
        return _compile(clean), clean == data
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
    return _compile(_cleaned(data, _UNDRAWN)), False


def _compile(data: object) -> bytes:
    made = _compilers().mine.compile(
        _template(), format="pdf", sys_inputs={"data": orjson.dumps(data).decode()}, pdf_standards="a-3b"
    )
    if not isinstance(made, bytes):
        raise TypeError("typst gave no single file")
    return made


def _cleaned(value: object, unwanted: re.Pattern[str]) -> object:
    """Texts without what the fonts cannot draw; the attached document stays as it is."""
    if isinstance(value, str):
        return unwanted.sub(BOX, value) if unwanted.search(value) else value
    if isinstance(value, dict):
        return {
            key: each if key in ("attachment", "qr") else _cleaned(each, unwanted)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(each, unwanted) for each in value]
    return value
