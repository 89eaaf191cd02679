"""SQL of bookings under way: each step is committed before it is taken (*doing*) and after it. And of what is known of a
division: parties by number, its chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.db.types import Pool
from services.deliver.exact.kinds import KindName

FINDING = timedelta(minutes=2)
"""So long somebody may look for a party before another may."""


@dataclass
class Record:
    """One booking as it stands; changed together with its row."""

    delivery_id: UUID
    division: int
    doing: str | None
    doing_at: datetime | None
    doing_for: timedelta | None
    """How long ago that was, on the database's clock, when the record was read."""
    document: str | None
    attached: list[str]
    left_out: list[str]
    body: dict[str, Any] | None
    total: Decimal | None
    entry: str | None
    entry_number: str | None
    booked_at: datetime | None
    read_at: datetime | None


# What was begun in another division, and came to nothing there, begins anew.
_BEGIN = """
INSERT INTO exact_booking AS b (delivery_id, invoice_id, link_id, division, kind) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (delivery_id) DO UPDATE
   SET link_id = CASE WHEN b.entry IS NULL AND b.doing IS NULL THEN EXCLUDED.link_id ELSE b.link_id END,
       document = CASE WHEN b.division = EXCLUDED.division OR b.doing IS NOT NULL THEN b.document END,
       attached = CASE WHEN b.division = EXCLUDED.division OR b.doing IS NOT NULL THEN b.attached ELSE '{}' END,
       division = CASE WHEN b.entry IS NULL AND b.doing IS NULL THEN EXCLUDED.division ELSE b.division END
RETURNING delivery_id, division, doing, doing_at, document, attached, left_out, body, total, entry, entry_number, booked_at,
          read_at, clock_timestamp() - doing_at AS doing_for
"""


async def begin(
    pool: Pool, delivery_id: UUID, invoice_id: UUID, link_id: UUID, division: int, kind: KindName
) -> Record:
    """The record of a delivery, a new one or how far it is."""
    row: Any = await pool.fetchrow(_BEGIN, delivery_id, invoice_id, link_id, division, kind)
    fields = dict(row.items())
    return Record(**{**fields, "attached": list(row["attached"]), "left_out": list(row["left_out"])})


_STANDING = "SELECT entry_number, division FROM exact_booking WHERE delivery_id = $1 AND entry IS NOT NULL"


async def standing(pool: Pool, delivery_id: UUID) -> str | None:
    """Where it stands in the books already, whatever has become of the link since."""
    row = await pool.fetchrow(_STANDING, delivery_id)
    return f"Exact Online: entry {row['entry_number']} in division {row['division']}" if row else None


# Whoever takes a booking over writes here before it acts. So whoever was there before, and was only slow, may not.
_DOING = """
UPDATE exact_booking SET doing = $2, doing_at = clock_timestamp(), body = coalesce($3, body), total = coalesce($4, total)
 WHERE delivery_id = $1 AND entry IS NULL AND doing_at IS NOT DISTINCT FROM $5
RETURNING doing_at
"""


class Overtaken(Exception):
    """Another worker went on with this booking."""


async def doing(
    pool: Pool,
    record: Record,
    step: str | None,
    body: dict[str, Any] | None = None,
    total: Decimal | None = None,
) -> None:
    """Before a step is taken; None after one that surely came to nothing. Raises ``Overtaken``."""
    at = await pool.fetchval(_DOING, record.delivery_id, step, body, total, record.doing_at)
    if at is None:
        raise Overtaken
    record.doing_at = at
    record.doing, record.body, record.total = step, body or record.body, total if body else record.total


_DOCUMENT = "UPDATE exact_booking SET document = $2, doing = NULL WHERE delivery_id = $1"


async def documented(pool: Pool, record: Record, document: str) -> None:
    await pool.execute(_DOCUMENT, record.delivery_id, document)
    record.document, record.doing = document, None


_ATTACHED = """
UPDATE exact_booking SET attached = attached || $2::text, doing = NULL,
       left_out = CASE WHEN $3 THEN left_out || $2::text ELSE left_out END
 WHERE delivery_id = $1
"""


