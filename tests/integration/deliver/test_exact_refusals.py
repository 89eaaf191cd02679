"""What Exact Online does not take, and what is done then: its receiver is told what to do."""

from __future__ import annotations

from decimal import Decimal

import asyncpg
import pytest

from libs.einvoice.money import plain
from libs.service import Wake
from services.deliver.waits import parked
from services.deliver.waits.parked import Parking
from tests.integration.deliver.exact_office import (
    RULES,
    Desk,
    all_told,
    calls,
    chosen,
    dispatching,
    entries,
    invoice,
    last,
    linked,
    receiver_of,
    sent,
    set_up,
    table,
)
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Fault, Settings

PURCHASES = "purchaseentry/PurchaseEntries"


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault("unauthorised", PURCHASES, "POST"), "handed_over", None),
        (Fault("unauthorised", PURCHASES, "POST", times=2), "failed", "exact-unauthorised"),
        (Fault("server_error", PURCHASES, "POST", after=True), "unknown", "no-answer"),
        (Fault("server_error", "documents/Documents"), "unknown", "no-answer"),
        (Fault("server_error", "vat/VATCodes"), "failed", "exact-trouble"),
        (Fault("server_error", PURCHASES, "GET"), "failed", "exact-read-back"),
        (Fault("minute_spent", PURCHASES), "not_begun", None),
        (Fault("day_spent", "documents/DocumentAttachments"), "not_begun", None),
        (Fault("key_blocked", PURCHASES), "not_begun", None),
        (Fault("wrong_division", PURCHASES), "refused", "exact-no-right"),
    ],
)
async def test_what_went_wrong_decides_what_is_done(
    stage: Stage, fault: Fault, outcome: str, code: str | None
) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        at.office.exact.faults.plan(fault)
        await dispatching(at, stage).dispatch()
        row = await last(stage)
        assert (row["outcome"], row["code"]) == (outcome, code)
        if outcome == "refused":
            assert await stage.states() == ["parked"]
            return
        # Later, with calls again, it is booked, and once.
        at.office.exact.clock.advance(24 * 3600)
        await stage.worker.execute("UPDATE exact_grant SET issued_at = issued_at - interval '1 day'")
        for _ in range(2):
            await stage.make_due()
            await dispatching(at.another(), stage).dispatch()
        assert await stage.states() == ["handed_over"]
        assert len(entries(at)) == 1


async def refused(stage: Stage, at: Desk, code: str, *words: str) -> asyncpg.Record:
    """It waits with this code, words in both languages that say its receiver what to do, and nothing in the books. Its
    sender reads none of that."""
    await dispatching(at, stage).dispatch()
    assert await stage.states() == ["parked"]
    row = await last(stage)
    assert (row["outcome"], row["code"]) == ("refused", code)
    (fact,) = await all_told(stage)
    assert fact.code == "receiver-must-act"
    (delivery,) = await stage.rows()
    reason = delivery["reason"]["receiver"]
    assert reason["code"] == code
    assert all(word in reason["nl"] for word in words), reason
    assert reason["en"] != reason["nl"]
    # Not in its ids, which are drawn: they may have any digits.
    said = fact.model_dump_json(include={"code", "reason", "findings", "channel", "receiver_name"})
    assert not any(word in said for word in words), fact
    assert not entries(at)
    return row


async def released(stage: Stage) -> None:
    """Its receiver says here that it is mended there."""
    async with stage.worker.acquire() as conn, conn.transaction():
        ids = [row["delivery_id"] for row in await stage.rows()]
        assert await parked.by_hand(conn, await parked.lock(conn, ids))


async def goes_on(stage: Stage, at: Desk, *, waits: int) -> None:
    """The schedule and a worker look: so many of one wait still, and what does not is booked."""
    await Parking(stage.worker, Wake()).look()
    await dispatching(at, stage).dispatch()
    assert await stage.states() == (["parked"] if waits else ["handed_over"])
    assert len(entries(at)) == 1 - waits


