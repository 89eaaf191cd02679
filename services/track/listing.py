"""One mail about many invoices: a list, by what became of them, with what to do. Pure.

The same words as in ``letter.py``, and of each invoice only the sentence its status stands on; the rest is behind its link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from uuid import UUID

from libs.contracts.parts import Words
from services.track.letter import Language, envelope, filled, one_line, rendered, said, what
from services.track.notices import Kind
from services.track.status import Shown

MOST = 1000
"""Invoices in one list; of more it is said how many there are."""

TITLES: Mapping[Kind, Words] = {
    "rejected": Words(nl="Afgekeurd", en="Rejected"),
    "quarantined": Words(nl="Niet aangenomen", en="Not accepted"),
    "undeliverable": Words(nl="Niet bezorgd", en="Not delivered"),
    "returned": Words(nl="Teruggegeven", en="Given back"),
    "recalled": Words(nl="Verkeerd bezorgd", en="Delivered to the wrong company"),
    "parked": Words(nl="Wacht op u", en="Waiting for you"),
    "answered": Words(nl="Antwoord van uw klant", en="Your customer answered"),
    "repeat": Words(nl="Al eerder ontvangen", en="Received before"),
    "receipt": Words(nl="Ontvangen", en="Received"),
}
"""What asks most of the reader comes first."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the list."""

    kind: Kind
    invoice_id: UUID
    shown: Shown
    reason: Words


@dataclass(frozen=True, slots=True)
class List:
    """What goes into one mail. ``more``: how many there are beside ``told``."""

    lead: UUID
    told: Sequence[Told]
    more: int
    name: str
    address: str
    language: Language
    base_url: str
    repeat: bool = False

    @property
    def total(self) -> int:
        return len(self.told) + self.more


def write(many: List, mail_from: str) -> EmailMessage:
    """As ``letter.write``, with a Message-ID of its kind."""
    message = envelope(f"notices.{many.lead}", many.address, subject(many), mail_from)
    message["Postbode-Notices"] = str(many.total)
    if many.repeat:
        message["Postbode-Repeat"] = "possible"
    return filled(message, text(many), many.language)


def subject(many: List) -> str:
    counts = [f"{said(TITLES[kind], many.language).lower()} {n}" for kind, n in _counts(many)]
    head = f"{many.total} {'facturen of bestanden' if many.language == 'nl' else 'invoices or files'}"
    return f"{head}: {', '.join(counts)}" + (" …" if many.more else "")


def text(many: List) -> str:
    language = many.language
    return rendered(
        f"list_{language}.txt",
        name=one_line(many.name),
        total=many.total,
        groups=[
            {
                "kind": kind,
                "title": said(title, language),
                "told": [_line(each, many) for each in many.told if each.kind == kind],
            }
            for kind, title in TITLES.items()
            if any(each.kind == kind for each in many.told)
        ],
        more=many.more,
        link=f"{many.base_url}/invoices",
        repeat=many.repeat,
    )


def _line(told: Told, many: List) -> dict[str, str]:
    return {
        "what": what(told.kind, told.shown, many.language),
        "reason": one_line(said(told.reason, many.language), 1000),
        "link": f"{many.base_url}/invoices/{told.invoice_id}",
    }


def _counts(many: List) -> list[tuple[Kind, int]]:
    found = [(kind, sum(each.kind == kind for each in many.told)) for kind in TITLES]
    return [(kind, count) for kind, count in found if count]
