"""What is in the way in a receiver's books is read by that receiver and by nobody else, and goes on when it says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from libs.service import Wake
from services.deliver.api import routes
from services.deliver.receivers import received_api
from services.deliver.views import Showing
from services.deliver.waits import held_api, parked, parked_api
from services.deliver.waits.parked import Parking
from tests.integration.deliver.exact_office import dispatching, entries, linked, receiver_of, sent, told
from tests.integration.deliver.stage import Stage
from tests.integration.validate.api_client import BERT, as_, served

OPERATOR = "staff"


@pytest.mark.proves("R50", "R53", "R100")
async def test_the_receiver_reads_what_is_in_the_way_and_its_sender_only_that_it_waits(stage: Stage) -> None:
    api, showing = await stage.pools.get("deliver", "api"), Showing(stage.worker, timedelta(hours=72))
    # As in the app: before the list of what came, whose ids would be `waiting`.
    router = held_api.routes(stage.worker, Wake())
    router.include_router(received_api.routes(stage.worker, stage.documents, Wake()))
    router.include_router(routes(api, stage.worker, showing, None))  # type: ignore[arg-type]
    router.include_router(parked_api.routes(api, stage.worker, Wake(), showing))
    async with linked(stage.worker) as at, served(router) as hub:

        async def asked(path: str, caller: str, method: str = "GET", status: int = 200) -> Any:
            reply = await hub.request(method, path, headers=as_(caller))
            assert reply.status_code == status, reply.text
            return reply.json()

        to = await receiver_of(at)
        await stage.worker.execute(
            "UPDATE connection SET account_id = $1 WHERE party_id = $2", BERT, to.party_id
        )
        at.office.screens.close_period(at.office.books, 2025, 1)
        for number in ("F1", "F2"):
            # One by one: of two at once, the second may wait for the first to find their supplier.
            await sent(stage, to, number=number)
            await dispatching(at, stage).dispatch()
        assert await stage.states() == ["parked"] * 2
        own = str((await stage.rows())[0]["delivery_id"])

        # The receiver: the whole, in pages. Nobody else; operators all.
        page = await asked("/v1/received/waiting?limit=1", "bert")
        more = await asked(f"/v1/received/waiting?limit=1&after={page['next']}", "bert")
        (first,), (second,) = page["waiting"], more["waiting"]
        assert (first["delivery_id"], first["number"], second["number"]) == (own, "F1", "F2")
        assert (first["reason"]["code"], more["next"]) == ("exact-period-closed", None)
        assert "Open haar" in first["reason"]["nl"]
        assert "2025/1" in first["reason"]["nl"]
        assert (await asked("/v1/received/waiting", "anna"))["waiting"] == []
        assert len((await asked("/v1/received/waiting", OPERATOR))["waiting"]) == 2

        # Its sender: that it waits for its receiver, also where everything that was tried is listed.
        shown = await asked(f"/v1/deliveries/{own}", "anna")
        assert shown["reason"]["code"] == "receiver-must-act"
        assert [(each["outcome"], each["code"], each["detail"]) for each in shown["history"]] == [
            ("refused", None, None)
        ]
        listed = await asked("/v1/deliveries", "anna")
        for text in (str(shown), str(listed), *(fact.model_dump_json() for fact in await stage.told())):
            assert not [
                word for word in ("2025/1", "exact-period", "Open haar", "Voorbeeld BV") if word in text
            ]

        # The receiver mends it and lets it go on; its sender cannot in its name.
        path = f"/v1/received/waiting/{own}/release"
        for caller, status in (("anna", 404), ("reader", 403)):
            await asked(path, caller, "POST", status)
        at.office.screens.open_period(at.office.books, 2025, 1)
        assert await asked(path, "bert", "POST") == {"delivery_id": own}
        await asked(path, "bert", "POST", 404)
        await dispatching(at, stage).dispatch()
        assert sorted(await stage.states()) == ["handed_over", "parked"]
        await told(stage)

        # What is booked, it reads in its list of what came; its sender reads the number and the time.
        (entry,) = entries(at)
        await stage.worker.execute(
            "UPDATE exact_booking SET differences = $1 WHERE entry IS NOT NULL",
            [{"field": "DueDate", "line": None, "sent": "2025-02-09", "booked": "2025-01-24"}],
        )
        booked = (await asked(f"/v1/received/{own}", "bert"))["booked"]
        assert (booked["entry_number"], booked["division"]) == (str(entry["EntryNumber"]), 100)
        assert booked["differences"][0]["booked"] == "2025-01-24"
        shown = await asked(f"/v1/deliveries/{own}", "anna")
        facts = [fact.model_dump_json() for fact in await stage.told()]
        assert str(entry["EntryNumber"]) in facts[-1]
        for text in (str(shown), *facts):
            assert not [word for word in ("Voorbeeld BV", "division", "differ", "2025/1") if word in text]

        # What its receiver never does anything about goes back to its sender, who reads whose turn it was.
        await stage.worker.execute("UPDATE delivery SET due_at = now() WHERE state = 'parked'")
        await Parking(stage.worker, Wake()).look()
        ended = (await stage.rows())[1]
        assert (ended["state"], ended["reason"]["code"]) == ("undeliverable", parked.NEVER_TAKEN.code)
        assert (await asked("/v1/received/waiting", "bert"))["waiting"] == []
