"""Ledger accounts (*Grootboekrekeningen*), which become cost types (*Kostensoorten*), requirements B6.3."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import (
    Field,
    Kind,
    Names,
    Row,
    Scope,
    Shape,
    as_text,
    combined,
    flag,
    plain,
    same,
    translated,
)

_by_record = combined("ID")


def identity(row: Row, scope: Scope) -> str:
    """R218: by account number when all administrations have the same cost types, else by record."""
    return as_text(row.get("reknr")) if scope.same_cost_types else str(_by_record(row, scope))


GL_ACCOUNTS = Kind(
    name="gl_account",
    title=Words(nl="grootboekrekening", en="ledger account"),
    table="grtbk",
    resource="CostType",
    on_delete="deactivate",
    delete_rule="R242",
    fields=(
        Field(
            "M-GL1",
            "grtbk.ID",
            ("externalId",),
            Names(
                "grootboekrekening ID", "ledger account ID", "Identificatienummer", "identification number"
            ),
            identity,
            key=True,
            rules=("R218", "R236"),
            rule="administration and record ID; with EXACTGLOBE_ADMINS_SAME_COSTTYPES the account number",
        ),
        plain(
            "M-GL2", "grtbk.reknr", "number", Names("Rekeningnummer", "account number", "Nummer", "number")
        ),
        plain("M-GL3", "grtbk.oms25", "description", same("Omschrijving", "description")),
        translated("M-GL4", "grtbk.oms25_1…4", "oms25"),
        Field(
            "M-GL5",
            "grtbk.Blocked",
            ("active",),
            Names("Geblokkeerd handm. invoer", "blocked for manual entry", "Actief", "active"),
            flag("Blocked", inverted=True),
            Shape.FLAG,
            rule="turned round: blocked is not active",
        ),
    ),
)
