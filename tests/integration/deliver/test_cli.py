"""``postbode delivery``, with the database at hand."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.deliver import cli
from tests.integration.deliver.stage import Sink, Stage
from tests.integration.deliver.test_parked import PLAIN, connected


@pytest.fixture
def hub(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    return CliRunner()


def _park(database: DatabaseSettings, root: Path) -> list[str]:
    async def work() -> list[str]:
        pools = Pools(database)
        stage = Stage(pools, await pools.get("deliver", "worker"), root, Sink())
        await stage.send(await connected(stage, "a", format="nlcius"), 2, xml=PLAIN, pdf=None)
        await stage.dispatcher().dispatch()
        ids = [str(row["delivery_id"]) for row in await stage.rows()]
        await pools.close()
        return ids

    return asyncio.run(work())


@pytest.mark.proves("R56")
def test_what_is_parked_is_listed_shown_released_and_returned(
    database: DatabaseSettings, hub: CliRunner, tmp_path: Path
) -> None:
    one, other = _park(database, tmp_path)
    assert other in hub.invoke(cli.app, ["list", "--state", "parked"]).stdout
    shown = hub.invoke(cli.app, ["show", one]).stdout
    assert "NLCIUS" in shown
    assert "BR-NL-11" in shown
    assert "agreed: nlcius, to a, package x" in shown
    assert hub.invoke(cli.app, ["release", one]).exit_code == 0
    assert hub.invoke(cli.app, ["return", other]).exit_code == 0
    states = {
        row["delivery_id"]: row["state"]
        for row in map(json.loads, hub.invoke(cli.app, ["list", "--json"]).stdout.splitlines())
    }
    assert states == {one: "queued", other: "undeliverable"}
    again = hub.invoke(cli.app, ["return", other])
    assert again.exit_code == 1
    assert "is not parked" in again.stderr
