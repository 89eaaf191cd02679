"""Exchange rates (*Wisselkoersen*), which go to the currencies (*Valuta*), requirements B6.10."""

from __future__ import annotations

from datetime import date, datetime

from libs.contracts.parts import Words
from services.sync.mappings.field import (
    Field,
    Kind,
    Names,
    Row,
    Scope,
    Shape,
    Skip,
    as_number,
    as_text,
    plain,
    same,
    text,
)


def newest(row: Row, scope: Scope) -> Row | None:
    """R246: the rate of today, or else the most recent one before it; never one of the future."""

    def day(rate: Row) -> date:
        found = rate["date_l"]
        return found.date() if isinstance(found, datetime) else found

    past = [rate for rate in row.get("rates", ()) if day(rate) <= scope.today]
    return max(past, key=day, default=None)


def rate(row: Row, scope: Scope) -> float | int | None:
    if as_text(row.get("valcode")).upper() == "EUR":
        return 1
    found = newest(row, scope)
    return as_number(found["rate_exchange"]) if found else None


def without_rate(row: Row, scope: Scope) -> Skip | None:
    if rate(row, scope) is not None:
        return None
    return Skip(
        "R246",
        Words(
            nl="Deze valuta heeft geen koers van vandaag of eerder: voer er in Globe+ een in.",
            en="This currency has no rate of today or earlier: enter one in Globe+.",
        ),
    )


CURRENCIES = Kind(
    name="currency",
    title=Words(nl="valuta", en="currency"),
    table="valuta",
    resource="Currency",
    skip=without_rate,
    shared=True,
    fields=(
        Field(
            "M-XR1",
            "valuta.valcode",
            ("externalId", "code"),
            Names(
                "Valuta", "currency", "Identificatienummer en Valuta Code", "identification and currency code"
            ),
            text("valcode"),
            key=True,
            rules=("R236", "R304"),
            rule="one field fills both",
        ),
        plain("M-XR2", "valuta.oms30", "description", same("Omschrijving", "description")),
        Field(
            "M-XR3",
            "rates.rate_exchange",
            ("rateToEuro",),
            Names("Wisselkoers", "exchange rate", "Koers t.o.v. de Euro", "rate against the euro"),
            rate,
            Shape.NUMBER,
            rules=("R246", "R247"),
            rule="today's, or the most recent before it; the euro itself is 1",
        ),
    ),
)