async def attached(pool: Pool, record: Record, name: str, *, left_out: bool = False) -> None:
    """It is there, or (``left_out``) Exact does not take it."""
    await pool.execute(_ATTACHED, record.delivery_id, name, left_out)
    record.attached.append(name)
    record.doing = None
    if left_out:
        record.left_out.append(name)


_BOOKED = """
UPDATE exact_booking SET entry = $2, entry_number = $3, booked_at = coalesce($4, now()), doing = NULL
 WHERE delivery_id = $1 RETURNING booked_at
"""


async def booked(pool: Pool, record: Record, entry: str, number: str, at: datetime | None) -> None:
    """It stands in the books. ``at``: as Exact says."""
    # Ids come in either case, and what is paid is found by this one.
    entry = entry.lower()
    record.booked_at = await pool.fetchval(_BOOKED, record.delivery_id, entry, number, at)
    record.entry, record.entry_number, record.doing = entry, number, None


_READ = "UPDATE exact_booking SET read_at = now(), differences = $2 WHERE delivery_id = $1 RETURNING read_at"


async def read_back(pool: Pool, record: Record, differences: list[dict[str, Any]]) -> None:
    record.read_at = await pool.fetchval(_READ, record.delivery_id, differences)


_PARTIES = """
SELECT number, party, until > now() AS finding FROM exact_party
 WHERE base = $1 AND division = $2 AND number = ANY ($3::text[])
"""


async def known(pool: Pool, base: str, division: int, numbers: Sequence[str]) -> tuple[str | None, bool]:
    """The id of whoever has one of these numbers, the first of them first; and whether somebody is looking for it."""
    rows = {row["number"]: row for row in await pool.fetch(_PARTIES, base, division, list(numbers))}
    found = next((rows[n]["party"] for n in numbers if n in rows and rows[n]["party"]), None)
    return found, any(row["finding"] and not row["party"] for row in rows.values())


_FIND = """
INSERT INTO exact_party AS p (base, division, number, until) VALUES ($1, $2, $3, now() + $4)
ON CONFLICT (base, division, number) DO UPDATE SET until = EXCLUDED.until
 WHERE p.party IS NULL AND (p.until IS NULL OR p.until < now())
RETURNING number
"""


async def finding(pool: Pool, base: str, division: int, number: str) -> bool:
    """Whether it is this worker's to look for it, and to make it if it is not there: no two make one twice."""
    return bool(await pool.fetchval(_FIND, base, division, number, FINDING))


_FOUND = """
INSERT INTO exact_party AS p (base, division, number, party) SELECT $1, $2, unnest($3::text[]), $4
ON CONFLICT (base, division, number) DO UPDATE SET party = EXCLUDED.party, until = NULL
"""


async def found(pool: Pool, base: str, division: int, numbers: Sequence[str], party: str) -> None:
    await pool.execute(_FOUND, base, division, sorted(set(numbers)), party)


_FORGET = "DELETE FROM exact_party WHERE base = $1 AND division = $2 AND (party = $3 OR ($3 IS NULL AND number = $4))"


async def forget(pool: Pool, base: str, division: int, *, party: str | None = None, number: str = "") -> None:
    """It is not there any more, or nobody looks any more."""
    await pool.execute(_FORGET, base, division, party, number)


_CHART = "SELECT accounts, vat_codes, read_at, now() - read_at AS age FROM exact_chart WHERE base = $1 AND division = $2"


@dataclass(frozen=True, slots=True)
class Kept:
    accounts: list[dict[str, Any]]
    vat_codes: list[dict[str, Any]]
    age: timedelta


async def chart(pool: Pool, base: str, division: int) -> Kept | None:
    row = await pool.fetchrow(_CHART, base, division)
    return Kept(row["accounts"], row["vat_codes"], row["age"]) if row else None


_KEEP_CHART = """
INSERT INTO exact_chart (base, division, accounts, vat_codes, read_at) VALUES ($1, $2, $3, $4, now())
ON CONFLICT (base, division) DO UPDATE
   SET accounts = EXCLUDED.accounts, vat_codes = EXCLUDED.vat_codes, read_at = EXCLUDED.read_at
"""


async def keep_chart(
    pool: Pool, base: str, division: int, accounts: list[dict[str, Any]], vat_codes: list[dict[str, Any]]
) -> None:
    await pool.execute(_KEEP_CHART, base, division, accounts, vat_codes)
