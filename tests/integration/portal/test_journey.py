"""A person at the portal: real keys, real invoices, real row security; portal sees only the public API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import CachedAuthenticator
from services.ingest.access import accounts, keys, session_api
from services.ingest.access.accounts import Claims
from services.ingest.access.identity import OwnAuthenticator
from services.ingest.access.passwords import Passwords
from services.ingest.access.tries import guesses
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from services.portal.hub import Hub
from services.portal.pages import Pages
from services.portal.sessions import Sessions
from services.track import api as track
from tests.integration.track.feeding import feed
from tests.unit.track.sample import Journey

BASE = "http://hub.example"


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


async def customer(pools: Pools, name: str) -> tuple[UUID, str]:
    """An account and a key of it."""
    claims = Claims(name=name, email=f"{name}@example.com")
    account = await accounts.open_account(await pools.get("ingest", "worker"), claims)
    async with tenant(await pools.get("ingest", "api"), account) as conn:
        key, _ = await keys.add_key(conn, account, vault_of(IngestSettings()), "portal", ["invoice:read"])
    return account, str(key)


@pytest.fixture
def remembered() -> float:
    """Seconds for which the hub remembers callers."""
    return 0


@pytest.fixture
async def browser(pools: Pools, remembered: float) -> AsyncIterator[httpx.AsyncClient]:
    ingest, vault = await pools.get("ingest", "api"), vault_of(IngestSettings())
    identity = CachedAuthenticator(
        OwnAuthenticator(ingest, vault, Passwords(), guesses(ingest, vault.digest)), seconds=remembered
    )
    routers = [track.routes(await pools.get("track", "api")), session_api.routes(ingest, vault)]
    hub_app = create_app(routers, title="hub", identity=identity)
    async with Hub(BASE, transport=httpx.ASGITransport(app=hub_app)) as hub:
        pages = Pages(hub, Sessions(lasts=timedelta(hours=1), secure=False), page_size=2)
        app = create_app([pages.router()], title="portal", identity=identity)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://portal.example", follow_redirects=True
        ) as client:
            yield client


@pytest.mark.proves("R48a", "R53", "R56")
async def test_a_sender_signs_in_and_finds_every_invoice_and_no_one_else_s(
    browser: httpx.AsyncClient, pools: Pools
) -> None:
    (mine, my_key), (theirs, _) = await customer(pools, "bakker"), await customer(pools, "visser")
    mailed, sent, other = Journey(mine, "F-MAILED"), Journey(mine, "F-API"), Journey(theirs, "F-THEIRS")
    third = Journey(mine, "F-PARKED")
    await feed(
        await pools.get("track", "worker"),
        mailed.received("mail"), mailed.validated(), mailed.routed(), mailed.handed_over(), mailed.confirmed(),
        sent.received(), sent.rejected(), third.received(), third.parked(), other.received(), other.rejected(),
    )  # fmt: skip
    page = await browser.post("/login", data={"key": my_key})
    assert page.status_code == 200
    assert "Oudere facturen" in page.text
    after = page.text.split("after=")[1].split('"')[0]
    text = page.text + (await browser.get(f"/invoices?after={after}")).text
    assert [text.count(f">{n}</a>") for n in ("F-MAILED", "F-API", "F-PARKED", "F-THEIRS")] == [1, 1, 1, 0]
    assert all(label in text for label in ("aangekomen", "afgekeurd", "geparkeerd"))
    detail = (await browser.get(f"/invoices/{mailed.invoice_id}")).text
    assert "Binnengekomen per e-mail" in detail
    assert "3 nov 2026 10:05" in detail
    rejected = (await browser.get(f"/invoices/{sent.invoice_id}")).text
    assert "Regel 12" in rejected
    assert (await browser.get(f"/invoices/{other.invoice_id}")).status_code == 404
    parked = (await browser.get("/invoices?status=parked")).text
    assert ("F-PARKED" in parked, "F-API" in parked) == (True, False)


async def test_a_revoked_key_ends_the_session_at_the_next_page(
    browser: httpx.AsyncClient, pools: Pools
) -> None:
    account, key = await customer(pools, "bakker")
    assert (await browser.post("/login", data={"key": key})).status_code == 200
    async with tenant(await pools.get("ingest", "api"), account) as conn:
        await conn.execute("UPDATE api_key SET revoked_at = now()")
    assert (await browser.get("/invoices")).status_code == 401
    assert not browser.cookies


@pytest.mark.parametrize("remembered", [0.0, 3600.0])
async def test_signing_out_ends_the_session_for_whoever_kept_its_token(
    browser: httpx.AsyncClient, pools: Pools
) -> None:
    _, key = await customer(pools, "bakker")
    await browser.post("/login", data={"key": key})
    (token,) = (cookie.value for cookie in browser.cookies.jar)
    assert token is not None
    assert token.startswith("pb_sess_")
    await browser.post("/logout")
    browser.cookies.set("postbode", token)
    assert "Inloggen" in (await browser.get("/invoices")).text
    ingest, vault = await pools.get("ingest", "api"), vault_of(IngestSettings())
    identity = OwnAuthenticator(ingest, vault, Passwords(), guesses(ingest, vault.digest))
    with pytest.raises(Unauthenticated):
        await identity.authenticate(f"Bearer {token}")


async def test_a_session_reads_and_does_nothing_else_and_ends_by_itself(pools: Pools) -> None:
    ingest, vault = await pools.get("ingest", "api"), vault_of(IngestSettings())
    app = create_app(
        [session_api.routes(ingest, vault)],
        title="hub",
        identity=OwnAuthenticator(ingest, vault, Passwords(), guesses(ingest, vault.digest)),
    )
    account, key = await customer(pools, "bakker")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as hub:
        begun = await hub.post(
            "/v1/sessions", json={"seconds": 60}, headers={"Authorization": f"Bearer {key}"}
        )
        token = {"Authorization": f"Bearer {begun.json()['token']}"}
        found = await OwnAuthenticator(
            ingest, vault, Passwords(), guesses(ingest, vault.digest)
        ).authenticate(token["Authorization"])
        assert (found.account_id, found.scopes) == (account, frozenset({"invoice:read"}))
        assert found.expires_at is not None
        assert (await hub.post("/v1/sessions", json={}, headers=token)).status_code == 403
        none = await hub.delete("/v1/sessions/current", headers={"Authorization": f"Bearer {key}"})
        assert none.status_code == 404
        async with tenant(ingest, account) as conn:
            await conn.execute("UPDATE session SET expires_at = now() - interval '2 days'")
        assert (await hub.delete("/v1/sessions/current", headers=token)).status_code == 401
        await hub.post("/v1/sessions", json={}, headers={"Authorization": f"Bearer {key}"})
        async with tenant(ingest, account) as conn:
            assert await conn.fetchval("SELECT count(*) FROM session") == 1
