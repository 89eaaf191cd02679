"""``postbode-client``: hand invoices over from a command line, and ask where they are."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from postbode_client import parcels
from postbode_client.answers import Item
from postbode_client.client import Client
from postbode_client.errors import HubError, Refused
from postbode_client.parcels import Parcel

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

UNREACHABLE = 75
"""Exit code: nothing wrong with the files, try again later (EX_TEMPFAIL of sysexits.h)."""


class Language(StrEnum):
    nl = "nl"
    en = "en"


Hub = Annotated[str, typer.Option("--url", envvar="POSTBODE_URL", help="address of the hub, https://…")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="file that holds the API key; else it is read from POSTBODE_API_KEY"),
]
Lang = Annotated[Language, typer.Option("--lang", help="of what the hub says")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object an invoice, each on a line")]
Patient = Annotated[
    float, typer.Option("--patience", help="seconds to keep trying when nothing gets through")
]

TEXTS = {
    "nl": {
        "received": "ontvangen",
        "duplicate": "dubbel",
        "quarantined": "apart gezet",
        "erased": "gewist",
        "refused": "geweigerd",
        "sum": "{taken} aangenomen, {refused} geweigerd.",
        "later": "De hub is niet bereikt: {why}. Stuur dezelfde bestanden later nog eens: wat al is aangenomen wordt "
        "herkend.",
        "no_key": "Er is geen API-sleutel: zet hem in POSTBODE_API_KEY, of noem een bestand met --key-file.",
        "nothing": "Hier zijn geen facturen: noem XML-bestanden, of een map waar ze in staan.",
    },
    "en": {
        "received": "received",
        "duplicate": "duplicate",
        "quarantined": "set aside",
        "erased": "erased",
        "refused": "refused",
        "sum": "{taken} taken, {refused} refused.",
        "later": "The hub was not reached: {why}. Send the same files again later: what was taken already is "
        "recognised.",
        "no_key": "There is no API key: put it into POSTBODE_API_KEY, or name a file with --key-file.",
        "nothing": "There are no invoices here: name XML files, or a folder that holds them.",
    },
}


@app.callback()
def main() -> None:
    """Hand invoices over to a Postbode hub, each of them once."""


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="XML files, or folders with them", metavar="FILE…")],
    url: Hub,
    key_file: KeyFile = None,
    lang: Lang = Language.nl,
    as_lines: AsJson = False,
    patience: Patient = 300.0,
) -> None:
    """Hand over XML invoices, each with the PDF of its name that lies beside it.

    What was taken before is recognised by its content, so the command may be given again after anything went wrong.

      postbode-client send facturen/*.xml --url https://hub.example

    Ends with 0 when all were taken, 1 when one was refused, 75 when the hub could not be reached, 2 when the command itself
    is wrong.
    """
    words = TEXTS[lang]
    try:
        found = parcels.gather(files)
        loads = list(parcels.loads(found))
    except OSError as error:
        raise typer.BadParameter(f"{error.filename or error}: {error.strerror or 'not found'}") from None
    if not found:
        raise typer.BadParameter(words["nothing"])
    counts = {"taken": 0, "refused": 0}
    with _client(url, key_file, words, patience) as hub, _bar(len(found)) as step:
        try:
            for load in loads:
                for parcel, item in _handed_over(hub, load):
                    counts["taken" if item.refused is None else "refused"] += 1
                    step()
                    for line in _lines(parcel, item):
                        print(
                            json.dumps(line, ensure_ascii=False) if as_lines else _plain(line, lang),
                            flush=True,
                        )
        except Refused as error:
            _end(error.said(lang), 1)
        except HubError as error:
            _end(words["later"].format(why=error), UNREACHABLE)
    print(words["sum"].format(**counts), file=sys.stderr)
    if counts["refused"]:
        raise typer.Exit(1)


@app.command()
def status(
    invoice_ids: Annotated[list[str], typer.Argument(metavar="INVOICE_ID…")],
    url: Hub,
    key_file: KeyFile = None,
    lang: Lang = Language.nl,
    as_lines: AsJson = False,
    patience: Patient = 300.0,
) -> None:
    """Where invoices are. Ends with 1 when the hub does not know one."""
    words, unknown = TEXTS[lang], False
    with _client(url, key_file, words, patience) as hub:
        for invoice_id in invoice_ids:
            try:
                said = hub.invoice(invoice_id)
                print(json.dumps(said, ensure_ascii=False) if as_lines else f"{invoice_id}  {said['status']}")
            except Refused as error:
                unknown = True
                print(_shown(f"{invoice_id}  {error.said(lang)}"), file=sys.stderr)
            except HubError as error:
                _end(words["later"].format(why=error), UNREACHABLE)
    if unknown:
        raise typer.Exit(1)


def _handed_over(hub: Client, load: Sequence[Parcel]) -> Iterator[tuple[Parcel, Item]]:
    """One by itself, more as a ZIP. A refusal of the whole of it is raised, one of an item is told."""
    if len(load) == 1:
        try:
            yield load[0], Item(0, hub.submit(*load[0].files()))
        except Refused as error:
            if error.status != 422:
                raise
            yield load[0], Item(0, refused=error)
        return
    with tempfile.TemporaryDirectory(prefix="postbode-") as folder:
        path = Path(folder) / "invoices.zip"
        parcels.pack(load, path)
        for item in hub.submit_zip(path):
            yield load[item.number], item


def _lines(parcel: Parcel, item: Item) -> Iterator[dict[str, Any]]:
    if item.refused is not None:
        yield {"file": str(parcel.paths[0]), **item.refused.members, "status": "refused"}
    for each in item.receipt.invoices if item.receipt is not None else ():
        line = {"file": str(parcel.paths[0]), "status": each.status, "invoice_id": each.invoice_id}
        yield line if each.code is None else {**line, "code": each.code, "words": each.reason}


def _plain(line: dict[str, Any], lang: str) -> str:
    words = TEXTS[lang]
    said = line.get("words") or {}
    rest = [line.get("invoice_id", ""), line.get("code", ""), said.get(lang) or line.get("detail", "")]
    return _shown("  ".join(each for each in (line["file"], words[line["status"]], *rest) if each))


def _shown(text: str) -> str:
    """What a file name or a stranger wrote does nothing to the terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


@contextmanager
def _client(url: str, key_file: Path | None, words: dict[str, str], patience: float) -> Iterator[Client]:
    try:
        key = key_file.read_text("ascii") if key_file else os.environ.get("POSTBODE_API_KEY", "")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(str(error)) from None
    if not key.strip():
        raise typer.BadParameter(words["no_key"])
    try:
        client = Client(url, key.strip(), patience=patience)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with client:
        yield client


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    """Calls move it on. It stands on standard error and only where somebody looks."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _end(why: str, code: int) -> NoReturn:
    print(_shown(why), file=sys.stderr)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
