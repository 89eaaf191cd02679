"""SQL of kinds of which nothing was changed in Globe+: told by what all its stamps are together, with one row instead of
one for each record.

A row version that SQL Server gives is higher than every one before it. So whatever is written, their sum grows; whatever
is deleted, there are fewer; and what is written while something as old is deleted moves the sum. Only rows that were
written before, and committed after, they were summed up could make up for others, to the last unit.
"""

from __future__ import annotations

from uuid import UUID

from libs.db.types import Connection
from services.sync.mappings.field import Name

_IS = """
SELECT EXISTS (SELECT FROM standstill WHERE client_id = $1 AND administration = $2 AND kind = $3 AND sums = $4)
   AND NOT EXISTS (SELECT FROM identity WHERE client_id = $1 AND administration = $2 AND kind = $3 AND stamp = '')
"""


async def holds(conn: Connection, client_id: UUID, administration: str, kind: Name, sums: str) -> bool:
    """Whether nothing was changed since it was noted, and nothing of ours waits to be weighed."""
    return bool(await conn.fetchval(_IS, client_id, administration, kind, sums))


_NOTE = """
INSERT INTO standstill (client_id, administration, kind, sums) VALUES ($1, $2, $3, $4)
ON CONFLICT (client_id, administration, kind) DO UPDATE SET sums = excluded.sums
"""


async def note(conn: Connection, client_id: UUID, administration: str, kind: Name, sums: str) -> None:
    """Every record was as remembered. ``sums``: asked for before the records were."""
    await conn.execute(_NOTE, client_id, administration, kind, sums)


_OVER = "DELETE FROM standstill WHERE client_id = $1 AND administration = $2 AND kind = $3"


async def over(conn: Connection, client_id: UUID, administration: str, kind: Name) -> None:
    """What is remembered is another from now on."""
    await conn.execute(_OVER, client_id, administration, kind)
