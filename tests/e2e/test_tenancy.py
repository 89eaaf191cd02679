"""Every route of every service, tried with another account's ids. Later routes are found by themselves."""

from __future__ import annotations

import re
from typing import Any

from libs.testing import builders
from tests.e2e.world import Supplier, World

_OPEN = {"/docs", "/openapi.json"}
_SHARED = {
    # The directory is shared: any account may look a receiver up by its number, without its e-mail address.
    ("get", "/v1/parties/{party_id}"),
}


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
    return {
        "submission_id": [sent.json()["submission_id"]],
        "invoice_id": invoices,
        "delivery_id": [item["delivery_id"] for item in deliveries.json()["deliveries"]],
        "key_id": [item["key_id"] for item in keys.json()],
        "party_id": [party],
    }


async def test_no_route_shows_or_changes_what_belongs_to_another(world: World) -> None:
    owner, stranger = await world.supplier("Owner BV"), await world.supplier("Stranger BV")
    ids = await _ids(world, owner)
    document: dict[str, Any] = (await world.http.get("/openapi.json")).json()
    secrets = {value for name, values in ids.items() if name != "party_id" for value in values}
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
