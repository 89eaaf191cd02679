"""After a phase: is what was accepted what arrived? Asked of the receivers' own keys first, then of the hub."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.bench.pipeline.load import TOKEN

_TABLES = {
    "submissions": "SELECT count(*) FROM ingest.invoice WHERE outcome = 'received'",
    "verdicts": "SELECT count(*) FROM validate.verdict WHERE verdict <> 'invalid'",
    "decisions": "SELECT count(*) FROM route.decision WHERE outcome = 'routed'",
    "deliveries": "SELECT count(*) FROM deliver.delivery WHERE state IN ('handed_over', 'confirmed')",
    "attempts": "SELECT count(*) FROM deliver.attempt",
    "statuses": "SELECT count(*) FROM track.status WHERE headline IN ('sent', 'arrived')",
    "facts": "SELECT count(*) FROM track.fact",
    "dead": " + ".join(
        f"(SELECT count(*) FROM {schema}.dead)"
        for schema in ("ingest", "validate", "route", "deliver", "track")
    ),
    "waiting": " + ".join(
        f"(SELECT count(*) FROM {schema}.outbox)" for schema in ("ingest", "validate", "route", "deliver")
    ),
}


async def counted(url: str) -> dict[str, int]:
    """Rows of every stage, since the hub began."""
    conn = await asyncpg.connect(url)
    try:
        fields = ", ".join(
            f"({query.removeprefix('SELECT ') if name in ('dead', 'waiting') else query}) AS {name}"
            for name, query in _TABLES.items()
        )
        return dict(await conn.fetchrow(f"SELECT {fields}"))
    finally:
        await conn.close()


def expected(folders: int, mails: int) -> dict[str, int]:
    """What every stage must hold after that many invoices: of a file it is known that it was taken."""
    count = folders + mails
    once = ("submissions", "verdicts", "decisions", "deliveries", "attempts", "statuses")
    return {**dict.fromkeys(once, count), "facts": 5 * folders + 4 * mails, "dead": 0, "waiting": 0}


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What the receivers have of one phase."""

    delivered: Mapping[str, float]
    """By invoice number: when."""
    lost: tuple[str, ...]
    duplicated: int
    """Invoices under two keys, or a key that came twice."""
    damaged: int
    """Not the bytes that were sent."""


def arrivals(folder: Path, channel: str, numbers: Sequence[int], templates: Sequence[str]) -> Arrivals:
    """Compare what the receivers noted and hold with what was accepted."""
    files = channel == "folder"
    noted: dict[str, list[tuple[str, str, float]]] = {}
    for line in (folder / ("files.tsv" if files else "mails.tsv")).read_text().splitlines():
        key, name, at = line.split("\t")
        noted.setdefault(name.split("_")[1], []).append((key, name, float(at)))
    own = {f"PB{number:08d}": position for position, number in enumerate(numbers)}
    keys = Counter(key for number in own for key, _, _ in noted.get(number, ()))
    sources = [Path(name).read_bytes() for name in templates]
    damaged = 0
    for number, position in own.items():
        for _, name, _ in noted.get(number, ())[:1]:
            sent = sources[position % len(sources)].replace(TOKEN, number.encode())
            damaged += _held(folder, name, files=files) != hashlib.sha256(sent).digest()
    return Arrivals(
        delivered={number: min(at for _, _, at in noted[number]) for number in own if number in noted},
        lost=tuple(number for number in own if number not in noted),
        duplicated=sum(len(noted[number]) - 1 for number in own if number in noted)
        + sum(times - 1 for times in keys.values()),
        damaged=damaged,
    )


def _held(folder: Path, name: str, *, files: bool) -> bytes:
    if files:
        path = folder / "taken" / name
        return hashlib.sha256(path.read_bytes()).digest() if path.exists() else b""
    part = (folder / "mails" / f"{name}.eml").read_bytes().partition(f'filename="{name}.xml"'.encode())[2]
    encoded = part.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
    return hashlib.sha256(base64.b64decode(encoded)).digest()
