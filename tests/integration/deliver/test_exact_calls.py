"""Calls to Exact Online and their tokens, against the simulator in process: the budget, renewals, what goes wrong."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from libs import clock
from libs.telemetry import metrics
from services.deliver.exact import tokens
from services.deliver.exact.allowances import Place
from services.deliver.exact.budget import MOST_ERRORS, Wait
from services.deliver.exact.client import Grant
from services.deliver.exact.keeping import Keeping
from services.deliver.exact.oauth import Pair
from services.deliver.exact.trouble import Denied, Lapsed, MayBeDone, NotNow, NotReached
from services.deliver.receivers import credentials
from tests.integration.deliver.exact_office import BASE, Desk, enter, linked, now_of
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Fault, Settings, User

TIMES, LINKS = 1_000, 20


async def journals(desk: Desk, **more: Any) -> list[dict[str, Any]]:
    return await desk.books(**more).rows("financial/Journals", select="Code,Type")


@pytest.mark.proves("R103")
async def test_two_workers_renewing_a_thousand_times_lose_nothing(stage: Stage) -> None:
    """Both find every token too old at the same moment; a refresh token that is used twice would end its link
    (``reuse_ends_link``)."""
    async with linked(stage.worker) as desk:
        office = desk.office
        grants = [desk.grant]
        for n in range(1, LINKS):
            user = office.exact.add_user(User(f"kantoor {n}", divisions=[100]))
            await office.connect(user)
            grants.append(Grant(clock.uuid7(), BASE, user.id))
            await enter(stage.worker, grants[-1], Pair(office.token, office.refresh), now_of(office))
        before = len(office.exact.journal)
        two = (desk, desk.another())
        for _ in range(TIMES // LINKS):
            office.exact.clock.advance(580)
            asked = [worker.calling.tokens.of(grant.grant_id) for grant in grants for worker in two]
            got = await asyncio.gather(*asked)
            assert got[::2] == got[1::2]
        states = await stage.worker.fetch("SELECT state, generation FROM exact_grant")
        assert {(row["state"], row["generation"]) for row in states} == {("live", 1 + TIMES // LINKS)}
        renewed = office.exact.journal[before:]
        assert Counter((each.endpoint, each.status) for each in renewed) == {("token", 200): TIMES}
        assert len(await journals(desk)) == 3
        await credentials.sweep(stage.worker)
        assert await stage.worker.fetchval("SELECT count(*) FROM credential") == LINKS


async def test_new_tokens_are_committed_before_they_are_used_and_a_kill_before_that_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.clock.advance(580)

        async def killed(*_: Any) -> str:
            raise asyncio.CancelledError

        with monkeypatch.context() as patched:
            patched.setattr(tokens.Tokens, "_keep", killed)
            with pytest.raises(asyncio.CancelledError):
                await desk.calling.tokens.of(desk.grant.grant_id)
        assert (await desk.state())["renewing_until"] is not None
        # Nobody takes over while whoever claimed it may be at work still.
        monkeypatch.setattr(tokens, "PATIENCE", 0.05)
        with pytest.raises(NotNow):
            await desk.another().calling.tokens.of(desk.grant.grant_id)
        desk.office.exact.clock.advance(60)
        with pytest.raises(Lapsed, match="exact-renewal-lost"):
            await desk.another().calling.tokens.of(desk.grant.grant_id)
        state = await desk.state()
        assert state["state"] == "lapsed"
        assert "onderbroken" in state["reason"]["nl"]
        # It stays so, without another word to Exact.
        asked = len(desk.office.exact.journal)
        with pytest.raises(Lapsed, match="exact-renewal-lost"):
            await desk.calling.tokens.of(desk.grant.grant_id)
        assert len(desk.office.exact.journal) == asked


async def test_a_kill_before_exact_was_asked_loses_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.clock.advance(580)

        async def killed(*_: Any) -> Any:
            raise asyncio.CancelledError

        with monkeypatch.context() as patched:
            patched.setattr(tokens.Tokens, "_ask", killed)
            with pytest.raises(asyncio.CancelledError):
                await desk.calling.tokens.of(desk.grant.grant_id)
        desk.office.exact.clock.advance(60)
        assert len(await journals(desk.another())) == 3


async def test_a_token_that_exact_calls_too_young_is_used_on(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.clock.advance(576)
        desk.office.exact.faults.plan(Fault("not_expired", "token"))
        assert len(await journals(desk)) == 3
        assert (await desk.state())["generation"] == 1
        desk.office.exact.clock.advance(12)
        assert len(await journals(desk)) == 3
        assert (await desk.state())["generation"] == 2


async def test_the_token_endpoint_is_away_for_a_while(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.clock.advance(580)
        desk.office.exact.faults.plan(Fault("server_error", "token"))
        with pytest.raises(MayBeDone):
            await journals(desk)
        desk.office.exact.clock.advance(60)
        assert len(await journals(desk)) == 3


@pytest.mark.proves("R105")
async def test_a_link_that_was_ended_at_exact_is_told_to_have_lapsed(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        desk.office.screens.end_link(desk.office.user, desk.office.app)
        with pytest.raises(Denied, match="401"):
            await journals(desk)
        desk.office.exact.clock.advance(580)
        with pytest.raises(Lapsed, match="exact-link-ended"):
            await journals(desk)


async def test_401_once_is_tried_again_and_twice_is_said(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.faults.plan(Fault("unauthorised"))
        assert len(await journals(desk)) == 3
        desk.office.exact.faults.plan(Fault("unauthorised", times=2))
        with pytest.raises(Denied, match="401"):
            await journals(desk)
        # With a newer token at hand the second try has that.
        desk.office.exact.clock.advance(573)
        desk.office.exact.faults.plan(Fault("unauthorised"))
        assert len(await journals(desk)) == 3
        assert (await desk.state())["generation"] == 2


async def test_workers_together_are_never_over_the_minute_and_wait_as_long_as_it_takes(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        workers = [desk.another() for _ in range(4)]

        async def work(one: Desk) -> list[Wait]:
            told = []
            for _ in range(20):
                try:
                    await journals(one)
                except NotNow as no:
                    told.append(no.wait)
            return told

        told = [wait for each in await asyncio.gather(*map(work, workers)) for wait in each]
        assert all(wait.until > now_of(desk.office) for wait in told)
        asked = [each.status for each in desk.office.exact.journal if each.endpoint == "financial/Journals"]
        assert (set(asked), len(asked)) == ({200}, 60)
        assert len(told) == 20
        desk.office.exact.clock.advance(61)
        assert len(await journals(desk)) == 3
        (left,) = [each for each in await desk.calling.allowances.left() if each.division == 100]
        assert (left.minute, left.day) == (59, 5_000 - 61)


@pytest.mark.parametrize(("kind", "seconds"), [("minute_spent", 60), ("day_spent", 14 * 3600)])
async def test_429_of_both_kinds_is_obeyed_by_all(stage: Stage, kind: Any, seconds: int) -> None:
    """Others use the app, too: what was counted here says nothing then."""
    async with linked(stage.worker) as desk:
        desk.office.exact.faults.plan(Fault(kind))
        with pytest.raises(NotNow) as no:
            await journals(desk)
        assert no.value.wait.until - now_of(desk.office) == timedelta(seconds=seconds)
        asked = len(desk.office.exact.journal)
        with pytest.raises(NotNow):
            await journals(desk.another())
        assert len(desk.office.exact.journal) == asked


async def test_a_blocked_key_is_left_alone_in_every_division_for_an_hour(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.faults.plan(Fault("key_blocked"))
        with pytest.raises(NotNow, match="blocked"):
            await journals(desk)
        asked = len(desk.office.exact.journal)
        with pytest.raises(NotNow, match="blocked"):
            await journals(desk.another(), division=200)
        assert len(desk.office.exact.journal) == asked


async def test_the_tenth_error_of_an_endpoint_is_never_made(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        denied = 0
        for worker in [desk, desk.another()] * 10:
            with pytest.raises((Denied, NotNow)) as no:
                await worker.books().rows("financial/Journals", select="Nothing")
            denied += isinstance(no.value, Denied)
        assert denied == MOST_ERRORS
        # Another endpoint has errors of its own, and the key is not blocked.
        assert await desk.books().rows("vat/VATCodes", select="Code")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("server_error", after=True), MayBeDone),
        (Fault("server_error"), MayBeDone),
        (Fault("drop", after=True), MayBeDone),
        (Fault("timeout"), MayBeDone),
        (Fault("wrong_division"), Denied),
    ],
)
async def test_what_may_have_been_done_is_told_from_what_was_not(
    stage: Stage, fault: Fault, expected: type[Exception]
) -> None:
    async with linked(stage.worker) as desk:
        desk.office.exact.faults.plan(fault)
        with pytest.raises(expected):
            await desk.books().post("documents/Documents", {"Subject": "x", "Type": 20})
        made = len(desk.office.books.table("documents"))
        assert made == (1 if fault.after else 0)
        assert await stage.worker.fetchval("SELECT count(*) FROM exact_endpoint WHERE open <> '{}'") == 0


async def test_nobody_there_is_told_from_a_broken_line(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        grant = type(desk.grant)(desk.grant.grant_id, "http://127.0.0.1:1", desk.grant.person)
        import httpx

        async with httpx.AsyncClient(trust_env=False) as http:
            desk.calling.http = http
            with pytest.raises(NotReached):
                await desk.calling.books(grant, 100, "booking").rows("financial/Journals", select="Code")


async def test_pages_are_followed_and_each_is_counted(stage: Stage) -> None:
    async with linked(stage.worker, Settings(page=2)) as desk:
        assert [row["Code"] for row in await journals(desk)] == ["60", "70", "20"]
        (left,) = [each for each in await desk.calling.allowances.left() if each.division == 100]
        assert left.day == 5_000 - 2


async def test_calls_without_a_division_are_counted_for_each_person_and_of_a_division_for_all(
    stage: Stage,
) -> None:
    async with linked(stage.worker) as desk:

        async def taken(person: str, division: int, endpoint: str) -> int:
            place, count = Place("app", person, division, endpoint), 0
            while await desk.calling.allowances.take(place, "booking") is None:
                await desk.calling.allowances.ended(place, 200, {"X-RateLimit-Minutely-Limit": "5"})
                count += 1
            return count

        assert [await taken(person, 0, "current/Me") for person in ("a", "b")] == [5, 5]
        assert [await taken(person, 100, "crm/Accounts") for person in ("a", "b")] == [5, 0]
        assert {each.division for each in await desk.calling.allowances.left()} == {100}


async def test_amounts_go_and_come_without_binary_fractions(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        made = await desk.books().post(
            "purchaseentry/PurchaseEntries", desk.office.purchase(desk.office.line(AmountFC="1234567.89"))
        )
        assert str(made["AmountFC"]) == "1493827.15"
        row = await desk.books().one(
            "purchaseentry/PurchaseEntries", made["EntryID"], select="EntryNumber,PurchaseEntryLines/AmountFC",
            expand="PurchaseEntryLines",
        )  # fmt: skip
        assert str(row["PurchaseEntryLines"]["results"][0]["AmountFC"]) == "1234567.89"


@pytest.mark.proves("R103")
async def test_an_idle_link_is_kept_alive_and_operators_see_what_is_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with linked(stage.worker) as desk:
        await journals(desk)
        renewed: Any = desk.calling.tokens
        renewed._now = None
        desk.office.exact.clock.advance(600)
        shown: dict[str, float] = {}
        monkeypatch.setattr(metrics.exact_calls_left, "set", lambda n, of: shown.update({of["cause"]: n}))
        for days, generation in ((4, 1), (6, 2), (6, 3)):
            await stage.worker.execute(
                "UPDATE exact_grant SET issued_at = now() - make_interval(days => $1)", days
            )
            await Keeping(stage.worker, renewed, desk.calling.allowances).look()
            assert (await desk.state())["generation"] == generation
            desk.office.exact.clock.advance(600)
        assert 0 < shown["day"] < 5_000
        assert "minute" in shown


async def test_without_its_key_nothing_is_sent(stage: Stage) -> None:
    async with linked(stage.worker) as desk:
        await stage.worker.execute("UPDATE credential SET key_name = 'gone'")
        with pytest.raises(Lapsed, match="exact-no-key"):
            await journals(desk)
