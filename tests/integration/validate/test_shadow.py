"""``postbode rules shadow``: which invoices another release of their rules would treat otherwise."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.testing import builders, examples
from services.validate import shadow_cli
from tests.integration.validate.test_received import judged, received

SPRING = b"2026-03-02"


def of_spring() -> bytes:
    """A Danish invoice of before the release, which that would find wrong."""
    data = examples.base("danish").replace(b"2026-11-02", SPRING)
    return data.replace(b'schemeID="0184">87654321', b'schemeID="0198">87654321')


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(shadow_cli.app, ["shadow", "--release", "2026.5", *arguments])
    return done.exit_code, done.stdout


def test_files_that_would_change_are_told_with_the_rules_that_do_it(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(of_spring())
    (tmp_path / "b.xml").write_bytes(examples.base("peppol").replace(b"2026-11-02", SPRING))
    (tmp_path / "c.xml").write_bytes(b"<x/>")
    code, told = run(str(tmp_path))
    assert code == 1
    assert "a.xml  [peppol]  valid_with_warnings -> invalid  +DK-R-017, +PEPPOL-COMMON-R053" in told
    assert "2 looked at, 1 would change, 1 cannot be read" in told
    assert run(str(tmp_path / "b.xml"))[0] == 0
    assert run()[0] == 2
    done = CliRunner().invoke(
        shadow_cli.app, ["shadow", "--release", "2026.5", "--json", str(tmp_path / "c.xml")]
    )
    assert (done.exit_code, done.stdout) == (2, "")
    assert "c.xml  cannot be read" in done.stderr
    assert "0 looked at, 0 would change, 1 cannot be read" in done.stderr


def test_stored_invoices_are_tried_and_nothing_is_written(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)

    async def verdicts(*, store: bool) -> int:
        pools = Pools(database)
        try:
            if store:
                await judged(pools, await received(pools, of_spring(), builders.invoice()))
            worker = await pools.get("validate", "worker")
            async with worker.acquire() as conn:
                return int(await conn.fetchval("SELECT count(*) FROM verdict"))
        finally:
            await pools.close()

    stored = asyncio.run(verdicts(store=True))
    code, told = run("--since", "2020-01-01", "--json")
    assert code == 1
    (change,) = [json.loads(line) for line in told.splitlines()]
    assert (change["now"], change["then"]) == ("valid_with_warnings", "invalid")
    assert change["breaks"] == ["DK-R-017", "PEPPOL-COMMON-R053"]
    assert run("--since", "2999-01-01")[0] == 2
    assert asyncio.run(verdicts(store=False)) == stored
