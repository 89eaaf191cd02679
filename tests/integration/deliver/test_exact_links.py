"""Setting up a link with Exact Online over HTTP, step by step, against the simulator in process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from libs import clock
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from services.deliver.api import owned
from services.deliver.exact import link_api, linking, links
from services.deliver.exact.allowances import Allowances
from services.deliver.exact.client import Calling
from services.deliver.exact.linking import Linking
from services.deliver.exact.oauth import App
from services.deliver.exact.settings import ExactSettings
from services.deliver.exact.tokens import Tokens
from services.deliver.exact.trouble import Lapsed
from services.deliver.receivers import connections, credentials
from tests.integration.deliver.exact_office import BASE, KEYS
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Api, Fault, Settings, User, application
from tests.unit.sims.office import CALLBACK, Office

FIRST, SECOND = 1, 2
"""Accounts."""
_ALL = frozenset({"party:read", "party:write"})


class Keys:
    """The key is the account's number; 99 is an operator."""

    async def authenticate(self, authorization: str | None) -> Principal:
        key = (authorization or "").removeprefix("Bearer ")
        if not key.isdigit():
            raise Unauthenticated
        scopes = _ALL | {"operator"} if key == "99" else _ALL
        return Principal(UUID(int=int(key)), None, scopes, frozenset())


@dataclass
class Hub:
    office: Office
    stage: Stage
    tokens: Tokens
    api: httpx.AsyncClient

    async def ask(self, account: int, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.api.request(
            method, f"/v1/connections/{path}", json=body, headers={"Authorization": f"Bearer {account}"}
        )

    async def party(self, account: int) -> str:
        party = clock.uuid7()
        await connections.connect(self.stage.worker, party, UUID(int=account), "other", "smtp", {})
        return str(party)

    async def consent(self, account: int, party: str, user: User | None = None) -> httpx.Response:
        """Step 1, with somebody at the screen of Exact."""
        begun = await self.ask(account, "POST", f"{party}/exact", {"country": "nl"})
        return await self.finish(account, party, begun, user)

    async def finish(
        self, account: int, party: str, begun: httpx.Response, user: User | None = None
    ) -> httpx.Response:
        assert begun.status_code == 200, begun.text
        url = urlsplit(begun.json()["url"])
        target = self.office.screens.sign_in(f"{url.path}?{url.query}", user or self.office.user)
        query = parse_qs(urlsplit(target).query)
        back = {"code": query["code"][0], "state": query["state"][0]}
        return await self.ask(account, "POST", f"{party}/exact/consent", back)

    async def linked(self, account: int, user: User | None = None) -> str:
        party = await self.party(account)
        assert (await self.consent(account, party, user)).status_code == 200
        reply = await self.ask(account, "PUT", f"{party}/exact/division", {"division": 100})
        assert reply.status_code == 200, reply.text
        return party

    async def state(self, account: int, party: str) -> str:
        return str((await self.ask(account, "GET", f"{party}/exact")).json()["state"])


@contextlib.asynccontextmanager
async def hub(stage: Stage, settings: Settings | None = None, *, in_plan: bool = True) -> AsyncIterator[Hub]:
    async with Office(settings) as office:
        app = App(office.app.client_id, office.app.secret, CALLBACK)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(application(Api(office.exact, BASE))))
        allowances, tokens = Allowances(stage.worker), Tokens(stage.worker, KEYS, app, http)
        linking_ = Linking(stage.worker, KEYS, Calling(http, allowances, tokens, app.client_id), app)
        mine = functools.partial(owned, await stage.pools.get("deliver", "api"), stage.worker)
        router = link_api.routes(
            stage.worker, linking_, allowances, mine, ExactSettings(exact_in_plan=in_plan, exact_host=BASE)
        )
        transport = httpx.ASGITransport(app=create_app([router], title="deliver", identity=Keys()))
        async with http, httpx.AsyncClient(transport=transport, base_url="http://hub.example") as api:
            yield Hub(office, stage, tokens, api)


