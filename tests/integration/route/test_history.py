"""Every change of a party is kept, whichever way it was made: who, what it was, what it became."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

import services.route
from libs.db.settings import DatabaseSettings
from services.route import cli
from tests.integration.route.test_loads import CSV, NEW
from tests.integration.validate.api_client import ANNA, STAFF, as_

X: dict[str, Any] = {"name": "X", "identifiers": [{"scheme": "0106", "value": "58070036"}]}


async def _history(
    hub: httpx.AsyncClient, party_id: str, caller: str = "staff", **query: Any
) -> dict[str, Any]:
    reply = await hub.get(f"/v1/parties/{party_id}/history", params=query, headers=as_(caller))
    assert reply.status_code == 200, reply.text
    page: dict[str, Any] = reply.json()
    return page


async def test_every_way_over_http_leaves_who_what_was_and_what_is(hub: httpx.AsyncClient) -> None:
    party_id = (await hub.post("/v1/parties", json=X, headers=as_("anna"))).json()["party_id"]
    path = f"/v1/parties/{party_id}"
    await hub.put(path, json=X | {"email": "in@x.example"}, headers=as_("anna"))
    await hub.put(path, json=X | {"status": "confirmed", "email": None}, headers=as_("staff"))
    load = "naam;kvk;taal\nX BV;58070036;en\n"
    headers = {**as_("staff"), "Content-Type": "text/csv"}
    assert (await hub.post("/v1/parties/bulk", content=load, headers=headers)).json()["changed"] == 1
    entered, own, confirmed, loaded = (await _history(hub, party_id))["changes"]
    assert (entered["by"], entered["by_account"], entered["before"]) == ("owner", str(ANNA), None)
    assert entered["after"]["identifiers"] == X["identifiers"]
    assert own["changes"] == {"email": {"before": None, "after": "in@x.example"}}
    assert (confirmed["by"], confirmed["by_account"]) == ("operator", str(STAFF))
    assert confirmed["changes"]["status"] == {"before": "claimed", "after": "confirmed"}
    assert confirmed["changes"]["email"] == {"before": "in@x.example", "after": None}
    # What it was called before stays among its names.
    assert set(loaded["changes"]) == {"name", "names", "language"}
    assert loaded["before"] == confirmed["after"]


async def test_it_comes_in_pages_and_only_to_its_owner_and_operators(hub: httpx.AsyncClient) -> None:
    party_id = (await hub.post("/v1/parties", json=X, headers=as_("anna"))).json()["party_id"]
    await hub.put(f"/v1/parties/{party_id}", json=X | {"name": "Y"}, headers=as_("anna"))
    first = await _history(hub, party_id, "anna", limit=1)
    second = await _history(hub, party_id, "anna", limit=1, after=first["next"])
    assert [page["changes"][0]["after"]["name"] for page in (first, second)] == ["X", "Y"]
    assert second["next"] is None
    assert (await hub.get(f"/v1/parties/{party_id}/history", headers=as_("bert"))).status_code == 404


async def test_a_change_that_is_refused_leaves_nothing(hub: httpx.AsyncClient) -> None:
    await hub.post("/v1/parties", json=X, headers=as_("staff"))
    other = X | {"identifiers": [{"scheme": "0106", "value": "69599084"}]}
    party_id = (await hub.post("/v1/parties", json=other, headers=as_("staff"))).json()["party_id"]
    assert (await hub.put(f"/v1/parties/{party_id}", json=X, headers=as_("staff"))).status_code == 409
    assert len((await _history(hub, party_id))["changes"]) == 1


def test_the_command_line_keeps_it_too_and_shows_it(
    database: DatabaseSettings, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    run = CliRunner().invoke
    added = run(cli.app, ["add", "--name", "De Jong", "--id", "0106:58070036", "--json"])
    file = tmp_path / "a.csv"
    file.write_text(CSV + NEW)
    assert run(cli.app, ["load", str(file)]).exit_code == 0
    party_id = json.loads(added.stdout)["party_id"]
    entered, loaded = map(json.loads, run(cli.app, ["history", party_id, "--json"]).stdout.splitlines())
    assert (entered["by"], entered["before"], loaded["by"]) == ("machine", None, "machine")
    assert loaded["changes"]["name"] == {"before": "De Jong", "after": "De Jong BV"}
    assert "De Jong BV" in run(cli.app, ["history", party_id]).stdout
    assert run(cli.app, ["history", "00000000-0000-0000-0000-000000000009"]).exit_code == 1


def test_parties_are_written_in_one_place() -> None:
    """So that what is not recorded cannot be written."""
    (folder,) = services.route.__path__
    statement = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM)\s+(party|identifier)\b")
    writing = {path.name for path in Path(folder).rglob("*.py") if statement.search(path.read_text())}
    assert writing == {"parties.py"}
