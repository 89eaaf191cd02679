"""``postbode check``: judge local files by the same rules, offline, storing nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from libs.contracts.parts import Words
from libs.errors import Refusal
from services.validate.judgement import Judgement, judge, unreadable

app = typer.Typer(no_args_is_help=True)


class Language(StrEnum):
    nl = "nl"
    en = "en"


@dataclass(frozen=True, slots=True)
class Checked:
    """One file and what the rules say about it."""

    path: Path
    judgement: Judgement

    @property
    def invalid(self) -> bool:
        return self.judgement.fatals > 0


@app.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(help="UBL files", exists=True, dir_okay=False, readable=True)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a file, one file a line")] = False,
    lang: Annotated[Language, typer.Option(help="language of the messages")] = Language.nl,
) -> None:
    """Check invoices on this machine. Ends with 1 when one of them is invalid."""
    invalid = False
    for path in files:
        checked = check_file(path)
        invalid = invalid or checked.invalid
        if as_json:
            sys.stdout.write(orjson.dumps(_as_json(checked)).decode() + "\n")
        else:
            sys.stdout.writelines(line + "\n" for line in _as_lines(checked, lang.value))
    if invalid:
        raise typer.Exit(1)


def check_file(path: Path) -> Checked:
    """Judge one file; what does not pass the gate is invalid with one finding."""
    try:
        return Checked(path, judge(path.read_bytes()))
    except Refusal as refusal:
        return Checked(path, unreadable(refusal))


def _as_lines(checked: Checked, language: str) -> Iterator[str]:
    judgement = checked.judgement
    for finding in judgement.findings:
        hint = f" → {_in(finding.hint, language)}" if finding.hint else ""
        mark = "" if finding.severity == "fatal" else " (waarschuwing)" if language == "nl" else " (warning)"
        place = f"{checked.path}:{finding.line or 1}"
        yield f"{place}: {finding.rule}{mark} {_in(finding.message, language)}{hint}"
    verdicts = {
        "valid": ("in orde", "valid"),
        "valid_with_warnings": ("in orde, met waarschuwingen", "valid, with warnings"),
        "invalid": ("ongeldig", "invalid"),
    }
    said = verdicts[judgement.verdict][language == "en"]
    counts = (
        f"{judgement.fatals} fout(en), {judgement.warnings} waarschuwing(en)"
        if language == "nl"
        else f"{judgement.fatals} error(s), {judgement.warnings} warning(s)"
    )
    yield f"{checked.path}: {said} [{judgement.rule_pack}, {judgement.profile}], {counts}"


def _as_json(checked: Checked) -> dict[str, Any]:
    judgement = checked.judgement
    return {
        "file": str(checked.path),
        "verdict": judgement.verdict,
        "rule_pack": judgement.rule_pack,
        "profile": judgement.profile,
        "fatals": judgement.fatals,
        "warnings": judgement.warnings,
        "findings": [finding.model_dump(mode="json") for finding in judgement.findings],
    }


def _in(words: Words, language: str) -> str:
    return words.nl if language == "nl" else words.en
