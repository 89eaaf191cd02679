"""Every route of every service, tried with another account's ids. Later routes are found by themselves."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from libs.links import PURPOSE, token_of
from libs.testing import builders
from tests.e2e.world import Supplier, World

# An answer does not depend on what carries events; and to write down all routes takes seconds, once for a hub.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("shared_hub", ["memory"], indirect=True),
]

READER = "lezer@owner.example"
_READERS = {
    # What changes nothing, and what is a person's own.
    ("post", "/v1/check"), ("post", "/v1/convert"), ("post", "/v1/preflight"), ("post", "/v1/tokens/introspect"),
    ("post", "/v1/sessions"), ("delete", "/v1/sessions/current"), ("put", "/v1/accounts/me/password"),
    ("post", "/v1/accounts/sign-ups"), ("post", "/v1/accounts/resets"), ("post", "/v1/accounts/links"),
}  # fmt: skip
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

_EXACT = """
WITH consented AS (
  INSERT INTO exact_grant (grant_id, account_id, base, person, person_name, state, issued_at)
  VALUES (gen_random_uuid(), $1, 'https://exact.example', gen_random_uuid()::text, 'Els', 'live', now())
  RETURNING grant_id, account_id, person),
linked AS (
  INSERT INTO exact_link (link_id, party_id, account_id, grant_id, division, division_name)
  SELECT gen_random_uuid(), $2, account_id, grant_id, 100, 'Owner BV' FROM consented),
sold AS (
  INSERT INTO exact_sale (sale_id, invoice_id, account_id, party_id, number, state, reason, body)
  SELECT gen_random_uuid(), gen_random_uuid(), account_id, $2, 'F1', 'parked', '{"code": "exact-refused"}', '{}'
    FROM consented RETURNING sale_id)
SELECT person, sale_id::text FROM consented, sold
"""


@pytest.fixture
def world(shared_hub: World) -> World:
    return shared_hub.fresh()


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
    hold = await world.http.post("/v1/accounts/me/holds", json={"reason": "proces"}, headers=owner.headers)
    boxes = await world.http.get("/v1/mailboxes", headers=owner.headers)
    invited = await world.http.post(
        "/v1/accounts/me/users", json={"email": READER, "role": "reader"}, headers=owner.headers
    )
    account = (await world.http.get("/v1/accounts/me", headers=owner.headers)).json()["account_id"]
    sync = await (await world.resources.pools.get("sync", "worker")).fetchrow(_SYNC, UUID(account))
    assert sync is not None
    exact = await (await world.resources.pools.get("deliver", "worker")).fetchrow(
        _EXACT, UUID(account), UUID(party)
    )
    assert exact is not None
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
        "hold_id": [hold.json()["hold_id"]],
        "user_id": [invited.json()["user_id"]],
        "mailbox_id": [item["mailbox_id"] for item in boxes.json()],
        "party_id": [party],
        "solution_id": [sync["solution_id"]],
        "plan_id": [sync["plan_id"]],
        "administration": ["001"],
        "kind": ["supplier"],
        "sequence": ["1"],
        "exact_user_id": [exact["person"]],
        "sale_id": [exact["sale_id"]],
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
    await _nothing_is_written_by_a_reader(world, document, ids)
    # And nothing of the owner's was changed by the attempts.
    assert (await world.http.get("/v1/keys", headers=owner.headers)).json()[0]["revoked_at"] is None


async def _nothing_is_written_by_a_reader(
    world: World, document: dict[str, Any], ids: dict[str, list[str]]
) -> None:
    """Of the owner's own account: it sees all of it, and every other method is refused."""
    worker = await world.resources.pools.get("ingest", "worker")
    link = await worker.fetchval("SELECT link_id FROM link WHERE email = $1", READER)
    used = {"token": token_of(world.common.derive(PURPOSE), link), "password": "twaalf tekens"}
    assert (await world.http.post("/v1/accounts/links", json=used)).status_code == 200
    who = (READER, "twaalf tekens")
    for path in ("/v1/invoices", f"/v1/submissions/{ids['submission_id'][0]}", "/v1/parked"):
        assert (await world.http.get(path, auth=who)).status_code == 200, path
    for path, operations in document["paths"].items():
        choice = _choices(re.findall(r"{(\w+)}", path), ids)[0]
        for method in operations:
            if method != "get" and (method, path) not in _READERS and path not in _OPEN:
                reply = await world.http.request(method, path.format(**choice), auth=who, json={})
                assert reply.status_code == 403, (method, path, reply.text)


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
