"""The letter as a PDF, in Dutch or English. Pure but for the template, which is read once."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import orjson
import typst

from libs.contracts.parts import Words
from services.route.confirming.letters import Letter, shown

Language = Literal["nl", "en"]

_MONTHS = {
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "en": "January February March April May June July August September October November December",
}
_SUBJECT = Words(nl="Uw code voor Postbode", en="Your code for Postbode")
_OPENING = Words(nl="Geachte heer of mevrouw,", en="Dear Sir or Madam,")
_ASKED = Words(
    nl="Bij Postbode, waar leveranciers elektronische facturen afgeven, is {name} (KvK-nummer {kvk}) aangemeld als "
    "ontvanger. Met deze code bevestigt u dat. Daarna komen de facturen van uw leveranciers aan op het adres dat bij de "
    "aanmelding is opgegeven.",
    en="{name} (KvK number {kvk}) was registered as a receiver with Postbode, where suppliers hand in electronic invoices. "
    "With this code you confirm it. From then on the invoices of your suppliers arrive at the address given with the "
    "registration.",
)
_HOW = Words(
    nl="Vul de code in bij {url}, met het account waarmee u zich aanmeldde (POST /v1/parties/{party}/confirm). Zij is "
    "geldig tot en met {until} en werkt één keer.",
    en="Enter the code at {url}, with the account you registered with (POST /v1/parties/{party}/confirm). It is valid up "
    "to and including {until} and works once.",
)
_NOT_YOU = Words(
    nl="Hebt u zich niet aangemeld? Geef de code dan aan niemand en gooi deze brief weg: zonder de code ontvangt niemand "
    "uw facturen.",
    en="You did not register? Then give the code to nobody and throw this letter away: without the code nobody receives "
    "your invoices.",
)


@cache
def _template() -> bytes:
    return files(__package__).joinpath("letter.typ").read_bytes()


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(ignore_system_fonts=True)


def day(on: date, language: Language) -> str:
    return f"{on.day} {_MONTHS[language].split()[on.month - 1]} {on.year}"


def texts(letter: Letter, party_id: object, url: str, today: date, language: Language) -> dict[str, Any]:
    """What stands on the page."""
    company = letter.company
    terms = {
        "name": company.name,
        "kvk": company.kvk,
        "url": url,
        "party": party_id,
        "until": day(letter.expires_at.date(), language),
    }

    def said(words: Words) -> str:
        return getattr(words, language).format(**terms)  # type: ignore[no-any-return]

    return {
        "lang": language,
        "address": [company.name, *company.postal],
        "date": day(today, language),
        "subject": said(_SUBJECT),
        "opening": said(_OPENING),
        "before": [said(_ASKED)],
        "code": shown(letter.code),
        "after": [said(_HOW), said(_NOT_YOU)],
    }


def draw(said: dict[str, Any]) -> bytes:
    """The PDF; takes a few milliseconds of a processor."""
    made = _compiler().compile(_template(), format="pdf", sys_inputs={"data": orjson.dumps(said).decode()})
    if not isinstance(made, bytes):
        raise TypeError("typst gave no single file")
    return made
