"""One invoice number in several hands at the same time."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from libs.contracts.parts import Identifier, PartyFacts
from libs.db.pools import Pools
from libs.messaging import outbox
from services.route import facts as writing
from services.route import store
from tests.integration.route.numbered import (
    TERMS,
    Worker,
    X,
    ended,
    of,
    read,
    sent,
    undeliverable,
    write,
)
from tests.integration.route.stage import blocked, decided, drain, enter, told, validated
from tests.unit.route.sample import KVK, VAT


@pytest.mark.proves("R51")
@pytest.mark.parametrize("killed", [True, False], ids=["the first is killed", "the first commits"])
@pytest.mark.parametrize("payable", ["25.10", "99.00"], ids=["same", "differs"])
async def test_two_workers_at_once_and_one_wins(pools: Pools, killed: bool, payable: str) -> None:
    """Both have read that nobody has the number; the second's insert waits for the first's transaction."""
    await enter(pools, "De Jong", X)
    await decided(pools, validated(X))  # they belong together: no lock but the number's is needed
    worker = await pools.get("route", "worker")
    events = [await sent(pools), await sent(pools, payable=payable)]
    one, other = [await read(worker, event) for event in events]
    winner = Worker(worker, one)
    first = await winner.begin(killed=killed)
    second = asyncio.create_task(write(worker, other))
    await blocked(worker)
    winner.end()
    done = await asyncio.gather(first, second, return_exceptions=True)
    names = [[name for name, _ in await told(pools, of(event))] for event in events]
    if killed:
        assert isinstance(done[0], OSError)
        assert names == [[], ["routed"]]
        # Its event comes back.
        await decided(pools, events[0])
        names = [[name for name, _ in await told(pools, of(event))] for event in events]
        assert [each.count("routed") for each in names] == [0, 1]
    else:
        assert names[0][0] == "routed"
        assert names[1] == (["returned"] if payable == "25.10" else ["parked"])


MORE = PartyFacts(
    name="Bakker BV",
    identifiers=(
        Identifier(scheme=KVK, value="69599084"),
        Identifier(scheme=VAT, value="NL001234567B01"),
    ),
)
BY_VAT = MORE.model_copy(update={"identifiers": MORE.identifiers[1:]})
BY_NAME = MORE.model_copy(update={"identifiers": ()})


@pytest.mark.proves("R51", "SA21")
@pytest.mark.parametrize(
    ("first", "second", "known", "outcome"),
    [
        (MORE, BY_VAT, True, "same"),
        (MORE, BY_VAT, False, "differs"),
        (MORE, BY_VAT, False, "killed"),
        (BY_VAT, MORE, True, "differs"),
        (BY_VAT, MORE, False, "same"),
        (BY_VAT, MORE, True, "killed"),
        (MORE, BY_NAME, True, "differs"),
        (MORE, BY_NAME, False, "same"),
    ],
)
async def test_two_workers_at_once_of_which_one_has_the_sellers_number(
    pools: Pools, first: PartyFacts, second: PartyFacts, known: bool, outcome: str
) -> None:
    """Each takes its number under another key, so that no key stops them."""
    await enter(pools, "De Jong", X)
    await decided(pools, validated(X))
    if known:
        await decided(pools, validated(X, seller=MORE, number="F0", issue_date=date(2026, 1, 1)))
    worker = await pools.get("route", "worker")
    events = [
        await sent(pools, seller=first),
        await sent(pools, seller=second, payable="99.00" if outcome == "differs" else "25.10"),
    ]
    one, other = [await read(worker, event) for event in events]
    winner = Worker(worker, one)
    writing_first = await winner.begin(killed=outcome == "killed")
    writing_second = asyncio.create_task(write(worker, other))
    waits = asyncio.create_task(blocked(worker))
    await asyncio.wait({writing_second, waits}, return_when=asyncio.FIRST_COMPLETED)
    waits.cancel()
    winner.end()
    await asyncio.gather(writing_first, writing_second, return_exceptions=True)
    names = [[name for name, _ in await told(pools, of(event))] for event in events]
    if outcome == "killed":
        assert names == [[], ["routed"]]
    else:
        assert names[0][0] == "routed"
        assert names[1] == (["returned"] if outcome == "same" else ["parked"])


@pytest.mark.proves("R51")
async def test_two_batches_that_want_the_same_numbers_in_opposite_order_do_not_stop_each_other(
    pools: Pools,
) -> None:
    await enter(pools, "De Jong", X)
    await decided(pools, validated(X))
    worker = await pools.get("route", "worker")
    numbers = [f"G{n}" for n in range(20)]
    for _ in range(5):
        ours = [validated(X, **{**TERMS, "number": number}) for number in numbers]
        theirs = [validated(X, **{**TERMS, "number": number}) for number in reversed(numbers)]
        one, other = await read(worker, *ours), await read(worker, *theirs)
        await asyncio.gather(write(worker, one), write(worker, other))
        for event, rival in zip(ours, reversed(theirs), strict=True):
            names = [(await told(pools, of(each)))[0][0] for each in (event, rival)]
            assert sorted(names) == ["returned", "routed"]
        await worker.execute("DELETE FROM numbered")


@pytest.mark.proves("R51")
async def test_whoever_is_parked_while_the_first_ends_is_not_forgotten(pools: Pools) -> None:
    """The second waits for the first, and the first is given back, in two transactions at once."""
    await enter(pools, "De Jong", X)
    worker = await pools.get("route", "worker")
    wrong, right = await sent(pools, to=(KVK, "90004760")), await sent(pools, payable="26.10")
    await decided(pools, wrong)
    waits = await read(worker, right)
    parks = Worker(worker, waits)
    parking = await parks.begin()

    async def give_back() -> None:
        async with worker.acquire() as conn, conn.transaction():
            waiting = await store.lock_open(conn, [of(wrong)])
            await outbox.append(conn, await writing.give_back(conn, waiting))

    giving = asyncio.create_task(give_back())
    await blocked(worker)
    parks.end()
    await asyncio.gather(parking, giving)
    await drain(pools)
    assert [name for name, _ in await told(pools, of(right))] == ["parked", "released", "routed", "linked"]


@pytest.mark.proves("R51")
async def test_whoever_has_read_what_is_over_by_now_decides_once_more(pools: Pools) -> None:
    await enter(pools, "De Jong", X)
    worker = await pools.get("route", "worker")
    one, other = await sent(pools), await sent(pools)
    await decided(pools, one)
    stale = await read(worker, other)
    await ended(pools, undeliverable(of(one)))
    await write(worker, stale)
    assert [name for name, _ in await told(pools, of(other))] == ["routed", "linked"]
