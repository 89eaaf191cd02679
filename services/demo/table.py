"""What the demo shows: one row an invoice, side by side on a wide screen, stacked on a narrow one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.demo.script import Scene
from services.demo.sender import Row

COLUMNS = ("number", "by", "status", "receiver", "why")
WIDE = 100
"""Characters from which five columns fit beside each other."""

_COLOURS = {
    "arrived": "green",
    "sent": "green",
    "imported": "green",
    "rejected": "red",
    "undeliverable": "red",
    "quarantined": "red",
    "refused": "red",
    "parked": "yellow",
    "duplicate": "cyan",
}
_SHORT = 25
_LONG = 200


class Shown:
    """Renders itself for the width it is given, so that a window may change while the demo runs."""

    def __init__(self, play: Sequence[Scene], rows: Mapping[str, Row]) -> None:
        self._cells = [_cells(scene, rows.get(scene.number)) for scene in play]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._beside() if options.max_width >= WIDE else self._stacked()

    def _beside(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True, header_style="bold")
        for column in COLUMNS[:-1]:
            table.add_column(column, no_wrap=True)
        table.add_column(COLUMNS[-1], ratio=1)
        for cells in self._cells:
            table.add_row(*cells)
        return table

    def _stacked(self) -> Group:
        widths = [max(len(cells[column].plain) for cells in self._cells) for column in range(3)]
        lines: list[Text | Padding] = []
        for number, by, status, receiver, reason in self._cells:
            line = Text(no_wrap=True, overflow="ellipsis")
            for cell, width in zip((number, by, status), widths, strict=True):
                line.append_text(cell).append(" " * (width - len(cell.plain) + 2))
            lines.append(line.append_text(receiver))
            if reason.plain:
                lines.append(Padding(reason, (0, 0, 0, 2)))
        return Group(*lines)


def why(reason: str) -> str:
    """The first statement that says something: enough for a table; the portal and the API tell the rest."""
    short, stop, more = reason.partition(". ")
    if stop and len(short) <= _SHORT:  # "1 error."
        return why(more)
    statement = (short + stop.strip()).partition("; ")[0]
    return statement if len(statement) <= _LONG else f"{statement[: _LONG - 1]}…"


def _cells(scene: Scene, row: Row | None) -> tuple[Text, Text, Text, Text, Text]:
    status = row.status if row else "on its way"
    return (
        Text(scene.number),
        Text(scene.by),
        Text(status, style=_COLOURS.get(status, "")),
        Text((row.receiver if row else None) or scene.receiver),
        Text(why((row.reason if row else None) or "")),
    )
