"""A worker that books in Exact Online is killed before and after its calls: each invoice stands in the books once."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from libs import clock
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.testing import builders
from libs.testing.machine import free_ports
from services.deliver.exact.client import Grant
from services.deliver.exact.oauth import Pair
from services.deliver.settings import DeliverSettings
from tests.crash import scale
from tests.crash.faults import Strike
from tests.crash.hub import Hub, Nursery, Place
from tests.crash.scene import declare, until
from tests.integration.deliver import exact_office
from tests.integration.deliver.stage import Sink, Stage
from tests.sims.exact_online import App, Exact, ExactServer, Screens, User, fill
from tests.sims.exact_online import Settings as Limits
from tests.unit.sims.office import CALLBACK

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)

INVOICES = 12 if scale.SOAK else 2
ENTRIES, DOCUMENTS = "purchaseentry/PurchaseEntries", "documents/Documents"
STRIKES = (
    Strike("exact.call.after", 2, "POST documents/DocumentAttachments"),
    Strike("exact.call.after", 1, f"POST {ENTRIES}"),
)
LONG = (
    *STRIKES,
    Strike("exact.call.before", 2, f"POST {ENTRIES}"),
    Strike("exact.call.after", 2, f"POST {DOCUMENTS}"),
    Strike("exact.call.after", 1, f"GET {ENTRIES}"),
)


async def consented(server: ExactServer, app: App, user: User) -> Pair:
    """What the hub was given when somebody consented."""
    query = urlencode({"client_id": app.client_id, "redirect_uri": CALLBACK, "response_type": "code"})
    target = server.do(lambda exact: Screens(exact).sign_in(f"/api/oauth2/auth?{query}", user))
    code = parse_qs(urlsplit(target).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "client_id": app.client_id, "client_secret": app.secret}  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as http:
        reply = await http.post(f"{server.base_url}/api/oauth2/token", data=form)
    return Pair(reply.json()["access_token"], reply.json()["refresh_token"])


@pytest.mark.proves("R100", "SA1")
async def test_killed_around_its_calls_a_worker_books_each_invoice_once(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    # Calls that died with their worker count as errors that may come, for three minutes: more than this run may wait for.
    exact = Exact(settings=Limits(per_minute=100_000, per_day=1_000_000))
    app = exact.links.register(App((CALLBACK,)))
    exact.add_division(fill.division(100))
    user = exact.add_user(User("kantoor", divisions=[100]))
    with ExactServer(exact) as server:
        (sink,) = free_ports(1)
        settings = {
            "POSTBODE_DELIVER_EXACT_CLIENT_ID": app.client_id,
            "POSTBODE_DELIVER_EXACT_CLIENT_SECRET": app.secret,
            "POSTBODE_DELIVER_EXACT_REDIRECT_URI": CALLBACK,
            "POSTBODE_DELIVER_EXACT_HOST": server.base_url,
            "POSTBODE_DELIVER_EXACT_SETTLE_SECONDS": "0",
            "POSTBODE_DELIVER_LEASE_SECONDS": "1",
        }
        place = Place(
            tmp_path, database.url, database.secret, amqp_url, sink, tmp_path / "globe", settings=settings
        )
        hub, pools = Hub(nursery, place), Pools(database)
        await declare(amqp_url)
        async with nursery.attached():
            try:
                worker = await pools.get("deliver", "worker")
                stage = Stage(pools, worker, tmp_path / "globe", Sink())
                grant = Grant(clock.uuid7(), server.base_url, user.id)
                keys = DeliverSettings(database_url=database.url, secret=database.secret).keys
                await exact_office.enter(worker, grant, await consented(server, app, user), clock.now(), keys)
                to = await exact_office.receiver_with(worker, grant)
                for n in range(INVOICES):
                    xml = builders.invoice(number=f"F{n}", seller_kvk=exact_office.SUPPLIER_KVK)
                    await stage.plan(await stage.routed(to, number=f"F{n}", xml=xml))
                left = list(LONG if scale.SOAK else STRIKES)
                hub.plan = lambda _: [left.pop(0)] if left else []
                await hub.start("deliver.worker", "deliver", "worker")

                async def all_told() -> bool:
                    return set(await stage.states()) == {"confirmed"}

                await until(all_told, seconds=180)
            finally:
                await hub.close()
                await pools.close()
        assert not left
        assert not hub.fell
        found = exact.divisions[100]
        assert sorted(row["YourRef"] for row in found.table("purchase_entries").all()) == [
            f"F{n}" for n in range(INVOICES)
        ]
        assert len(list(found.table("documents").all())) == INVOICES
        assert len(list(found.table("attachments").all())) == 2 * INVOICES
