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
from libs.errors import HubError
from libs.terminal import say
from services.deliver.converting import given_file
from services.deliver.converting.given_file import GivenFile, PageLanguage
from services.deliver.converting.reports import Report, report

app = typer.Typer(no_args_is_help=True)

_SAME = Words(
    nl="dat is de factuur zelf. Kies een andere naam voor de uitvoer.",
    en="that is the invoice itself. Choose another name for the output.",
)
_SEVERAL = Words(
    nl="bevat {count} facturen, en op standaarduitvoer past er een. Geef met -o een bestandsnaam.",
    en="holds {count} invoices, and standard output takes one. Name a file with -o.",
)


@app.command()
def convert(
    file: GivenFile,
    to: Annotated[str, typer.Option("--to", help=f"one of: {' '.join(TARGETS)}")],
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            help="file to write, - for standard output; of several invoices, numbered after the first",
            dir_okay=False,
            writable=True,
        ),
    ],
    with_report: Annotated[
        bool, typer.Option("--report", help="say what did not survive, as JSON lines")
    ] = False,
    lang: Annotated[
        PageLanguage, typer.Option(help="of a PDF and of what is said (fr: said in English)")
    ] = PageLanguage.nl,
    seller: Annotated[
        str | None, typer.Option(help="name of the seller, for files that name none (eExact)")
    ] = None,
) -> None:
    """Convert an invoice. Ends with 1 when the result is not lawful in its format, or not whole."""
    dash = given_file.is_dash(out)
    if not dash and out.exists() and file.exists() and out.samefile(file):
        say(f"{out}: {given_file.of(_SAME, lang)}", err=True)
        raise typer.Exit(1)
    try:
        done = conversions.convert(
            given_file.read(file, lang),
            to,
            sender=Sender(seller) if seller else None,
            options=Options(language=lang.value),
        )
    except HubError as error:
        raise given_file.refused(file, error, lang) from None
    if dash and len(done) > 1:
        say(f"{file}: {given_file.of(_SEVERAL, lang).format(count=len(done))}", err=True)
        raise typer.Exit(1)
    reports = []
    for number, each in enumerate(done, 1):
        path = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        try:
            if dash:
                sys.stdout.buffer.write(each.data)
            else:
                path.write_bytes(each.data)
        except OSError as error:
            raise given_file.unwritten(path, error, lang) from None
        reports.append((path, report(each)))
    for path, said in reports:
        # Where the file itself goes to standard output, what is said about it goes beside it.
        say(said.model_dump_json() if with_report else _line(path, said, lang), err=dash)
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


def _line(path: Path, said: Report, lang: PageLanguage) -> str:
    text, verdicts = _SAID["nl" if lang is PageLanguage.nl else "en"]
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
    words = [(each.rule, given_file.of(each.message, lang)) for each in fatal]
    return line + "".join(f"\n  {rule}: {message}" for rule, message in words)
