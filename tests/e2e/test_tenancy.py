"""Every route of every service, tried with another account's ids. Later routes are found by themselves."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from libs.testing import builders
from tests.e2e.world import Supplier, World

_OPEN = {"/docs", "/openapi.json"}
_SHARED = {
    # The directory is shared: any account may look a receiver up by its number, without its e-mail address.
    ("get", "/v1/parties/{party_id}"),
    # A kind of record is nobody's own.
    ("get", "/v1/sync/history/{kind}"),
}
_NO_SECRETS = {"party_id", "administration", "kind", "sequence"}
"""Path parameters that say nothing about whose it is."""

_SYNC = """
WITH client AS (
  INSERT INTO client (client_id, account_id, name, base_address, username, secrets)
  VALUES (gen_random_uuid(), $1, 'P2P', 'https://p2p.example', 'api', '') RETURNING client_id),
solution AS (
  INSERT INTO solution (solution_id, account_id, client_id, name, every)
  SELECT gen_random_uuid(), $1, client_id, 'Kantoor', 'day' FROM client RETURNING solution_id, client_id),
administration AS (
  INSERT INTO administration (administration_id, account_id, code, name, source, product_update)
  VALUES (gen_random_uuid(), $1, '001', 'Bakker BV', '', '421') RETURNING administration_id),
member AS (
  INSERT INTO member (solution_id, administration_id, account_id, position)
  SELECT solution_id, administration_id, $1, 0 FROM solution, administration),
plan AS (
  INSERT INTO plan (plan_id, solution_id, client_id, account_id, mode, state)
  SELECT gen_random_uuid(), solution_id, client_id, $1, 'changes', 'ready' FROM solution
  RETURNING plan_id, solution_id),
item AS (
  INSERT INTO item (plan_id, sequence, account_id, administration, kind, record_id, external_id, action, state)
  SELECT plan_id, 1, $1, '001', 'supplier', '42', '001-42', 'create', 'planned' FROM plan),
load AS (
  INSERT INTO load (load_id, solution_id, account_id, administration, kind)
  SELECT gen_random_uuid(), solution_id, $1, '001', 'supplier' FROM solution)
SELECT solution_id::text, plan_id::text FROM plan
"""


async def _ids(world: World, owner: Supplier) -> dict[str, list[str]]:
    """What the owner has, by the name a path parameter has for it."""
    party = await world.receiver("X BV", ("0106", "58070036"), folder="x")
    sent = await world.post(owner, ("F1.xml", builders.invoice(number="F1", buyer_kvk="58070036")))
    parked = await world.post(owner, ("F2.xml", builders.invoice(number="F2", buyer_kvk="90004760")))
    invoices = [sent.json()["invoices"][0]["invoice_id"], parked.json()["invoices"][0]["invoice_id"]]
    await world.until(owner, invoices[0], "arrived")
    await world.until(owner, invoices[1], "parked")
    deliveries = await world.http.get(
        "/v1/deliveries", params={"invoice_id": invoices[0]}, headers=owner.headers
    )
    keys = await world.http.get("/v1/keys", headers=owner.headers)
    account = (await world.http.get("/v1/accounts/me", headers=owner.headers)).json()["account_id"]
    sync = await (await world.resources.pools.get("sync", "worker")).fetchrow(_SYNC, UUID(account))
    assert sync is not None
    # The owner itself is shown them: a stranger's 404 means something.
    shown = await world.http.get("/v1/sync", headers=owner.headers)
    assert sync["solution_id"] in shown.text
    shown = await world.http.get(f"/v1/sync/plans/{sync['plan_id']}", headers=owner.headers)
    assert shown.status_code == 200
    return {
        "submission_id": [sent.json()["submission_id"]],
        "invoice_id": invoices,
        "delivery_id": [item["delivery_id"] for item in deliveries.json()["deliveries"]],
        "key_id": [item["key_id"] for item in keys.json()],
        "party_id": [party],
        "solution_id": [sync["solution_id"]],
        "plan_id": [sync["plan_id"]],
        "administration": ["001"],
        "kind": ["supplier"],
        "sequence": ["1"],
    }


async def test_no_route_shows_or_changes_what_belongs_to_another(world: World) -> None:
    owner, stranger = await world.supplier("Owner BV"), await world.supplier("Stranger BV")
    ids = await _ids(world, owner)
    document: dict[str, Any] = (await world.http.get("/openapi.json")).json()
    secrets = {value for name, values in ids.items() if name not in _NO_SECRETS for value in values}
    tried = 0
    for path, operations in document["paths"].items():
        if path in _OPEN:
            continue
        names = re.findall(r"{(\w+)}", path)
        unknown = set(names) - set(ids)
        assert not unknown, f"{path}: tell this test an id of the owner for {unknown}"
        for method in operations:
            for choice in _choices(names, ids):
                reply = await world.http.request(
                    method, path.format(**choice), headers=stranger.headers, json={}
                )
                tried += 1
                if names and (method, path) not in _SHARED:
                    assert reply.status_code in (401, 403, 404, 405, 422), (method, path, reply.text)
                leaked = {secret for secret in secrets if secret in reply.text} - set(choice.values())
                assert not leaked, (method, path, leaked)
    assert tried > 15
    # And nothing of the owner's was changed by the attempts.
    assert (await world.http.get("/v1/keys", headers=owner.headers)).json()[0]["revoked_at"] is None


def _choices(names: list[str], ids: dict[str, list[str]]) -> list[dict[str, str]]:
    choices: list[dict[str, str]] = [{}]
    for name in names:
        choices = [{**choice, name: value} for choice in choices for value in ids[name]]
    return choices


async def test_every_route_wants_credentials(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method in operations:
            if not path.startswith("/v1/"):
                continue
            reply = await world.http.request(method, re.sub(r"{\w+}", str(0), path), json={})
            assert reply.status_code in (401, 422), (method, path, reply.status_code)
