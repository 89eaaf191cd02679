"""What a receiver says of an invoice, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.invoice import InvoiceAnswered
from libs.contracts.parts import Words

_ANSWERS: Mapping[str, Words] = {
    "accepted": Words(nl="{to} heeft de factuur geaccepteerd.", en="{to} accepted the invoice."),
    "queried": Words(nl="{to} heeft een vraag over de factuur.", en="{to} has a question about the invoice."),
    "rejected": Words(
        nl="{to} wijst de factuur af en betaalt haar zo niet.",
        en="{to} rejects the invoice and does not pay it so.",
    ),
}
_WHY: Mapping[str, Words] = {
    "REF": Words(nl="kenmerken kloppen niet", en="references are not right"),
    "LEG": Words(nl="wettelijke gegevens kloppen niet", en="legal details are not right"),
    "REC": Words(nl="niet voor deze ontvanger", en="not for this receiver"),
    "QUA": Words(nl="kwaliteit van het geleverde", en="quality of what was supplied"),
    "DEL": Words(nl="levering", en="delivery"),
    "PRI": Words(nl="prijzen", en="prices"),
    "QTY": Words(nl="aantallen", en="quantities"),
    "ITM": Words(nl="artikelen", en="items"),
    "PAY": Words(nl="betalingsvoorwaarden", en="payment terms"),
    "UNR": Words(nl="onbekende transactie", en="not recognised"),
    "FIN": Words(nl="financiële gegevens", en="financial details"),
    "PPD": Words(nl="gedeeltelijk betaald", en="partly paid"),
}
"""Peppol's list OPStatusReason, but for *none* and *other*, which tell nothing."""


def words(data: InvoiceAnswered) -> Words:
    said, why, own = _ANSWERS[data.answer], _WHY.get(data.code or ""), data.said
    nl, en = said.nl.format(to=data.receiver_name), said.en.format(to=data.receiver_name)
    if why is not None:
        nl, en = f"{nl} Het gaat om: {why.nl}.", f"{en} It is about: {why.en}."
    if own:
        nl, en = f"{nl} „{own}”", f"{en} “{own}”"
    return Words(nl=nl, en=en)
