"""Cost centres (*Kostenplaatsen*), requirements B6.1."""

from __future__ import annotations

from libs.contracts.parts import Words
from services.sync.mappings.field import (
    Field,
    Kind,
    Names,
    Shape,
    administration,
    combined,
    flag,
    text,
    translations,
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
        Field(
            "M-CC1",
            "kstpl.ID",
            ("externalId",),
            Names("Kostenplaats ID", "cost-centre ID", "Identificatienummer", "identification number"),
            combined("ID"),
            key=True,
            rules=("R236",),
            rule="administration and record ID",
        ),
        Field(
            "M-CC2",
            "kstpl.oms25",
            ("groupName",),
            Names("Omschrijving", "description", "Groepsnaam", "group name"),
            text("oms25"),
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
        Field(
            "M-CC4",
            "kstpl.kstplcode",
            ("name",),
            Names(
                "Kostenplaats",
                "cost-centre code",
                "Kostenplaatsnaam (voor Financiële groep)",
                "cost-centre name (for the financial group)",
            ),
            text("kstplcode"),
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
        Field(
            "M-CC6",
            "kstpl.oms25_1…4",
            ("translations",),
            Names("Omschrijvingen in vreemde talen", "foreign descriptions", "Vertalen", "translations"),
            translations("oms25"),
            Shape.TRANSLATIONS,
            rules=("R239",),
        ),
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
