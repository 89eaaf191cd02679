"""Payment conditions (*Betalingscondities*), requirements B6.6."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import (
    Field,
    Kind,
    Names,
    Row,
    Scope,
    Shape,
    as_number,
    plain,
    same,
    translated,
)


def days(row: Row, scope: Scope) -> float | int | None:
    """The days of discount 1, as the seed says literally, or by setting those of the term (C7)."""
    return as_number(row.get("kbdagen" if scope.condition_days == "discount1_days" else "termijn"))


PAYMENT_CONDITIONS = Kind(
    name="payment_condition",
    title=Words(nl="betalingsconditie", en="payment condition"),
    table="betcd",
    resource="PaymentCondition",
    delete_rule="R245",
    shared=True,
    renumbers=True,
    fields=(
        plain(
            "M-PC1",
            "betcd.betcond",
            "externalId",
            Names("Betalingsconditie", "payment condition", "Identificatienummer", "identification number"),
            key=True,
            rules=("R236", "R304"),
            rule="the code alone: administrations must agree",
        ),
        plain("M-PC2", "betcd.oms30", "description", same("Omschrijving", "description")),
        Field(
            "M-PC3",
            "betcd.kbdagen",
            ("days",),
            Names("Aantal dagen: Korting 1", "number of days: discount 1", "Aantal dagen", "number of days"),
            days,
            Shape.NUMBER,
            rules=("C7",),
            rule="the days of discount 1; by setting those of the payment term",
        ),
        translated("M-PC4", "betcd.oms30_1…4", "oms30"),
    ),
)
