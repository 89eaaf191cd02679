"""VAT codes (*Btw-codes*), which become VAT percentages, requirements B6.5."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import (
    Field,
    Kind,
    Names,
    Row,
    Scope,
    Shape,
    Skip,
    as_text,
    combined,
    number,
    plain,
    same,
    translated,
)


def including(row: Row, scope: Scope) -> Skip | None:  # noqa: ARG001
    """R244: what is *Inclusief* in Globe+ stays out."""
    if as_text(row.get("exclus")).upper() != "I":
        return None
    return Skip(
        "R244",
        Words(
            nl="Deze btw-code is van het type Inclusief; die gaan niet naar Purchase to Pay.",
            en="This VAT code is of the type Including; those do not go to Purchase to Pay.",
        ),
    )


def active(row: Row, scope: Scope) -> bool:  # noqa: ARG001
    """What exists in Globe+ is active; what was deleted there is not."""
    return True


VAT_CODES = Kind(
    name="vat_code",
    title=Words(nl="btw-code", en="VAT code"),
    table="btwtrs",
    resource="VatRate",
    skip=including,
    on_delete="deactivate",
    delete_rule="R244",
    renumbers=True,
    fields=(
        Field(
            "M-VT1",
            "btwtrs.btwtrans",
            ("externalId",),
            Names("BTW-code", "VAT code", "Identificatienummer", "identification number"),
            combined("btwtrans"),
            key=True,
            rules=("R236",),
            rule="administration and VAT code; a renumbered code keeps the identity it had",
        ),
        plain("M-VT2", "btwtrs.Description", "description", same("Omschrijving", "description")),
        Field(
            "M-VT3",
            "btwtrs.Percentage",
            ("percentage",),
            Names("Percentage", "percentage", "Percentage", "percentage"),
            number("Percentage"),
            Shape.NUMBER,
        ),
        translated("M-VT4", "btwtrs.Description1…4", "Description"),
        Field(
            "R244",
            "",
            ("active",),
            Names("NVT", "n/a", "Actief", "active"),
            active,
            Shape.FLAG,
            rules=("R244",),
            rule="a deleted code becomes inactive",
        ),
    ),
)
