"""What an old release wrote, before and while the new one comes, means the same to it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from libs.contracts.parts import Identifier, PartyFacts
from libs.db.migrate import Migrations, migrate
from libs.db.types import Connection
from libs.messaging import MIGRATIONS as MESSAGING
from libs.testing.databases import Databases
from services.route.app import MIGRATIONS
from services.route.deciding.numbering import number_of
from tests.unit.route.sample import KVK, summary

SELLER = PartyFacts(identifiers=(Identifier(scheme=KVK, value="58070036"),))

_PARTY = "INSERT INTO party (party_id, owner_account, name, status) VALUES ($1, $1, 'x', 'confirmed')"
_PLACE = "INSERT INTO party (party_id, owner_account, name, status, branch_of) VALUES ($1, $1, 'x', 'confirmed', $2)"
_IDENTIFIER = "INSERT INTO identifier SELECT $1, t.*, $1, true FROM unnest($2::text[], $3::text[]) AS t"
_NUMBERED = """
INSERT INTO numbered (account_id, seller, number, type_code, year, invoice_id, original, state)
VALUES ($1, '0106:58070036', 'F é 1', '380', 2026, $2, $3, 'holds')
"""
_ORIGINAL = f'{{"document_id": "{UUID(int=7)}", "sha256": "{"ab" * 32}", "size": 17}}'


async def _as_of_old(conn: Connection, n: int) -> None:
    await conn.execute(_PARTY, UUID(int=n))
    await conn.execute(_IDENTIFIER, UUID(int=n), ["9944", "0106"], [f"NL{n:09}B01", f"{n:08}"])
    await conn.execute(_NUMBERED, UUID(int=n), UUID(int=n), _ORIGINAL)


@pytest.mark.proves("R51")
async def test_numbers_and_parties_of_the_old_release(databases: Databases, tmp_path: Path) -> None:
    old = tmp_path / "route" / "migrations"
    old.mkdir(parents=True)
    for number in range(1, 9):
        for path in MIGRATIONS.sources[1].glob(f"{number:04}_*.sql"):
            shutil.copy(path, old)
    settings = await databases.empty()
    await migrate(settings, Migrations("route", (MESSAGING, old)))
    conn = await asyncpg.connect(settings.url, server_settings={"search_path": "route"})
    await _as_of_old(conn, 1)
    await conn.execute(_PLACE, UUID(int=9), UUID(int=1))
    await conn.execute("INSERT INTO stop (account_id, party_id, number) VALUES ($1, $1, 3)", UUID(int=1))
    await migrate(settings, MIGRATIONS, phase="pre")
    await _as_of_old(conn, 2)
    await migrate(settings, MIGRATIONS)
    for n in (1, 2):
        own = summary(number="F é 1", issue_date=date(2026, 1, 1), type_code="380", seller=SELLER)
        (row,) = await conn.fetch("SELECT * FROM numbered WHERE invoice_id = $1", UUID(int=n))
        assert row["key"] == number_of(UUID(int=n), own)
        assert (row["document_id"], row["sha256"].hex(), row["size"]) == (UUID(int=7), "ab" * 32, 17)
        keys = await conn.fetchval("SELECT keys FROM party WHERE party_id = $1", UUID(int=n))
        assert keys == [f"0106:{n:08}", f"9944:NL{n:09}B01"]
    # Stopped with its company, it stays so when it becomes another's.
    assert await conn.fetchval("SELECT number FROM stop WHERE party_id = $1", UUID(int=9)) == 3
    await conn.close()
    await databases.drop(settings)
