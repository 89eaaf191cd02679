"""Nothing is kept without a word about how long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from libs.lifetimes import TABLES
from services.deliver import erased as deliver
from services.route import store as route
from services.track import store as track
from services.validate import store as validate

ROOT = Path(__file__).parents[3]
_TABLE = re.compile(r"^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


def _made(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text("utf-8")
        found |= set(_TABLE.findall(text))
        found -= set(re.findall(r"^DROP TABLE (\w+)", text, re.MULTILINE))
    return found


def test_every_table_of_every_schema_has_a_lifetime() -> None:
    messaging = _made(ROOT / "libs/messaging/migrations")
    assert messaging == {"outbox", "outbox_sent", "inbox", "dead"}
    there = {f"documents.{name}" for name in _made(ROOT / "libs/documents/migrations")}
    for folder in ROOT.glob("services/*/migrations"):
        there |= {f"{folder.parent.name}.{name}" for name in messaging | _made(folder)}
    named = Counter(name for names in TABLES.values() for name in names)
    assert not there - named.keys(), "say in libs/lifetimes.py (TABLES) how long their rows are kept"
    assert not named.keys() - there, "these are no tables"
    assert set(named.values()) == {1}


def _bodies(schema: str, statements: Sequence[str]) -> Iterator[str]:
    """Of the functions that these statements call: what a worker may delete by no other door."""
    migrations = "".join(path.read_text("utf-8") for path in ROOT.glob(f"services/{schema}/migrations/*.sql"))
    for name in re.findall(r"^SELECT (\w+)\(", "\n".join(statements), re.MULTILINE):
        (body,) = re.findall(
            rf"^CREATE FUNCTION {name}\(.*?\$\$(.*?)\$\$", migrations, re.MULTILINE | re.DOTALL
        )
        yield body


def test_what_lives_as_long_as_its_invoice_is_deleted_when_that_is_erased() -> None:
    (kept,) = (names for words, names in TABLES.items() if "invoice.erased" in words)
    statements = {
        "validate": [validate.ERASE], "route": route.ERASE, "deliver": deliver.ERASE, "track": track.ERASE,
    }  # fmt: skip
    deleted = {
        f"{schema}.{table}"
        for schema, texts in statements.items()
        for text in (*texts, *_bodies(schema, texts))
        for table in re.findall(r"DELETE FROM (\w+)", text)
    }
    assert deleted == set(kept)
