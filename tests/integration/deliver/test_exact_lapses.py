"""A link with Exact Online that lapsed is told of, once."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts.party import AccountConnectionLapsed
from libs.service import Wake
from services.deliver.exact import links, oauth
from services.deliver.exact.lapses import Lapses
from services.deliver.exact.tokens import CUT_SHORT
from services.deliver.exact.trouble import Lapsed
from tests.integration.deliver.exact_office import Desk, linked, receiver_of
from tests.integration.deliver.stage import ACCOUNT, Stage

_LAPSE = "UPDATE exact_grant SET state = 'lapsed', reason = $1"


async def told(stage: Stage) -> list[AccountConnectionLapsed]:
    """After two workers looked at the same time, and once more."""
    for _ in range(2):
        await Lapses(stage.worker, Wake()).look()
    said: list[Any] = list(await stage.told())
    return [each for each in said if isinstance(each, AccountConnectionLapsed)]


async def ended(at: Desk) -> None:
    """The person takes its consent back at Exact, and the hub finds out."""
    at.office.screens.end_link(at.office.user, at.office.app)
    at.office.exact.clock.advance(580)
    with pytest.raises(Lapsed):
        await at.calling.tokens.of(at.grant.grant_id)


@pytest.mark.proves("R105")
async def test_a_link_that_was_ended_at_exact_is_told_of_once_with_why_and_what_to_do(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        await receiver_of(at)
        assert await told(stage) == [], "it holds"
        await ended(at)
        (fact,) = await told(stage)
        assert (fact.account_id, fact.code, fact.user) == (ACCOUNT, "exact-link-ended", "kantoor")
        assert fact.books == ("Voorbeeld BV",)
        assert "Zet de koppeling opnieuw op" in fact.reason.nl
        assert await told(stage) == [fact]


async def test_of_tokens_that_nobody_can_open_its_account_is_told_and_nobody_asks_again(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        await receiver_of(at)
        await stage.worker.execute("DELETE FROM credential")
        await stage.worker.execute("UPDATE exact_grant SET issued_at = now() - interval '6 days'")
        assert await links.idle(stage.worker, oauth.IDLE, 1) == [at.grant.grant_id]
        with pytest.raises(Lapsed, match="exact-no-key"):
            await at.calling.tokens.of(at.grant.grant_id)
        (fact,) = await told(stage)
        assert (fact.code, fact.books) == ("exact-no-key", ("Voorbeeld BV",))
        assert await links.idle(stage.worker, oauth.IDLE, 1) == []


async def test_of_a_link_that_was_forgotten_nobody_is_told(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        link = await links.one(stage.worker, to.party_id)
        assert link is not None
        assert await links.end(stage.worker, link.link_id)
        await ended(at)
        assert await told(stage) == []


async def test_one_that_came_back_may_lapse_and_be_told_of_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had the new tokens was only slow to write them down."""
    async with linked(stage.worker) as at:
        await receiver_of(at)
        reason = {"code": "exact-renewal-lost", **CUT_SHORT.model_dump()}
        at.office.exact.clock.advance(580)
        tokens, real = at.calling.tokens, at.calling.tokens._keep

        async def late(*given: Any) -> str:
            await stage.worker.execute(_LAPSE, reason)
            assert len(await told(stage)) == 1
            return await real(*given)

        monkeypatch.setattr(tokens, "_keep", late)
        await tokens.of(at.grant.grant_id)
        assert (await at.state())["state"] == "live"
        assert len(await told(stage)) == 1
        await stage.worker.execute(_LAPSE, reason)
        assert [fact.code for fact in await told(stage)] == ["exact-renewal-lost"] * 2