@pytest.mark.proves("R100", "R102", "R103", "R107")
async def test_four_numbered_steps_make_a_link(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.party(FIRST)
        before = (await at.ask(FIRST, "GET", f"{party}/exact")).json()
        assert [(step["number"], step["title"]["nl"], step["done"]) for step in before["steps"]] == [
            (1, "Koppeling opzetten", False), (2, "Administratie", False), (3, "Boeken", False), (4, "Opties", False),
        ]  # fmt: skip
        assert "vervalt de koppeling daar" in before["warning"]["nl"]
        assert (await at.consent(FIRST, party)).json()["state"] == "live"
        divisions = (await at.ask(FIRST, "GET", f"{party}/exact/divisions")).json()["divisions"]
        assert divisions == [{"code": 100, "name": "Voorbeeld BV"}]
        assert (await connections.one(stage.worker, UUID(party)) or {})["channel"] == "smtp", (
            "not before step 2"
        )
        await at.ask(FIRST, "PUT", f"{party}/exact/division", {"division": 100})
        rules = {"rules": [{"journal": "60"}, {"account": "4500"}]}
        await at.ask(FIRST, "PUT", f"{party}/exact/booking", {"purchase": rules})
        reply = await at.ask(FIRST, "PUT", f"{party}/exact/options", {"fields": {"Notes": ["note:Exact"]}})
        done = reply.json()
        assert [step["done"] for step in done["steps"]] == [True] * 4
        assert len(done["options"]) == 18
        assert (done["user"], done["division"]) == ("kantoor", {"code": 100, "name": "Voorbeeld BV"})
        assert done["exact_user_id"] is None
        current = await connections.one(stage.worker, UUID(party)) or {}
        assert (current["channel"], current["package"]) == ("exact_online", "exact-online")
        # No secret of Exact's stands anywhere in the clear.
        secrets = await stage.worker.fetch("SELECT sealed FROM credential WHERE purpose = 'exact'")
        assert all(at.office.token.encode() not in row["sealed"] for row in secrets)
        assert "wachtwoord" not in str(await stage.worker.fetch("SELECT * FROM exact_grant"))


@pytest.mark.proves("R104", "SA14")
@pytest.mark.parametrize("kind", ["my_firm_portal", "my_firm_lite"])
async def test_a_mijnkantoor_user_is_refused_with_the_advice(stage: Stage, kind: Any) -> None:
    async with hub(stage) as at:
        party = await at.party(FIRST)
        user = at.office.exact.add_user(User("mijnkantoor", kind=kind, divisions=[100]))
        reply = await at.consent(FIRST, party, user)
        assert (reply.status_code, reply.json()["code"]) == (403, "exact-no-office-user")
        assert "Kantoorgebruiker" in reply.text
        assert "boekhouder" in reply.text
        assert await at.state(FIRST, party) == "none"
        assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 0


@pytest.mark.proves("R104")
async def test_an_office_user_without_the_right_to_book_is_refused(stage: Stage) -> None:
    async with hub(stage) as at:
        at.office.screens.withdraw(at.office.user, "purchaseentry")
        reply = await at.consent(FIRST, await at.party(FIRST))
        assert (reply.status_code, reply.json()["code"]) == (403, "exact-no-right")


@pytest.mark.parametrize("away", [False, True])
async def test_a_consent_that_comes_to_nothing_ends_no_link_of_its_account(stage: Stage, away: bool) -> None:
    """Exact ends the old tokens by it: the new ones are kept, whatever it was for."""
    async with hub(stage) as at:
        first, second = await at.linked(FIRST), await at.party(FIRST)
        wrong: Any = Fault(
            "server_error" if away else "wrong_division", "purchaseentry/PurchaseEntries", "GET"
        )
        at.office.exact.faults.plan(wrong)
        assert (await at.consent(FIRST, second)).status_code == (503 if away else 403)
        assert await at.state(FIRST, second) == "none"
        assert (await at.ask(FIRST, "GET", f"{first}/exact/divisions")).status_code == 200
        at.office.exact.clock.advance(600)
        at.tokens._now = lambda: clock.now() + timedelta(seconds=600)  # its database's clock stands still
        assert (await at.ask(FIRST, "GET", f"{first}/exact/divisions")).status_code == 200, "and renewed"
        await credentials.sweep(stage.worker)
        assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 1


async def test_who_consented_is_asked_again_where_exact_stumbles(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "AGAIN", (0.0, 0.0))
    async with hub(stage) as at:
        at.office.exact.faults.plan(Fault("server_error", "current/Me", times=2))
        assert (await at.consent(FIRST, await at.party(FIRST))).status_code == 200


async def test_a_link_that_was_ended_is_not_brought_back_by_a_consent_asked_for_before(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        begun = await at.ask(FIRST, "POST", f"{party}/exact", {"country": "nl"})
        assert (await at.ask(99, "DELETE", f"{party}/exact")).status_code == 200
        late = await at.finish(FIRST, party, begun)
        assert (late.status_code, late.json()["code"]) == (409, "exact-not-yours")
        assert await links.one(stage.worker, UUID(party)) is None
        assert await connections.one(stage.worker, UUID(party)) is None
        await connections.connect(stage.worker, UUID(party), UUID(int=FIRST), "other", "smtp", {})
        assert (await at.consent(FIRST, party)).json()["state"] == "live"


async def test_what_is_done_to_a_link_is_done_to_no_other_that_came_meanwhile(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        before = await links.one(stage.worker, UUID(party))
        assert before is not None
        assert (await at.consent(FIRST, party)).status_code == 200
        assert not await links.end(stage.worker, before.link_id)
        assert not await links.set_up(stage.worker, before.link_id, {"options": {"Notes": ["BT-1"]}})
        assert not await links.take_over(stage.worker, before.link_id)
        now = await links.one(stage.worker, UUID(party))
        assert now is not None
        assert "options" not in now.settings
        # Nor does one who was asked to confirm confirm what stands there by now.
        other = at.office.exact.add_user(User("ander", divisions=[100]))
        second = await at.party(SECOND)
        await at.consent(SECOND, second)
        warned = await links.one(stage.worker, UUID(second))
        assert warned is not None
        await at.consent(SECOND, second, other)
        assert not await links.take_over(stage.worker, warned.link_id)
        assert (await at.state(FIRST, party), await at.state(SECOND, second)) == ("live", "live")


async def test_options_and_rules_leave_invoices_going_where_they_go(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        folder = {"folder": "jong"}
        await connections.connect(stage.worker, UUID(party), UUID(int=FIRST), "globe", "folder", folder)
        options, rules = {"fields": {"Notes": ["note:Exact"]}}, {"purchase": {"rules": [{"journal": "60"}]}}
        for step, body in (("options", options), ("booking", rules)):
            assert (await at.ask(FIRST, "PUT", f"{party}/exact/{step}", body)).status_code == 200
            assert (await connections.one(stage.worker, UUID(party)) or {})["channel"] == "folder", step


@pytest.mark.proves("R105", "SA13")
async def test_the_same_exact_user_for_a_second_account_ends_the_first_after_a_warning(stage: Stage) -> None:
    async with hub(stage) as at:
        first, second = await at.linked(FIRST), await at.party(SECOND)
        said = (await at.consent(SECOND, second)).json()
        assert said["state"] == "warned"
        assert "ander account" in said["warning"]["nl"]
        assert await at.state(FIRST, first) == "live", "nothing is done before somebody says so"
        reply = await at.ask(SECOND, "PUT", f"{second}/exact/division", {"division": 100})
        assert reply.status_code == 409
        assert (await at.ask(SECOND, "POST", f"{second}/exact/takeover")).json()["state"] == "live"
        lapsed = (await at.ask(FIRST, "GET", f"{first}/exact")).json()
        assert lapsed["state"] == "lapsed"
        assert "ander account" in lapsed["reason"]["nl"]
        link = await links.one(stage.worker, UUID(first))
        assert link is not None
        with pytest.raises(Lapsed, match="exact-other-account"):
            await at.tokens.of(link.grant.grant_id)
        # The first may take it back the same way.
        assert (await at.consent(FIRST, first)).json()["state"] == "warned"


@pytest.mark.proves("R106", "SA13")
async def test_an_operator_lets_a_user_hold_links_of_two_accounts(stage: Stage) -> None:
    async with hub(stage, Settings(consent_replaces=False)) as at:
        first, user = await at.linked(FIRST), at.office.user
        why = {"why": "one bookkeeper for both"}
        reply = await at.ask(FIRST, "PUT", f"exact/users/{user.id}/shared", why)
        assert reply.status_code == 403, "operators alone"
        assert (await at.ask(99, "PUT", f"exact/users/{user.id}/shared", why)).status_code == 204
        second = await at.linked(SECOND)
        assert (await at.state(FIRST, first), await at.state(SECOND, second)) == ("live", "live")
        for account, party in ((FIRST, first), (SECOND, second)):
            assert (await at.ask(account, "GET", f"{party}/exact/divisions")).status_code == 200


async def test_an_override_for_one_who_was_warned_lets_both_live(stage: Stage) -> None:
    async with hub(stage, Settings(consent_replaces=False)) as at:
        first, second = await at.linked(FIRST), await at.party(SECOND)
        assert (await at.consent(SECOND, second)).json()["state"] == "warned"
        shown = (await at.ask(99, "GET", f"{second}/exact")).json()["exact_user_id"]
        await at.ask(99, "PUT", f"exact/users/{shown}/shared", {"why": "asked by telephone"})
        assert (await at.state(FIRST, first), await at.state(SECOND, second)) == ("live", "live")


@pytest.mark.proves("R106")
async def test_an_override_that_is_taken_back_leaves_the_link_that_was_set_up_last(stage: Stage) -> None:
    async with hub(stage, Settings(consent_replaces=False)) as at:
        user = f"exact/users/{at.office.user.id}/shared"
        assert (await at.ask(99, "DELETE", user)).status_code == 404
        await at.ask(99, "PUT", user, {"why": "asked by telephone"})
        first, second = await at.linked(FIRST), await at.linked(SECOND)
        assert (await at.ask(FIRST, "DELETE", user)).status_code == 403
        assert (await at.ask(99, "DELETE", user)).json() == {"lapsed": [first]}
        assert (await at.state(FIRST, first), await at.state(SECOND, second)) == ("lapsed", "live")
        shown = (await at.ask(FIRST, "GET", f"{first}/exact")).json()
        assert "ingetrokken" in shown["reason"]["nl"]
        # The rule holds again.
        assert (await at.consent(FIRST, first)).json()["state"] == "warned"
        assert (await at.ask(FIRST, "POST", f"{first}/exact/takeover")).json()["state"] == "live"
        assert await at.state(SECOND, second) == "lapsed"


async def test_who_lost_the_party_before_coming_back_ends_nobodys_link(stage: Stage) -> None:
    async with hub(stage) as at:
        party, other = await at.party(FIRST), at.office.exact.add_user(User("ander", divisions=[100]))
        begun = await at.ask(FIRST, "POST", f"{party}/exact", {"country": "nl"})
        # Meanwhile an operator gives the party to another account, which links it.
        operators = {"country": "nl", "account_id": str(UUID(int=SECOND))}
        assert (
            await at.finish(SECOND, party, await at.ask(99, "POST", f"{party}/exact", operators), other)
        ).status_code == 200
        late = await at.finish(FIRST, party, begun)
        assert (late.status_code, late.json()["code"]) == (409, "exact-not-yours")
        assert await at.state(SECOND, party) == "live"
        assert (await at.ask(FIRST, "GET", f"{party}/exact")).status_code == 404
        await credentials.sweep(stage.worker)
        assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 1, "nothing of it is kept"
        # Who was asked to take it over by an operator ends the link that was there before, as agreed.
        anew = await at.ask(
            99, "POST", f"{party}/exact", {"country": "nl", "account_id": str(UUID(int=FIRST))}
        )
        assert (await at.finish(FIRST, party, anew)).status_code == 200


async def test_who_gave_a_party_away_does_not_take_it_back_by_a_link_left_behind(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        before = await links.one(stage.worker, UUID(party))
        assert before is not None
        await connections.connect(
            stage.worker, UUID(party), UUID(int=SECOND), "globe", "folder", {"folder": "tweede"}
        )
        rules = {"purchase": {"rules": [{"journal": "60"}]}}
        assert (await at.ask(FIRST, "PUT", f"{party}/exact/booking", rules)).status_code == 404
        assert not await links.choose(stage.worker, before.link_id, 100, "Voorbeeld BV")
        now = await connections.one(stage.worker, UUID(party)) or {}
        assert (now["account_id"], now["channel"]) == (UUID(int=SECOND), "folder")


async def test_the_rules_of_who_had_the_party_before_are_nobody_elses(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        await at.ask(FIRST, "PUT", f"{party}/exact/booking", {"purchase": {"rules": [{"journal": "60"}]}})
        other = at.office.exact.add_user(User("ander", divisions=[100]))
        operators = {"country": "nl", "account_id": str(UUID(int=SECOND))}
        begun = await at.ask(99, "POST", f"{party}/exact", operators)
        linked = (await at.finish(SECOND, party, begun, other)).json()
        assert linked.get("division") is None
        assert "60" not in str(linked.get("purchase"))


async def test_a_link_that_is_set_up_again_keeps_what_was_set(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        await at.ask(FIRST, "PUT", f"{party}/exact/booking", {"purchase": {"rules": [{"journal": "60"}]}})
        before = (await connections.one(stage.worker, UUID(party)) or {})["created_at"]
        again = (await at.consent(FIRST, party)).json()
        assert (again["state"], again["division"]["code"]) == ("live", 100)
        assert again["purchase"]["rules"][0]["journal"] == "60"
        assert (await connections.one(stage.worker, UUID(party)) or {})["created_at"] > before, (
            "what waits goes on"
        )
        # The tokens are those of the newer consent.
        assert (await at.ask(FIRST, "GET", f"{party}/exact/divisions")).status_code == 200
        await credentials.sweep(stage.worker)
        assert await stage.worker.fetchval("SELECT count(*) FROM credential") == 1


async def test_a_consent_is_good_once_for_the_party_and_account_it_was_asked_for(stage: Stage) -> None:
    async with hub(stage) as at:
        party, other = await at.party(FIRST), await at.party(SECOND)
        begun = (await at.ask(FIRST, "POST", f"{party}/exact", {})).json()
        state = parse_qs(urlsplit(begun["url"]).query)["state"][0]
        for account, to in ((SECOND, party), (SECOND, other), (FIRST, other)):
            reply = await at.ask(account, "POST", f"{to}/exact/consent", {"code": "c", "state": state})
            assert (reply.status_code, reply.json()["code"]) == (400, "exact-no-consent")
        wrong = {"code": "made up", "state": state}
        reply = await at.ask(FIRST, "POST", f"{party}/exact/consent", wrong)
        assert (reply.status_code, reply.json()["code"]) == (409, "exact-no-code")
        reply = await at.ask(FIRST, "POST", f"{party}/exact/consent", wrong)
        assert reply.json()["code"] == "exact-no-consent", "the state is used up"


async def test_nobody_sees_or_changes_the_link_of_another_account(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        for method, path, body in (
            ("GET", "exact", None),
            ("POST", "exact", {}),
            ("POST", "exact/takeover", None),
            ("GET", "exact/divisions", None),
            ("PUT", "exact/division", {"division": 200}),
            ("PUT", "exact/booking", {}),
            ("PUT", "exact/options", {"fields": {}}),
            ("DELETE", "exact", None),
        ):
            assert (await at.ask(SECOND, method, f"{party}/{path}", body)).status_code == 404, path
        assert await at.state(FIRST, party) == "live"
        assert (await at.ask(FIRST, "GET", "exact/budget")).status_code == 403
        left = (await at.ask(99, "GET", "exact/budget")).json()["left"]
        assert {each["division"] for each in left} == {100}


@pytest.mark.proves("R122")
async def test_a_field_of_a_line_does_not_go_to_the_whole_invoice(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        reply = await at.ask(
            FIRST, "PUT", f"{party}/exact/options", {"fields": {"YourRef": ["property:Ref"]}}
        )
        assert (reply.status_code, reply.json()["code"]) == (400, "exact-field")


@pytest.mark.proves("R101")
async def test_a_plan_without_it_says_so(stage: Stage) -> None:
    async with hub(stage, in_plan=False) as at:
        reply = await at.ask(FIRST, "POST", f"{await at.party(FIRST)}/exact", {})
        assert (reply.status_code, reply.json()["code"]) == (403, "exact-not-in-plan")


async def test_a_link_that_is_ended_books_no_more(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.linked(FIRST)
        assert (await at.ask(FIRST, "DELETE", f"{party}/exact")).json()["state"] == "none"
        assert await connections.one(stage.worker, UUID(party)) is None
        assert (await at.ask(FIRST, "DELETE", f"{party}/exact")).status_code == 404


async def test_a_division_that_is_somebody_elses_is_not_chosen(stage: Stage) -> None:
    async with hub(stage) as at:
        party = await at.party(FIRST)
        await at.consent(FIRST, party)
        reply = await at.ask(FIRST, "PUT", f"{party}/exact/division", {"division": 200})
        assert (reply.status_code, reply.json()["code"]) == (400, "exact-no-division")
