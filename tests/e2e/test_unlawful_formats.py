"""What is not lawful in the form its receiver takes waits, and the books know of it."""

from __future__ import annotations

import pytest

from libs.db.settings import DatabaseSettings
from libs.testing import builders
from tests.e2e.test_ledger import settled
from tests.e2e.world import World


@pytest.mark.proves("R3", "R52", "R56")
@pytest.mark.parametrize("transport", ["amqp"], indirect=True)
async def test_what_is_not_lawful_in_the_receivers_format_is_parked_until_it_has_another(
    database: DatabaseSettings, world: World
) -> None:
    supplier = await world.supplier()
    party = await world.receiver("X BV", ("0106", world.x), folder="x")
    globe = {"package": "globe", "channel": "folder", "settings": {"folder": world.folder("x")}}
    await world.connect(party, **globe, format="nlcius")
    items = await world.mail(
        supplier,
        ("F1.xml", builders.plain(number="F1", buyer_kvk=world.x, payment_means=None)),
        ("F2.xml", builders.plain(number="F2", buyer_kvk=world.x, payment_means=None)),
    )
    first, second = (items[name]["invoice_id"] for name in ("F1.xml", "F2.xml"))
    for each in (first, second):
        seen = await world.until(supplier, each, "parked")
        assert "NLCIUS" in seen["reason"]["nl"]
        moment = next(one for one in seen["timeline"] if "delivery_parked" in one["type"])
        assert [finding["rule"] for finding in moment["findings"]] == ["BR-NL-11"]
    reply = await world.http.get("/v1/deliveries", headers=supplier.headers, params={"invoice_id": second})
    (delivery,) = reply.json()["deliveries"]
    assert (delivery["state"], delivery["findings"][0]["rule"]) == ("parked", "BR-NL-11")
    books = await settled(database, open_ones=2)
    assert dict(books.waiting) == {"deliver: parked": 2}
    assert books.balanced

    stranger = await world.supplier("Ander BV")
    at = f"/v1/deliveries/{delivery['delivery_id']}"
    shown = (await world.http.get(at, headers=supplier.headers)).json()
    assert shown["agreed"] == {"package": "globe", "format": "nlcius", "page": True}
    assert "folder" not in str(shown["agreed"]), "where its receiver reads is nothing of the sender's"
    assert (await world.http.post(f"{at}/return", headers=stranger.headers)).status_code == 404
    assert (await world.http.post(f"{at}/return", headers=supplier.headers)).json()[
        "state"
    ] == "undeliverable"
    assert (await world.http.post(f"{at}/release", headers=supplier.headers)).status_code == 409
    await world.until(supplier, second, "returned")

    await world.connect(party, **globe, format="original")
    seen = await world.until(supplier, first, "arrived")
    assert any("zoals zij kwam, voor globe" in moment["words"]["nl"] for moment in seen["timeline"])
    taken = world.taken("*.xml")
    assert ["_F1_" in each.name for each in taken] == [True], "once, and nothing of what was taken back"
    books = await settled(database, open_ones=0)
    assert (books.delivered, books.returned, books.balanced) == (1, 1, True)