async def test_a_closed_period_waits(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        at.office.screens.close_period(at.office.books, 2025, 1)
        to = await receiver_of(at)
        await sent(stage, to)
        await refused(stage, at, "exact-period-closed", "Open haar", "2025/1")
        at.office.screens.open_period(at.office.books, 2025, 1)
        await goes_on(stage, at, waits=1)
        await released(stage)
        await goes_on(stage, at, waits=0)


async def test_a_blocked_supplier_waits(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        at.office.screens.block(at.office.books, at.office.supplier)
        to = await receiver_of(at)
        await sent(stage, to)
        await refused(stage, at, "exact-party-blocked", "Haal de blokkade daar weg")
        at.office.screens.block(at.office.books, at.office.supplier, blocked=False)
        await goes_on(stage, at, waits=1)
        await released(stage)
        await goes_on(stage, at, waits=0)


async def test_a_vat_code_that_is_not_there_waits_for_another_rule(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(
            at, rules={"rules": [{"journal": "60"}, {"account": "4500", "vat_code": "77"}]}
        )
        await sent(stage, to)
        await refused(stage, at, "exact-unknown-vat-code", "77")
        assert "POST documents/Documents" not in calls(at), "nothing is left behind"
        await goes_on(stage, at, waits=1)
        await set_up(stage.worker, to.party_id, {"purchase": RULES})
        await goes_on(stage, at, waits=0)


async def test_a_vat_code_that_goes_away_between_two_invoices_waits(stage: Stage) -> None:
    """Ours is a day old by then: it is Exact that says no."""
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        await dispatching(at, stage).dispatch()
        for row in table(at, "vat_codes"):
            row["IsBlocked"] = True
        await sent(stage, to, number="F2")
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over", "parked"]
        assert (await last(stage))["code"] == "exact-vat-code"


async def test_a_right_that_was_withdrawn_waits_and_goes_on_when_the_division_is_chosen_again(
    stage: Stage,
) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        at.office.screens.withdraw(at.office.user, "purchaseentry")
        await sent(stage, to)
        await refused(stage, at, "exact-no-right", "Kantoorgebruiker")
        at.office.user.withdrawn.clear()
        await goes_on(stage, at, waits=1)
        await chosen(stage.worker, to.party_id)
        await goes_on(stage, at, waits=0)


async def test_a_lapsed_link_waits_and_says_why(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        at.office.screens.end_link(at.office.user, at.office.app)
        at.office.exact.clock.advance(580)
        await sent(stage, to)
        await refused(stage, at, "exact-link-ended", "Zet de koppeling opnieuw op")


async def test_a_vat_amount_that_is_rejected_waits(stage: Stage) -> None:
    """The hub lets a line be 1.00 from what its VAT code makes of it; these books let it be nothing."""
    async with linked(stage.worker, Settings(vat_tolerance=Decimal(-1))) as at:
        # So that a VAT amount is said at all: three cents on one line.
        await sent(stage, await receiver_of(at), deviating())
        await refused(stage, at, "exact-vat-amount", "btw-bedrag", "verbeterde factuur")
        at.office.exact.settings.vat_tolerance = Decimal("1.00")
        await released(stage)
        await goes_on(stage, at, waits=0)


async def test_an_amount_that_is_rejected_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub sends no such amount; whatever Exact says against one is told."""
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        monkeypatch.setattr("services.deliver.exact.entry.plain", lambda value: f"{plain(value)}1")
        await refused(stage, at, "exact-amount", "neemt een bedrag van de factuur niet aan")
        monkeypatch.undo()
        await released(stage)
        await goes_on(stage, at, waits=0)


async def test_a_token_that_exact_says_is_young_still_books_with_the_one_in_hand(stage: Stage) -> None:
    """401 *not expired*: our clock runs ahead of theirs. Nothing is lost by it, and nothing waits."""
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        at.office.exact.clock.advance(575)
        at.office.exact.faults.plan(Fault("not_expired", "token"))
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over"]
        assert len(entries(at)) == 1
        assert (await at.state())["state"] == "live"


def deviating() -> bytes:
    """An invoice whose VAT is three cents more than its rate makes of it: within what may be rounded (BR-CO-17)."""
    text = invoice().decode()
    for before, after in (("4.36", "4.39"), ("25.10", "25.13")):
        assert before in text
        text = text.replace(before, after)
    return text.encode()
