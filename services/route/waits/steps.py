"""Who can do what about an invoice that waits: by its sender, its receiver or an operator of the hub. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts.parts import Words
from services.route import words
from services.route.deciding.decision import CONTRADICTION, NOT_CORROBORATED
from services.route.facts import ACCOUNT, DIFFERS, STOPPED

Person = Literal["sender", "receiver", "operator"]


class Step(BaseModel):
    """One way on."""

    who: list[Person]
    words: Words
    request: str | None = Field(default=None, description="how over HTTP")
    command: str | None = Field(default=None, description="how an operator does it at the machine")


_REGISTER = Words(
    nl="Meld de ontvanger aan en laat hem bevestigen, of voer hem in: al wat op hem wacht gaat dan vanzelf door.",
    en="Register the receiver and have it confirmed, or enter it: all that waits for it then goes on by itself.",
)
_DESCRIBE = Words(
    nl="Klopt de ontvanger: voeg de naam of postcode van de factuur toe aan wat de hub van hem weet.",
    en="If the receiver is right: add the name or post code on the invoice to what the hub knows of it.",
)
_CONFIRM = Words(
    nl="Bevestig dat de factuur voor deze ontvanger is: zij en de volgende van deze afzender gaan dan door.",
    en="Confirm that the invoice is for this receiver: this one and the next of this sender then go on.",
)
_CHOOSE = Words(
    nl="Wijs zelf een ontvanger aan, als u weet voor wie de factuur is.",
    en="Choose a receiver yourself, if you know for whom the invoice is.",
)
_BOTH = Words(
    nl="Geef haar vrij: de ontvanger krijgt haar naast de andere met dit nummer.",
    en="Release it: the receiver gets it beside the other one of this number.",
)
_ACCOUNT = Words(
    nl="Is de rekening in de factuur van u: geef haar vrij, dan wordt zij bezorgd zoals zij is.",
    en="If the account in the invoice is yours: release it, and it is delivered as it is.",
)
_RETRY = Words(
    nl="Is er iets verbeterd in wat de hub van de ontvanger weet: laat opnieuw bepalen voor wie de factuur is.",
    en="If what the hub knows of the receiver was mended: have it decided again for whom the invoice is.",
)
_BACK = Words(
    nl="Neem haar terug: zij wordt niet bezorgd en mag verbeterd opnieuw gestuurd worden, ook onder hetzelfde nummer.",
    en="Take it back: it is not delivered, and may be sent again, corrected, under the same number too.",
)

_ANSWERED = {DIFFERS: _BOTH, ACCOUNT: _ACCOUNT}
"""Where the receiver is not in question, what somebody says by letting it go."""


def steps(invoice_id: UUID, code: str, waits_for: Sequence[str]) -> list[Step]:
    """What can be done about an invoice that waits for these (``scheme:value``)."""
    return list(_steps(f"/v1/parked/{invoice_id}", str(invoice_id), code, waits_for))


def _steps(path: str, invoice_id: str, code: str, waits_for: Sequence[str]) -> Iterator[Step]:
    keys = [text.partition(":")[::2] for text in waits_for]
    company = next((value for scheme, value in keys if scheme == words.COMPANY), None)
    number = next((text for text in waits_for if not text.startswith((words.COMPANY, words.INVOICE))), None)

    def theirs(said: Words, action: str, to: str | None = None) -> Step:
        return Step(
            who=["sender", "operator"],
            words=said,
            request=f"POST {path}/{action}" + (f' {{"party_id": "{to}"}}' if to else ""),
            command=f"postbode parked {action} {invoice_id}" + (f" --to {to}" if to else ""),
        )

    if code in _ANSWERED:
        yield theirs(_ANSWERED[code], "release")
    elif code in (NOT_CORROBORATED, STOPPED) and company is not None:
        yield theirs(_CONFIRM, "release", company)
        if code == NOT_CORROBORATED:
            yield Step(who=["operator"], words=_DESCRIBE, request=f"PUT /v1/parties/{company}")
        else:
            yield theirs(_CHOOSE, "release", "…")
            yield theirs(_RETRY, "retry")
    else:
        # What contradicts is not mended by one more owner: its numbers have one, or another company's stands beside them.
        if number is not None and code != CONTRADICTION:
            yield Step(
                who=["receiver", "operator"],
                words=_REGISTER,
                request="POST /v1/parties",
                command=f"postbode parties add --id {number} --name …",
            )
        yield theirs(_CHOOSE, "release", "…")
    yield theirs(_BACK, "return")
