"""``postbode show``: an invoice of any syntax as people read it, in the terminal."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from libs.contracts.parts import Words
from libs.einvoice import documents
from libs.einvoice.documents import Document
from libs.einvoice.formats.page import page
from libs.einvoice.formats.pdf_words import Language
from libs.errors import HubError
from services.deliver.converting import given_file
from services.deliver.converting.given_file import GivenFile, PageLanguage

app = typer.Typer(no_args_is_help=True)

# What would move the cursor or colour the screen of whoever looks at a stranger's invoice.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@app.command()
def show(
    file: GivenFile,
    lang: Annotated[PageLanguage, typer.Option(help="of what is shown")] = PageLanguage.nl,
) -> None:
    """Show an invoice: parties, lines, VAT, totals, payment, and whom it is for. Ends with 1 when it cannot be read."""
    try:
        found = documents.read(given_file.read(file, lang))
    except HubError as error:
        raise given_file.refused(file, error, lang) from None
    console = Console(highlight=False)
    for each in found:
        console.print(view(each, lang.value))
    if any(each.read.findings for each in found):
        raise typer.Exit(1)


def view(document: Document, language: Language) -> Group:
    """One invoice as the terminal shows it."""
    shown = page(document.read.invoice, language)
    words = shown["words"]
    parts: list[Any] = [
        Panel(_parties(shown), title=_text(shown["title"]), subtitle=document.syntax, box=box.ROUNDED),
        _rows(shown["meta"]),
    ]
    parts += [_text(note) for note in shown["notes"]]
    parts += [_lines(shown), _rows([row[:2] for row in shown["totals"]], justify="right")]
    if shown["vat"]:
        parts.append(
            _table(shown["vat_columns"][:3], [row[:3] for row in shown["vat"]], title=words["vat_table"])
        )
    if shown["payment"] is not None:
        parts.append(_rows([[words["payment"], shown["payment"]["terms"] or ""], *shown["payment"]["rows"]]))
    side = "nl" if language == "nl" else "en"
    for candidate in document.read.candidates[:1]:
        parts.append(_text(f"→ {candidate.identifier.scheme}:{candidate.identifier.value}  {candidate.path}"))
    for finding in document.read.findings:
        said = finding.message.nl if side == "nl" else finding.message.en
        parts.append(_text(f"✗ {finding.line or ''} {finding.rule} {' '.join(finding.terms)} {said}", "red"))
    for filled in document.read.filled:
        parts.append(_text(f"＋ {filled.term} = {filled.value}: {_in(filled.rule, side)}", "yellow"))
    parts += [_text(f"· {place}", "dim") for place in document.read.unread[:20]]
    parts += [_text(_in(remark, side), "yellow") for remark in document.remarks]
    return Group(*parts)


def _in(words: Words, side: str) -> str:
    return words.nl if side == "nl" else words.en


def _text(text: str, style: str = "") -> Text:
    """A stranger's words: never markup, never control characters."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text), style=style)


def _parties(shown: dict[str, Any]) -> Table:
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column()
    grid.add_column()
    grid.add_row(
        *(
            _text("\n".join((who["name"], *who["lines"], *who["ids"])))
            for who in (shown["seller"], shown["buyer"])
        )
    )
    return grid


def _rows(rows: list[list[str]], justify: Any = "left") -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(justify=justify)
    for label, value in rows:
        grid.add_row(_text(label), _text(value))
    return grid


def _lines(shown: dict[str, Any]) -> Table:
    rows = [
        [
            each["number"],
            "\n".join((each["name"], *each["more"])),
            *(each[k] for k in ("quantity", "price", "vat", "net")),
        ]
        for each in shown["lines"]
    ]
    return _table(shown["columns"], rows, right=4)


def _table(columns: list[str], rows: list[list[str]], *, title: str | None = None, right: int = 2) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place >= len(columns) - right else "left")
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    return table
