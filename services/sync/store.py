"""SQL of sync: each statement beside the one function that runs it."""

from __future__ import annotations

from typing import Any

from libs.db.types import Connection

_CONFIGURATIONS = """
SELECT configuration_id, name, administration, enabled, created_at
  FROM configuration ORDER BY created_at, configuration_id
"""


async def configurations(conn: Connection) -> list[dict[str, Any]]:
    """The configurations of the account set on ``conn``, oldest first."""
    return [dict(row) for row in await conn.fetch(_CONFIGURATIONS)]
