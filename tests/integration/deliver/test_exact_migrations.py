"""What an old release booked and counted means the same to this one."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.db.migrate import Migrations, migrate
from libs.messaging import MIGRATIONS as MESSAGING
from libs.testing.databases import Databases
from services.deliver.app import MIGRATIONS

_GRANT = """
INSERT INTO exact_grant (grant_id, account_id, base, person, person_name, state, issued_at)
VALUES ($1, $1, 'b', 'p', 'p', 'live', now())
"""
_LINK = "INSERT INTO exact_link (link_id, party_id, account_id, grant_id) VALUES ($1, $1, $1, $1)"
_BOOKED = """
INSERT INTO exact_booking (delivery_id, invoice_id, link_id, division, kind, entry)
VALUES ($1, $1, $2, 100, 'purchase', $3)
"""


async def test_an_entry_booked_before_is_found_by_its_id_in_small_letters(
    databases: Databases, tmp_path: Path
) -> None:
    old = tmp_path / "deliver" / "migrations"
    old.mkdir(parents=True)
    for path in MIGRATIONS.sources[1].glob("*.sql"):
        if path.name < "0030":
            shutil.copy(path, old)
    settings = await databases.empty()
    await migrate(settings, Migrations("deliver", (MESSAGING, old)))
    conn = await asyncpg.connect(settings.url, server_settings={"search_path": "deliver"})
    own = UUID(int=1)
    await conn.execute(_GRANT, own)
    await conn.execute(_LINK, own)
    for n, entry in enumerate(("AB-CD", "ef-01", None)):
        await conn.execute(_BOOKED, UUID(int=n), own, entry)
    await migrate(settings, MIGRATIONS, phase="pre")
    rows = await conn.fetch("SELECT entry FROM exact_booking ORDER BY delivery_id")
    assert [row["entry"] for row in rows] == ["ab-cd", "ef-01", None]
    await conn.close()
