"""Cost units (*Kostendragers*), requirements B6.2."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import Field, Kind, Names, Shape, combined, text, translations

COST_UNITS = Kind(
    name="cost_unit",
    title=Words(nl="kostendrager", en="cost unit"),
    table="kstdr",
    resource="CostUnit",
    renumbers=True,
    fields=(
        Field(
            "M-CU1",
            "kstdr.ID",
            ("externalId",),
            Names("Kostendrager ID", "cost-unit ID", "Identificatienummer", "identification number"),
            combined("ID"),
            key=True,
            rules=("R236",),
            rule="administration and record ID",
        ),
        Field(
            "M-CU2",
            "kstdr.kstdrcode",
            ("number",),
            Names("Code", "code", "Nummer", "number"),
            text("kstdrcode"),
            number=True,
            rules=("R237",),
        ),
        Field(
            "M-CU3",
            "kstdr.oms25",
            ("description",),
            Names("Omschrijving", "description", "Omschrijving", "description"),
            text("oms25"),
        ),
        Field(
            "M-CU4",
            "kstdr.oms25_1…4",
            ("translations",),
            Names("Omschrijvingen in vreemde talen", "foreign descriptions", "Vertalen", "translations"),
            translations("oms25"),
            Shape.TRANSLATIONS,
            rules=("R239",),
        ),
    ),
)
