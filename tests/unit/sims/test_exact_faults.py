"""What a test can break, and what the journal says of it."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.sims.exact_online import Fault, written
from tests.unit.sims.office import Office

PURCHASE = "purchaseentry/PurchaseEntries"


async def _status(office: Office) -> int:
    return (await office.post(PURCHASE, office.purchase())).status_code


async def test_an_error_before_the_write_and_one_after_it(office: Office) -> None:
    office.exact.faults.plan(
        Fault("server_error", PURCHASE, status=500), Fault("server_error", PURCHASE, after=True)
    )
    assert [await _status(office), len(office.books.table("purchase_entries"))] == [500, 0]
    assert [await _status(office), len(office.books.table("purchase_entries"))] == [503, 1]
    assert [await _status(office), len(office.books.table("purchase_entries"))] == [201, 2]
    journal = [(entry.status, entry.effect, entry.fault) for entry in office.exact.journal[-3:]]
    assert journal == [
        (500, "none", "server_error"),
        (503, "created", "server_error"),
        (201, "created", None),
    ]
    assert len(written(office.exact.journal, PURCHASE)) == 2


@pytest.mark.parametrize(("kind", "error"), [("drop", httpx.ReadError), ("timeout", httpx.ReadTimeout)])
@pytest.mark.parametrize("after", [False, True])
async def test_no_answer_at_all(office: Office, kind: str, error: type[Exception], after: bool) -> None:
    office.exact.faults.plan(Fault(kind, PURCHASE, after=after))  # type: ignore[arg-type]
    with pytest.raises(error):
        await _status(office)
    assert len(office.books.table("purchase_entries")) == int(after)
    assert office.exact.journal[-1].status == 0


async def test_401_with_a_good_token_once_and_twice(office: Office) -> None:
    office.exact.faults.plan(Fault("unauthorised", times=2))
    assert [await _status(office) for _ in range(3)] == [401, 401, 201]


async def test_401_not_expired_though_it_is_time(office: Office) -> None:
    office.exact.clock.advance(570)
    office.exact.faults.plan(Fault("not_expired", "token"))
    reply = await office.renew()
    assert (reply.status_code, reply.json()["error_description"]) == (401, "Access Token not expired")
    assert (await office.renew()).status_code == 200


async def test_429_of_both_kinds_lasts_until_the_window_ends(office: Office) -> None:
    office.exact.faults.plan(Fault("minute_spent"))
    assert [await _status(office) for _ in range(2)] == [429, 429]
    office.exact.clock.advance(60)
    assert await _status(office) == 201
    office.exact.faults.plan(Fault("day_spent", division=100))
    assert await _status(office) == 429
    office.exact.clock.advance(60)
    reply = await office.get("financial/Journals", select="Code")
    assert (reply.status_code, reply.headers["X-RateLimit-Remaining"]) == (429, "0")


async def test_a_blocked_key_and_a_division_that_is_not_yours(office: Office) -> None:
    office.exact.faults.plan(Fault("wrong_division"))
    assert [await _status(office) for _ in range(2)] == [403, 201]
    office.exact.faults.plan(Fault("key_blocked"))
    assert [await _status(office) for _ in range(2)] == [403, 403]
    office.exact.clock.advance(3600)
    await office.renew()
    assert await _status(office) == 201


async def test_slow(office: Office) -> None:
    office.exact.faults.plan(Fault("slow", seconds=0.05))
    begin = time.monotonic()
    assert await _status(office) == 201
    assert time.monotonic() - begin >= 0.05


async def test_a_fault_is_aimed_and_counted(office: Office) -> None:
    office.exact.faults.plan(Fault("server_error", PURCHASE, "POST", 100, skip=1, times=2))
    assert (await office.get(PURCHASE, select="EntryID")).status_code == 200
    assert [await _status(office) for _ in range(4)] == [201, 503, 503, 201]
    office.exact.faults.plan(Fault("server_error", times=None))
    assert [await _status(office) for _ in range(3)] == [503] * 3
    office.exact.faults.clear()
    assert await _status(office) == 201


def test_what_cannot_come_after_the_write_is_not_planned_so() -> None:
    with pytest.raises(ValueError, match="slow"):
        Fault("slow", after=True)
