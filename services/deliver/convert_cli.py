"""``postbode convert``: a local file in another format, offline, storing nothing but the file asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from libs.contracts.parts import Words
from libs.einvoice import convert as conversions
from libs.einvoice.convert import TARGETS, Options
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.formats.pdf_words import Language
from libs.errors import HubError
from services.deliver.reports import Report, report

app = typer.Typer(no_args_is_help=True)


def _language(value: str) -> Language:
    for each in ("nl", "en", "fr"):
        if value == each:
            return each
    raise typer.BadParameter("nl, en or fr")


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="the invoice", exists=True, dir_okay=False, readable=True)],
    to: Annotated[str, typer.Option("--to", help=f"one of: {' '.join(TARGETS)}")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="file to write; of several invoices, numbered after the first")
    ],
    with_report: Annotated[
        bool, typer.Option("--report", help="say what did not survive, as JSON lines")
    ] = False,
    lang: Annotated[
        str, typer.Option(help="of a PDF and of what is said (fr: said in English): nl, en, fr")
    ] = "nl",
    seller: Annotated[
        str | None, typer.Option(help="name of the seller, for files that name none (eExact)")
    ] = None,
) -> None:
    """Convert an invoice. Ends with 1 when the result is not lawful in its format, or not whole."""
    try:
        done = conversions.convert(
            file.read_bytes(),
            to,
            sender=Sender(seller) if seller else None,
            options=Options(language=_language(lang)),
        )
    except HubError as refused:
        words = Words.model_validate(refused.extra.get("words", refused.words))
        sys.stderr.write(f"{file}: {words.nl if lang == 'nl' else words.en}\n")
        raise typer.Exit(1) from None
    reports = []
    for number, each in enumerate(done, 1):
        path = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        path.write_bytes(each.data)
        reports.append((path, report(each)))
    for path, said in reports:
        sys.stdout.write(said.model_dump_json() + "\n" if with_report else _line(path, said, lang) + "\n")
    if any(each.verdict == "invalid" for _, each in reports):
        raise typer.Exit(1)


_SAID = {
    "nl": (
        "{path}: factuur {number} als {format}, {lawful}; "
        "{lost} vervallen, {filled} ingevuld, {unread} niet gelezen",
        {"valid": "in orde", "invalid": "ongeldig", "not judged": "niet getoetst"},
    ),
    "en": (
        "{path}: invoice {number} as {format}, {lawful}; {lost} lost, {filled} filled in, {unread} not read",
        {"valid": "in order", "invalid": "invalid", "not judged": "not judged"},
    ),
}


def _line(path: Path, said: Report, lang: str) -> str:
    text, verdicts = _SAID["nl" if lang == "nl" else "en"]
    line = text.format(
        path=path,
        number=said.number or "?",
        format=said.format,
        lawful=verdicts[said.verdict],
        lost=len(said.lost),
        filled=len(said.filled),
        unread=len(said.unread),
    )
    fatal = [each for each in said.findings if each.severity == "fatal"]
    words = [(each.rule, each.message.nl if lang == "nl" else each.message.en) for each in fatal]
    return line + "".join(f"\n  {rule}: {message}" for rule, message in words)
