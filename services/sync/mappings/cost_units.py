"""Cost units (*Kostendragers*), requirements B6.2."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import Kind, Names, by_record, plain, same, translated

COST_UNITS = Kind(
    name="cost_unit",
    title=Words(nl="kostendrager", en="cost unit"),
    table="kstdr",
    resource="CostUnit",
    renumbers=True,
    fields=(
        by_record("M-CU1", "kstdr.ID", "Kostendrager ID", "cost-unit ID"),
        plain(
            "M-CU2",
            "kstdr.kstdrcode",
            "number",
            Names("Code", "code", "Nummer", "number"),
            number=True,
            rules=("R237",),
        ),
        plain("M-CU3", "kstdr.oms25", "description", same("Omschrijving", "description")),
        translated("M-CU4", "kstdr.oms25_1…4", "oms25"),
    ),
)
