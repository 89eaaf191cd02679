"""The mapping tables as they stand in ``docs/sync.md``: printed from the code, so the page cannot differ from it.

``python -m services.sync.described`` writes them anew; a test holds the page to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from services.sync.globe.tables import INFERRED
from services.sync.mappings import KINDS
from services.sync.mappings.field import Field, Kind

PAGE = Path(__file__).parents[2] / "docs" / "sync.md"
BEGIN, END = "<!-- made from the code: begin -->", "<!-- made from the code: end -->"


def tables() -> str:
    """Every kind's table, and the columns of Globe+ whose names are inferred."""
    return "\n".join((*(line for kind in KINDS for line in _kind(kind)), *_inferred()))


def _kind(kind: Kind) -> Iterator[str]:
    title = kind.title.en
    yield f"### {title[0].upper()}{title[1:]} (*{kind.title.nl}*): `{kind.table}` → `{kind.resource}`"
    yield ""
    yield "| row | Globe+ | | Purchase to Pay | needed | rule |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for each in kind.fields:
        yield _row(each, "")
    for group in kind.children:
        for each in group.fields:
            yield _row(each, f"{group.p2p}[].")
    yield ""


def _row(each: Field, where: str) -> str:
    names = each.names
    globe = f"*{names.globe_nl}* {names.globe_en}" + (f" `{each.globe}`" if each.globe else "")
    paths = ", ".join(f"`{where}{path}`" for path in each.p2p)
    p2p = f"*{names.p2p_nl}* {names.p2p_en} {paths}".strip()
    rules = " ".join((each.rule, f"({', '.join(each.rules)})" if each.rules else "")).strip()
    return f"| {each.row} | {globe} | {each.direction.value} | {p2p} | {'yes' if each.required else ''} | {rules} |"


def _inferred() -> Iterator[str]:
    yield "### Columns of Globe+ whose names are not public"
    yield ""
    yield "| table | columns, as chosen in `services/sync/globe/tables.py` |"
    yield "| --- | --- |"
    for table, columns in INFERRED.items():
        yield f"| `{table}` | {', '.join(f'`{name}`' for name in dict.fromkeys(columns))} |"
    yield ""


def written(page: str) -> str:
    """The page with the tables as the code has them now."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{tables()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write("docs/sync.md written\n")
