"""``postbode check``: judge local files by the same rules, offline, storing nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from libs import clock
from libs.contracts.parts import Words
from libs.einvoice import gate
from libs.einvoice.printed import NOTHING, Printed
from libs.errors import Refusal, Unprocessable
from libs.rules.engine import PACKS, releases
from services.validate import terminal
from services.validate.judgement import UNREADABLE, judge, unreadable
from services.validate.page import Pages, beside
from services.validate.report import Report, as_json, report

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

NO_FILE = Words(
    nl="Dit bestand is niet te lezen ({why}). Controleer de naam en de rechten.",
    en="This file cannot be read ({why}). Check its name and its permissions.",
)
_WHY: dict[type[OSError], Words] = {
    FileNotFoundError: Words(nl="het bestaat niet", en="it does not exist"),
    IsADirectoryError: Words(nl="het is een map", en="it is a folder"),
    NotADirectoryError: Words(nl="een deel van het pad is geen map", en="a part of the path is no folder"),
    PermissionError: Words(nl="u mag het niet lezen", en="you may not read it"),
}
_NO_NAME = Words(nl="dit is geen bestandsnaam", en="this is no file name")
_NO_FILE_AT_ALL = Words(nl="het is geen gewoon bestand", en="it is no ordinary file")
FAILED = Words(
    nl="Dit document kon niet worden beoordeeld. Dat ligt aan Postbode en niet aan u: meld het, met dit bestand en dit "
    "woord erbij: {why}.",
    en="This document could not be judged. That is a fault of Postbode and not of yours: report it, with this file and "
    "this word: {why}.",
)


class Language(StrEnum):
    nl = "nl"
    en = "en"


def _known(pack: str | None) -> str | None:
    if pack is None or pack in PACKS:
        return pack
    raise typer.BadParameter(f"{pack!r} is not one of {', '.join(sorted(PACKS))}")


def _known_release(release: str | None) -> str | None:
    known = sorted({each.release for every in releases().values() for each in every if each.release})
    if release is None or release in known:
        return release
    raise typer.BadParameter(f"{release!r} is not one of {', '.join(known)}")


@app.command()
def check(
    files: Annotated[
        list[str],
        typer.Argument(help="UBL files; - reads paths from standard input, one a line", metavar="FILE… | -"),
    ],
    pack: Annotated[
        str | None,
        typer.Option(
            callback=_known,
            metavar="NAME",
            help=f"run exactly these rules, whatever the document claims: {', '.join(sorted(PACKS))}",
        ),
    ] = None,
    pdf: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="the PDF that goes with the invoice; else the one of the same name beside it",
        ),
    ] = None,
    pack_release: Annotated[
        str | None,
        typer.Option(
            callback=_known_release,
            metavar="RELEASE",
            help="of rules that have it, take this release, whenever the invoice was issued",
        ),
    ] = None,
    lang: Annotated[Language, typer.Option(help="language of the messages")] = Language.nl,
    as_lines: Annotated[
        bool, typer.Option("--json", help="one JSON object a document, each on a line")
    ] = False,
) -> None:
    """Check invoices on this machine: nothing is sent and nothing is kept.

    Without --pack a document is held to the rules it claims to follow, and Postbode warns of numbers by which no
    receiver can be found, and of a bank account that the PDF beside the invoice does not name.

    Ends with 0 when all are valid (warnings or not), 1 when one is invalid or cannot be read, 2 when the command
    itself is wrong.
    """
    if pdf is not None and (pack is not None or files == ["-"] or len(files) != 1):
        raise typer.BadParameter("goes with one FILE, and without --pack", param_hint="--pdf")
    invalid = False
    try:
        with Pages() as pages:
            for path in _paths(files):
                page = NOTHING if pack is not None else _page(pages, path, pdf)
                said, data = check_file(path, pack, pack_release, page)
                invalid = invalid or said.verdict == "invalid"
                _write(said, data, lang, as_lines=as_lines)
    except BrokenPipeError:
        # Whoever read this has read enough; what is still in the buffer must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    if invalid:
        raise typer.Exit(1)


def _page(pages: Pages, path: str, pdf: str | None) -> Printed:
    """What the PDF of an invoice says. One that was named must be readable; one that just lies there need not."""
    page = beside(path) if pdf is None else Path(pdf)
    if page is None:
        return NOTHING
    try:
        return pages.read(page)
    except (OSError, ValueError) as error:
        if pdf is None:
            return NOTHING
        raise typer.BadParameter(f"{pdf!r} cannot be read", param_hint="--pdf") from error


def check_file(
    path: str, pack: str | None = None, release: str | None = None, page: Printed = NOTHING
) -> tuple[Report, bytes]:
    """Judge one file, with what its PDF says; whatever cannot be judged is invalid with one finding. Also the bytes, to
    quote from."""
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    data = b""
    # No error outlives its clause: its traceback would hold this frame, and this frame the document.
    try:
        data = _read(path)
        verdict = judge(data, pack, release, printed=page, today=clock.day(clock.now()))
    except Refusal as error:
        verdict = unreadable(error, pack or UNREADABLE)
    except Exception as error:  # noqa: BLE001 - a stream of documents does not end at one of them
        name_of = type(error).__name__
        verdict = unreadable(_refusal(FAILED, "failed", Words(nl=name_of, en=name_of)), pack or UNREADABLE)
    return report(name, verdict), data


def _read(path: str) -> bytes:
    try:
        # A pipe nobody writes to would be waited for for ever.
        if stat.S_ISFIFO(os.stat(path).st_mode) and not path.startswith("/dev/fd/"):  # noqa: PTH116
            raise _refusal(NO_FILE, "no-file", _NO_FILE_AT_ALL)
        with open(path, "rb") as file:  # noqa: PTH123 - a Path would take "" for the current folder
            # One byte more than is taken, so nobody's disk image is read to its end.
            return file.read(gate.DEFAULT.size + 1)
    except OSError as error:
        why = _WHY.get(type(error), Words(nl=str(error.errno), en=error.strerror or str(error.errno)))
        raise _refusal(NO_FILE, "no-file", why) from None
    except ValueError:  # A zero byte in the name.
        raise _refusal(NO_FILE, "no-file", _NO_NAME) from None


def _refusal(words: Words, code: str, why: Words) -> Refusal:
    filled = Words(nl=words.nl.format(why=why.nl), en=words.en.format(why=why.en))
    return Unprocessable(filled.en, code=code, words=filled.model_dump())


def _paths(files: list[str]) -> Iterator[str]:
    """Each path; those of standard input as soon as their line is there."""
    for file in files:
        if file != "-":
            yield file
            continue
        while line := sys.stdin.buffer.readline():
            path = os.fsdecode(line.rstrip(b"\r\n"))
            if path.strip():
                yield path


def _write(said: Report, data: bytes, lang: Language, *, as_lines: bool) -> None:
    if as_lines:
        sys.stdout.buffer.write(orjson.dumps(as_json(said)) + b"\n")
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
        view = terminal.view(lang.value, columns, colour=colour)
        sys.stdout.writelines(line + "\n" for line in terminal.render(said, data, view))
    sys.stdout.flush()
