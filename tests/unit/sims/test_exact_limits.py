"""Calls a minute and a day, errors an hour, and what is told about them."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.sims.exact_online import App, Settings, User, fill
from tests.unit.sims.office import CALLBACK, START, Office

MINUTELY = ("X-RateLimit-Minutely-Limit", "X-RateLimit-Minutely-Remaining", "X-RateLimit-Minutely-Reset")
DAILY = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


async def _ask(office: Office, **more: object) -> httpx.Response:
    return await office.get("financial/Journals", select="Code", **more)


async def _err(office: Office, path: str = "financial/Journals") -> int:
    return (await office.get(path, select="Nothing")).status_code


def _told(reply: httpx.Response, names: tuple[str, ...]) -> list[int]:
    return [int(reply.headers[name]) for name in names if name in reply.headers]


async def test_every_answer_tells_what_is_left_and_until_when_in_milliseconds(office: Office) -> None:
    start = int(START.timestamp() * 1000)
    tomorrow = int(datetime(2025, 1, 16, tzinfo=UTC).timestamp() * 1000)
    office.exact.clock.advance(20)
    reply = await _ask(office)
    assert _told(reply, MINUTELY) == [60, 59, start + 60_000]
    assert _told(reply, DAILY) == [5000, 4999, tomorrow]
    reply = await office.get("financial/Journals")  # an error counts, and tells it too
    assert (reply.status_code, _told(reply, MINUTELY)) == (400, [60, 58, start + 60_000])


async def test_the_61st_call_of_a_minute_is_too_many_and_tells_the_minute_alone(office: Office) -> None:
    replies = [await _ask(office) for _ in range(61)]
    assert [reply.status_code for reply in replies] == [200] * 60 + [429]
    assert _told(replies[58], DAILY) != []
    assert _told(replies[-1], MINUTELY) == [60, 0, int(START.timestamp() + 60) * 1000]
    assert _told(replies[-1], DAILY) == _told(replies[-2], DAILY) == []
    office.exact.clock.advance(59)
    assert (await _ask(office)).status_code == 429
    office.exact.clock.advance(1)
    reply = await _ask(office)
    assert (reply.status_code, _told(reply, DAILY)[1]) == (200, 5000 - 61)  # who was refused did not pay


async def test_the_5001st_call_of_a_day_is_too_many() -> None:
    async with Office(Settings(per_minute=100, per_day=5)) as office:
        assert [(await _ask(office)).status_code for _ in range(6)] == [200] * 5 + [429]
        office.exact.clock.advance(570)
        await office.renew()
        reply = await _ask(office)
        assert (reply.status_code, _told(reply, DAILY)[1]) == (429, 0)
        for _ in range(24):
            office.exact.clock.advance(3600)
            await office.renew()
        assert (await _ask(office)).status_code == 200


async def test_defaults_are_those_of_the_reference() -> None:
    found = Settings()
    assert (found.per_minute, found.per_day, found.errors_per_hour, found.block_seconds) == (
        60,
        5000,
        10,
        3600,
    )
    assert (found.access_seconds, found.refresh_from, found.page, found.sync_page) == (600, 570, 60, 1000)


async def test_the_budget_is_of_one_app_in_one_division() -> None:
    async with Office(Settings(per_minute=2)) as office:
        office.user.divisions.append(200)
        assert [(await _ask(office)).status_code for _ in range(3)] == [200, 200, 429]
        assert (await _ask(office, division=200)).status_code == 200
        other = await office.get("current/Me", division=None, select="UserID")
        assert other.status_code == 429  # that of the current division
        await office.connect(office.exact.add_user(User("ander", divisions=[100])))
        assert (await _ask(office)).status_code == 429  # whoever the person is
        office.app = office.exact.links.register(App((CALLBACK,)))
        await office.connect()
        assert (await _ask(office)).status_code == 200


async def test_the_tenth_error_of_an_hour_blocks_the_key(office: Office) -> None:
    office.user.divisions.append(200)
    assert [await _err(office) for _ in range(10)] == [400] * 10
    for path, division in (("financial/Journals", 100), ("vat/VATCodes", 200)):
        assert (await office.get(path, select="Code", division=division)).status_code == 403
    await _let_pass(office, 3599)
    assert (await _ask(office)).status_code == 403
    office.exact.clock.advance(1)
    assert (await _ask(office)).status_code == 200


async def test_the_second_block_lasts_twice_as_long(office: Office) -> None:
    for _ in range(10):
        await _err(office)
    await _let_pass(office, 3600)
    for _ in range(10):
        assert await _err(office) == 400
    await _let_pass(office, 7199)
    assert (await _ask(office)).status_code == 403
    office.exact.clock.advance(1)
    assert (await _ask(office)).status_code == 200


async def test_errors_are_counted_by_endpoint_division_and_hour(office: Office) -> None:
    for _ in range(9):
        assert await _err(office) == 400
        assert await _err(office, "vat/VATCodes") == 400
    await _let_pass(office, 3600)
    assert await _err(office) == 400  # the tenth, and the first of its hour
    assert (await _ask(office)).status_code == 200


async def test_by_a_switch_only_the_endpoint_that_erred_is_blocked() -> None:
    async with Office(Settings(block_whole_key=False)) as office:
        for _ in range(10):
            await _err(office)
        assert (await _ask(office)).status_code == 403
        assert (await office.get("vat/VATCodes", select="Code")).status_code == 200


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_which_errors_count(office: Office, status: int) -> None:
    async def err() -> int:
        match status:
            case 401:
                return (await _ask(office)).status_code
            case 403:
                return (await office.get("financial/Journals", select="Code", division=200)).status_code
        return (await office.get("financial/Nothing", select="Code")).status_code

    if status == 401:
        office.exact.clock.advance(600)
    assert [await err() for _ in range(11)] == [status] * 10 + [403]
    if status == 401:
        await office.renew()
    assert (await _ask(office)).status_code == 403


async def test_429_and_405_do_not_count(office: Office) -> None:
    path = f"financial/Journals(guid'{fill.account(office.books, '10')}')"
    for _ in range(20):
        assert (await office.call("DELETE", path)).status_code == 405
    assert (await _ask(office)).status_code == 200
    for _ in range(60):
        await _ask(office)
    office.exact.clock.advance(60)
    assert (await _ask(office)).status_code == 200


async def _let_pass(office: Office, seconds: int) -> None:
    """With a token that is fresh afterwards."""
    office.exact.clock.advance(seconds)
    assert (await office.renew()).status_code == 200
