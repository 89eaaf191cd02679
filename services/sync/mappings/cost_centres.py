"""Cost centres (*Kostenplaatsen*), requirements B6.1."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import (
    Field,
    Kind,
    Names,
    Shape,
    administration,
    by_record,
    flag,
    plain,
    text,
    translated,
)

COST_CENTRES = Kind(
    name="cost_centre",
    title=Words(nl="kostenplaats", en="cost centre"),
    table="kstpl",
    resource="CostCentre",
    on_delete="deactivate",
    delete_rule="C9",
    renumbers=True,
    fields=(
        by_record("M-CC1", "kstpl.ID", "Kostenplaats ID", "cost-centre ID"),
        plain(
            "M-CC2",
            "kstpl.oms25",
            "groupName",
            Names("Omschrijving", "description", "Groepsnaam", "group name"),
            rules=("C8",),
        ),
        Field(
            "M-CC3",
            "",
            ("description",),
            Names("NVT", "n/a", "Omschrijving", "description"),
            text("oms25"),
            rule="the same text as the description in Globe+",
        ),
        plain(
            "M-CC4",
            "kstpl.kstplcode",
            "name",
            Names(
                "Kostenplaats",
                "cost-centre code",
                "Kostenplaatsnaam (voor Financiële groep)",
                "cost-centre name (for the financial group)",
            ),
            number=True,
            rules=("C8", "R237"),
        ),
        Field(
            "M-CC5",
            "kstpl.Enabled",
            ("active",),
            Names("Actief", "active", "Actief", "active"),
            flag("Enabled"),
            Shape.FLAG,
        ),
        translated("M-CC6", "kstpl.oms25_1…4", "oms25"),
        # Not a row of the table, but the remark under it.
        Field(
            "R241",
            "bedryf.bedrnr",
            ("companies",),
            Names("Administratie", "administration", "Bedrijven", "companies"),
            administration,
            Shape.LINKS,
            rules=("R241",),
            rule="the administration is linked to its cost centre",
        ),
    ),
)
