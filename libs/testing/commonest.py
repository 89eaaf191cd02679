"""Which fatal rules the invoices of a corpus break most: ``make commonest`` writes ``docs/commonest-findings.md``.

``POSTBODE_CORPUS`` names the folder, as for ``make conformance``. Documents that were made to break one rule each, by
changing others at random (``mut…``) or as tests of that rule (``…-unit``), say nothing of what is common and are left
out. Each document is judged by the rules it claims to follow, as the hub does, and counts once for each rule.

The walkthrough of ``docs/rules`` is about the first ``TWENTY`` of that page: what is read there is what was counted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from libs.einvoice import schema
from libs.errors import Refusal
from libs.rules import engine, messages

PAGE = Path(__file__).parents[2] / "docs" / "commonest-findings.md"
TWENTY = 20
_ROW = re.compile(r"^\| \d+ \| \[([A-Z0-9-]+)\]", re.MULTILINE)
_MADE = re.compile(r"^mut|-unit$")


def documents(folder: Path) -> Iterator[bytes]:
    """Those of a corpus that somebody might send."""
    with (folder / "manifest.jsonl").open(encoding="utf-8") as manifest:
        rows = [json.loads(line) for line in manifest]
    for file in dict.fromkeys(row["file"] for row in rows if not _MADE.search(row.get("group", ""))):
        yield (folder / file).read_bytes()


def count(invoices: Iterable[bytes]) -> tuple[int, int, Counter[str]]:
    """How many there are, how many of them are invalid, and by rule in how many it is broken. What breaks the schema or
    cannot be read counts among the invalid, under no rule."""
    every = invalid = 0
    broken: Counter[str] = Counter()
    for data in invoices:
        every += 1
        try:
            findings = engine.validate(data).findings
        except Refusal:
            invalid += 1
            continue
        fatal = {finding.rule for finding in findings if finding.severity == "fatal"}
        invalid += bool(fatal)
        broken.update(fatal - {schema.RULE, engine.UNPARSED})
    return every, invalid, broken


def page(every: int, invalid: int, broken: Counter[str]) -> str:
    """Most documents first, then by name."""
    order = sorted(broken.items(), key=lambda each: (-each[1], each[0]))[:TWENTY]
    rows = [
        f"| {place} | [{rule}](rules/{rule}.md) | {times} | {messages.of(rule).message.en} |"
        for place, (rule, times) in enumerate(order, 1)
    ]
    return "\n".join(
        [
            "# The twenty commonest findings",
            "",
            f"Counted by `make commonest` over a corpus of {every} published example and test invoices, of which",
            f"{invalid} are invalid by the rules they claim to follow. Each counts once for a rule. They are what others",
            "published to try software with, not what suppliers send: nobody publishes that. What breaks the schema is not",
            "counted; each such place has words of its own. [Each of these, mended (Dutch)](rules/herstellen.md).",
            "",
            "| | rule | invoices | what is wrong |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def commonest() -> list[str]:
    """The rules of the page, as it is committed."""
    return _ROW.findall(PAGE.read_text("utf-8"))


def main() -> None:
    folder = os.environ.get("POSTBODE_CORPUS", "")
    if not folder:
        sys.exit("POSTBODE_CORPUS must name a folder with manifest.jsonl and the documents it names.")
    PAGE.write_text(page(*count(documents(Path(folder)))), encoding="utf-8")


if __name__ == "__main__":
    main()
