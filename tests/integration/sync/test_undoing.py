"""What a run did is taken back: once, and only where nothing newer lies on it."""

from __future__ import annotations

import pytest

from libs.errors import Conflict
from services.sync import leases
from services.sync.p2p.client import P2PRefusesUs
from services.sync.plans import Item, Plan
from services.sync.undoing import undo
from tests.integration.sync.stage import Killed, Stage, change_account, killed, of
from tests.sims.p2p import Fault
from tests.sims.p2p.control import repeated, writes


async def change_applied(synced: Stage, text: str) -> tuple[Plan, Item, str]:
    """A change of one ledger account, applied; and what was there before."""
    await synced.sync()
    before = {e["externalId"]: e["description"] for e in await synced.control.all("CostType")}
    await change_account(synced, text)
    plan = await synced.plan()
    (item,) = of(await synced.items(await synced.apply(plan)), "gl_account")
    await synced.control.forget_journal()
    return plan, item, before[item.external_id]


async def description(synced: Stage, item: Item) -> str:
    found: str = (await synced.found("CostType", item.external_id))["description"]
    return found


async def test_a_change_is_undone_and_not_sent_again_until_globe_changes(synced: Stage) -> None:
    plan, item, before = await change_applied(synced, "Vergissing")
    await undo(synced.shop, plan.plan_id, item.sequence)
    assert await description(synced, item) == before
    assert (await synced.plan()).writes == 0
    assert (await synced.plan("full")).writes == 0
    with pytest.raises(Conflict):
        await undo(synced.shop, plan.plan_id, item.sequence)
    await change_account(synced, "Juist")
    await synced.sync()
    assert await description(synced, item) == "Juist"


async def test_an_undo_looks_for_what_is_newer_when_nobody_else_writes_any_more(
    synced: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends just before the undo has its lease: what it wrote stays."""
    plan, item, _ = await change_applied(synced, "Eerst")
    await change_account(synced, "Daarna")
    newer = await synced.plan()
    held = leases.held

    def late(*given: object, **more: object) -> object:
        slow.undo()
        return _After(synced, newer, held(*given, **more))  # type: ignore[arg-type]

    with monkeypatch.context() as slow:
        slow.setattr("services.sync.undoing.leases.held", late)
        with pytest.raises(Conflict) as refused:
            await undo(synced.shop, plan.plan_id, item.sequence)
    assert refused.value.code == "not-undoable"
    assert await description(synced, item) == "Daarna"


class _After:
    """Takes a lease once another plan was applied."""

    def __init__(self, synced: Stage, newer: Plan, lease: object) -> None:
        self._synced = synced
        self._newer = newer
        self._lease = lease

    async def __aenter__(self) -> object:
        assert (await self._synced.apply(self._newer)).state == "applied"
        return await self._lease.__aenter__()  # type: ignore[attr-defined]

    async def __aexit__(self, *error: object) -> None:
        await self._lease.__aexit__(*error)  # type: ignore[attr-defined]


async def test_an_undo_whose_answer_is_lost_or_that_is_cut_short_is_done_once(synced: Stage) -> None:
    """Before and after the write."""
    for written in (False, True):
        plan, item, before = await change_applied(synced, f"Antwoord kwijt {written}")
        await synced.control.plan(Fault(kind="drop", entity="CostType", method="POST", after=written))
        await undo(synced.shop, plan.plan_id, item.sequence)
        assert await synced.control.planned() == []
        await undone_once(synced, plan, item, before)

        plan, item, before = await change_applied(synced, f"Afgebroken {written}")
        with pytest.raises(Killed):
            await undo(killed(synced, 1, written=written), plan.plan_id, item.sequence)
        assert (await synced.plan()).writes == 0  # nobody sends it again meanwhile
        await undo(synced.shop, plan.plan_id, item.sequence)
        await undone_once(synced, plan, item, before)
    assert (await synced.plan()).writes == 0


async def undone_once(synced: Stage, plan: Plan, item: Item, before: str) -> None:
    assert await description(synced, item) == before
    journal = await synced.control.journal()
    assert (repeated(journal), len(writes(journal))) == ([], 1)
    assert (await synced.outcomes(plan))["undone"] == 1


async def test_an_undo_that_is_refused_changes_nothing(synced: Stage) -> None:
    plan, item, _ = await change_applied(synced, "Van Globe")
    await synced.control.set(key_expired=True)
    with pytest.raises(P2PRefusesUs):
        await undo(synced.shop, plan.plan_id, item.sequence)
    await synced.control.set(key_expired=False)
    await synced.control.keep(
        "CostType", {**(await synced.found("CostType", item.external_id)), "description": "x"}
    )
    with pytest.raises(Conflict):  # somebody else's change lies on it
        await undo(synced.shop, plan.plan_id, item.sequence)
    assert await description(synced, item) == "x"
    assert (await synced.outcomes(plan))["applied"] == 1
