"""``postbode parties load``: many parties from a file, with the database at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from libs.db.types import Pool
from libs.errors import HubError
from libs.terminal import Lang, Language, say
from services.route.companies.parties import Editor
from services.route.loads.loading import Line, Report
from services.route.loads.loading import load as load_all
from services.route.loads.tables import Format
from services.route.sessions import run_with_pool
from services.route.settings import RouteSettings

_NOBODY = UUID(int=0)


_HEADS = {
    Language.nl: "{rows} regels, gelezen als {how}: {added} toegevoegd, {changed} gewijzigd, {unchanged} al zo, "
    "{duplicate} dubbel, {refused} geweigerd",
    Language.en: "{rows} rows, read as {how}: {added} added, {changed} changed, {unchanged} as they were, "
    "{duplicate} double, {refused} refused",
}
_DRY = {Language.nl: "Proef, er is niets geladen. ", Language.en: "A trial, nothing was loaded. "}
_IGNORED = {Language.nl: "niet gelezen kolommen: ", Language.en: "columns not read: "}


def load(
    file: Annotated[
        Path, typer.Argument(help="CSV, or JSON lines (.jsonl, .ndjson)", exists=True, dir_okay=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would be done")] = False,
    lang: Lang = Language.nl,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON, one object a row, the sums last")
    ] = False,
) -> None:
    """Add and change many confirmed parties; what waits for them goes on. Ends 1 when a row was refused."""
    form: Format = "jsonl" if file.suffix.lower() in (".jsonl", ".ndjson") else "csv"

    async def work(pool: Pool, settings: RouteSettings) -> Report:
        return await load_all(
            pool,
            file.read_bytes(),
            form,
            Editor(account_id=None, operator=True),
            _NOBODY,
            dry_run=dry_run,
            release_most=settings.release_most,
        )

    try:
        report = run_with_pool(work)
    except HubError as refused:
        say(f"{refused.code}: {refused.words[lang.value]}", err=True)
        raise typer.Exit(2) from refused
    for line in report.lines:
        if as_json:
            say(json.dumps(line.as_json()))
        elif line.outcome not in ("added", "unchanged") or line.troubles:
            _show(line, lang)
    if as_json:
        say(json.dumps(report.summary()))
    else:
        _sum_up(report.summary(), lang)
    if report.counts["refused"]:
        raise typer.Exit(1)


def _show(line: Line, lang: Language) -> None:
    say(f"{line.line:>6}  {line.outcome:9}  {line.name or '-'}")
    for name, each in line.changes.items():
        say(f"        {name}: {json.dumps(each.before)} → {json.dumps(each.after)}")
    for trouble in line.troubles:
        place = " ".join(filter(None, (trouble.field, trouble.value)))
        say(
            f"        {trouble.code} {place}: {trouble.message.nl if lang is Language.nl else trouble.message.en}"
        )


def _sum_up(summary: dict[str, Any], lang: Language) -> None:
    how = " ".join(
        filter(
            None,
            (summary["format"], summary["encoding"], summary["separator"] and repr(summary["separator"])),
        )
    )
    say((_DRY[lang] if summary["dry_run"] else "") + _HEADS[lang].format(how=how, **summary))
    if summary["ignored_columns"]:
        say(_IGNORED[lang] + ", ".join(summary["ignored_columns"]))
