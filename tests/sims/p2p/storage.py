"""The records, the journal and the settings, in one SQLite file: what is committed survives ``kill -9``.

Used by one thread, the server's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    entity TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, modified REAL NOT NULL,
    number TEXT, active INTEGER NOT NULL,
    PRIMARY KEY (entity, key)
);
CREATE INDEX IF NOT EXISTS record_modified ON record (entity, modified);
CREATE INDEX IF NOT EXISTS record_number ON record (entity, number);
CREATE TABLE IF NOT EXISTS belongs (
    entity TEXT NOT NULL, company TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (entity, company, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS belongs_key ON belongs (entity, key);
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, entity TEXT NOT NULL, external_id TEXT,
    status INTEGER NOT NULL, code TEXT, effect TEXT NOT NULL, fault TEXT, body TEXT
);
CREATE INDEX IF NOT EXISTS journal_at ON journal (at);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Storage:
    """``path``: a file, or ``:memory:``."""

    def __init__(self, path: Path | str) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._conn.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        self._starts: dict[tuple[object, ...], str] = {}
        self._counts: dict[tuple[object, ...], int] = {}

    def close(self) -> None:
        self._conn.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._conn.execute("ROLLBACK")
            raise
        self._conn.execute("COMMIT")

    # ------------------------------------------------------------------ records

    def get(self, entity: str, key: str) -> dict[str, Any] | None:
        found = self._conn.execute(
            "SELECT body FROM record WHERE entity = ? AND key = ?", (entity, key)
        ).fetchone()
        return None if found is None else json.loads(found[0])

    def keys(self, entity: str) -> set[str]:
        """For the short tables: companies, address types."""
        return {key for (key,) in self._conn.execute("SELECT key FROM record WHERE entity = ?", (entity,))}

    def put(
        self,
        entity: str,
        key: str,
        body: Mapping[str, Any],
        modified: float,
        companies: Sequence[str],
        number: str | None,
    ) -> None:
        self._starts.clear()
        self._counts.clear()
        self._conn.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body,"
            " modified = excluded.modified, number = excluded.number, active = excluded.active",
            (entity, key, json.dumps(body, ensure_ascii=False), modified, number, body.get("active", True)),
        )
        self._conn.execute("DELETE FROM belongs WHERE entity = ? AND key = ?", (entity, key))
        self._conn.executemany(
            "INSERT OR IGNORE INTO belongs VALUES (?, ?, ?)",
            [(entity, company, key) for company in companies],
        )

    def remove(self, entity: str, key: str) -> bool:
        self._starts.clear()
        self._counts.clear()
        self._conn.execute("DELETE FROM belongs WHERE entity = ? AND key = ?", (entity, key))
        return bool(
            self._conn.execute("DELETE FROM record WHERE entity = ? AND key = ?", (entity, key)).rowcount
        )

    def holder(self, entity: str, number: str, companies: Sequence[str], but: str) -> str | None:
        """Another active record of one of these companies that has this number."""
        marks = ", ".join("?" * len(companies))
        found = self._conn.execute(
            "SELECT key FROM record WHERE entity = ? AND number = ? AND active AND key <> ? AND"
            " EXISTS (SELECT 1 FROM belongs b WHERE b.entity = record.entity AND b.key = record.key"
            f" AND b.company IN ({marks}))",
            (entity, number, but, *companies),
        ).fetchone()
        return None if found is None else found[0]

    def page(
        self, entity: str, page: int, size: int, since: float | None, companies: Iterable[str] | None
    ) -> tuple[list[str], int]:
        """Bodies as JSON texts in the order of their keys, and how many there are on all pages.
        ``companies``: those of any of these."""
        where, values = _where(entity, since, companies)
        query = (where, *values)
        if query not in self._counts:
            self._counts[query] = self._conn.execute(
                f"SELECT count(*) FROM record WHERE {where}", values
            ).fetchone()[0]
        start = self._starts.get((*query, size, page))
        if start is None:
            rows = self._conn.execute(
                f"SELECT key, body FROM record WHERE {where} ORDER BY key LIMIT ? OFFSET ?",
                (*values, size, (page - 1) * size),
            ).fetchall()
        else:
            rows = self._conn.execute(
                f"SELECT key, body FROM record WHERE {where} AND key > ? ORDER BY key LIMIT ?",
                (*values, start, size),
            ).fetchall()
        if rows:  # where the next page begins, while nothing is written: pages cost the same, the last like the first
            self._starts[*query, size, page + 1] = rows[-1][0]
        return [body for _, body in rows], self._counts[query]

    # ------------------------------------------------------------------ journal

    def note(
        self,
        at: float,
        method: str,
        entity: str,
        external_id: str | None,
        *,
        status: int,
        code: str | None = None,
        effect: str = "none",
        fault: str | None = None,
        body: str | None = None,
    ) -> int:
        """Write a line of the journal; returns its number."""
        done = self._conn.execute(
            "INSERT INTO journal (at, method, entity, external_id, status, code, effect, fault, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (at, method, entity, external_id, status, code, effect, fault, body),
        )
        return done.lastrowid or 0

    def amend(self, seq: int, status: int, fault: str) -> None:
        self._conn.execute("UPDATE journal SET status = ?, fault = ? WHERE seq = ?", (status, fault, seq))

    def journal(self, after: int = 0, limit: int = 10_000) -> list[dict[str, Any]]:
        found = self._conn.execute("SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def accepted_since(self, at: float) -> list[float]:
        """When requests came that the rate limit let through."""
        rows = self._conn.execute(
            "SELECT at FROM journal WHERE at >= ? AND code IS NOT 'rate_limited' ORDER BY at", (at,)
        )
        return [moment for (moment,) in rows]

    def forget_journal(self) -> None:
        self._conn.execute("DELETE FROM journal")

    # ------------------------------------------------------------------ settings

    def load(self, name: str) -> str | None:
        found = self._conn.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def save(self, name: str, value: str) -> None:
        self._conn.execute(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (name, value),
        )


def _where(entity: str, since: float | None, companies: Iterable[str] | None) -> tuple[str, list[object]]:
    where = "entity = ?"
    parts: list[object] = [entity]
    if since is not None:
        where += " AND modified >= ?"
        parts.append(since)
    if companies is not None:
        some = sorted(companies)
        where += (
            " AND key IN (SELECT b.key FROM belongs b WHERE b.entity = ?"
            f" AND b.company IN ({', '.join('?' * len(some))}))"
        )
        parts += [entity, *some]
    return where, parts
