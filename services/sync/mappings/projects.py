"""Projects (*Projecten*), requirements B6.4."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

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
    by_record,
    plain,
    same,
)

ACTIVE = frozenset({"A", "P"})
"""Active and proposed (*Voorgesteld*); blocked (B) and completed (C, *Afgehandeld*) are not."""


def active(row: Row, scope: Scope) -> bool:  # noqa: ARG001
    return as_text(row.get("Status")).upper() in ACTIVE


def _day(value: Any) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def ended(row: Row, scope: Scope) -> Skip | None:
    """R243: only projects with an end date in the future go over; without one, by setting (C6)."""
    end = _day(row.get("InitialEndDate"))
    if end is None:
        if scope.open_projects:
            return None
        return Skip(
            "C6",
            Words(
                nl="Dit project heeft geen einddatum, en zulke projecten gaan volgens de instelling niet mee.",
                en="This project has no end date, and by the setting such projects stay out.",
            ),
        )
    if end > scope.today:
        return None
    return Skip(
        "R243",
        Words(
            nl=f"De einddatum van dit project, {end:%d-%m-%Y}, ligt niet in de toekomst: zet hem later.",
            en=f"This project's end date, {end:%Y-%m-%d}, is not in the future: move it.",
        ),
    )


PROJECTS = Kind(
    name="project",
    title=Words(nl="project", en="project"),
    table="PRProject",
    resource="Project",
    skip=ended,
    on_delete="deactivate",
    delete_rule="R243",
    renumbers=True,
    fields=(
        by_record("M-PR1", "PRProject.ID", "project ID", "project ID"),
        plain(
            "M-PR2",
            "PRProject.ProjectNr",
            "number",
            Names("Project", "project code", "Nummer", "number"),
            number=True,
            rules=("R237",),
        ),
        plain("M-PR3", "PRProject.Description", "description", same("Omschrijving", "description")),
        Field(
            "M-PR4",
            "PRProject.Status",
            ("active",),
            Names("Status", "status", "Actief", "active"),
            active,
            Shape.FLAG,
            rule="A active and P proposed are active; B blocked and C completed are not",
        ),
    ),
)
