"""The simulator of Globe+: its tables hold what was entered, and stamps tell what Globe's would."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.sims.globe import Administration, Fill, Globe, people, rows

DAY = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def everybodys(postgres_url: str) -> Iterator[Administration]:
    """Tests keep to rows of their own."""
    globe = Globe(postgres_url)
    made = asyncio.run(filled(globe))
    yield made
    asyncio.run(globe.drop(made))


async def filled(globe: Globe) -> Administration:
    fill = Fill()
    made = await globe.create(fill.company())
    await made.load(fill.rows())
    return made


@pytest.fixture
async def administration(everybodys: Administration) -> Administration:
    await everybodys.set_clock(fixed=DAY)
    return everybodys


async def one(administration: Administration, query: str, *args: object) -> tuple[Any, ...]:
    conn = await asyncpg.connect(administration.reader_url)
    try:
        return tuple(await conn.fetchrow(query, *args))
    finally:
        await conn.close()


async def test_codes_come_back_as_long_as_their_columns(administration: Administration) -> None:
    assert await one(
        administration, 'SELECT reknr, oms25 FROM grtbk WHERE reknr = $1 AND "ID" = 1', "0001"
    ) == (
        "0001     ",
        (await one(administration, 'SELECT oms25 FROM grtbk WHERE "ID" = 1'))[0],
    )
    assert await one(administration, "SELECT bedrnr, valcode FROM bedryf") == ("001", "EUR")


async def test_who_syncs_may_read_and_nothing_else(administration: Administration) -> None:
    conn = await asyncpg.connect(administration.reader_url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("UPDATE grtbk SET oms25 = 'x'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("SELECT skew FROM sim.clock")
    await conn.close()


async def test_a_change_is_stamped_with_local_time_and_the_next_number(
    administration: Administration,
) -> None:
    query = 'SELECT sysmodified, "timestamp", oms25 FROM grtbk WHERE reknr = $1'
    before = await one(administration, query, "0002")
    await people.change(administration, rows.GLAccount, "0002", oms25="Huur")
    after = await one(administration, query, "0002")
    assert after[0] == datetime(2026, 1, 5, 12, 0)  # noqa: DTZ001  a local time is what Globe stores
    assert isinstance(before[1], bytes)
    assert isinstance(after[1], bytes)
    assert len(after[1]) == 8
    assert after[1] > before[1]
    assert after[2] == "Huur"
    with pytest.raises(KeyError):
        await people.change(administration, rows.GLAccount, "none", oms25="Huur")


async def test_the_clock_can_be_wrong(administration: Administration) -> None:
    await administration.set_clock(fixed=DAY, skew=timedelta(minutes=-7))
    await people.change(administration, rows.GLAccount, "0003", oms25="Huur")
    stamp = await one(administration, "SELECT sysmodified FROM grtbk WHERE reknr = '0003'")
    assert stamp == (datetime(2026, 1, 5, 11, 53),)  # noqa: DTZ001


async def test_stamps_have_steps_of_a_three_hundredth(administration: Administration) -> None:
    await administration.set_clock(fixed=DAY + timedelta(milliseconds=8))
    await people.change(administration, rows.GLAccount, "0003", oms25="Huur")
    stamp = await one(
        administration, "SELECT extract(microseconds FROM sysmodified)::int FROM grtbk WHERE reknr = '0003'"
    )
    assert stamp == (6667,)


async def test_renumbering_keeps_the_id_and_may_leave_the_stamp(administration: Administration) -> None:
    query = 'SELECT "ID", sysmodified, "timestamp" FROM kstpl WHERE kstplcode = $1'
    before = await one(administration, query, "K000001")
    await people.renumber(administration, rows.CostCentre, "K000001", "K9", stamped=False)
    silent = await one(administration, query, "K9")
    assert silent[:2] == before[:2]
    assert silent[2] > before[2]
    await people.renumber(administration, rows.CostCentre, "K9", "K10")
    stamped = await one(administration, query, "K10")
    assert stamped[0] == before[0]
    assert stamped[1] != before[1]


async def test_a_deleted_creditor_leaves_nothing(administration: Administration) -> None:
    await people.delete(administration, rows.Creditor, "060001")
    left = await one(
        administration,
        "SELECT (SELECT count(*) FROM cicmpy WHERE crdnr = '060001'), (SELECT count(*) FROM bnkacc WHERE crdnr = '060001'),"
        ' (SELECT count(*) FROM "Addresses" WHERE "Account" NOT IN (SELECT cmp_wwn FROM cicmpy))',
    )
    assert left == (0, 0, 0)


async def test_a_locked_table_makes_readers_wait(administration: Administration) -> None:
    async with administration.locked("PRProject"):
        reading = asyncio.create_task(one(administration, 'SELECT count(*) FROM "PRProject"'))
        await until_somebody_waits(administration)
        assert not reading.done()
        assert (await one(administration, "SELECT count(*) FROM grtbk"))[0]
    assert (await reading)[0]


async def until_somebody_waits(administration: Administration) -> None:
    async with asyncio.timeout(30):
        while not (
            await one(
                administration,
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE NOT granted AND datname = current_database()",
            )
        )[0]:
            await asyncio.sleep(0.01)


async def test_what_is_committed_late_carries_an_early_stamp(administration: Administration) -> None:
    async with administration.pending() as late:
        await late.execute("UPDATE kstdr SET oms25 = 'laat' WHERE kstdrcode = 'D000001'")
        await people.change(administration, rows.CostUnit, "D000002", oms25="vroeg")
        seen = (await one(administration, 'SELECT max("timestamp") FROM kstdr'))[0]
    late_stamp = (await one(administration, "SELECT \"timestamp\" FROM kstdr WHERE oms25 = 'laat'"))[0]
    assert late_stamp < seen


def test_the_same_seed_gives_the_same_rows() -> None:
    assert list(Fill(records=500).rows()) == list(Fill(records=500).rows())
    assert list(Fill(records=500).rows()) != list(Fill(records=500, seed=2).rows())


def test_suppliers_agree_between_administrations_and_record_counts_hold() -> None:
    one_of = [row for row in Fill("001", records=500).rows() if isinstance(row, rows.Creditor)]
    other = [row for row in Fill("002", records=500).rows() if isinstance(row, rows.Creditor)]
    assert [(row.crdnr, row.cmp_name) for row in one_of] == [(row.crdnr, row.cmp_name) for row in other]
    uncounted = (
        rows.Rate
        | rows.Title
        | rows.BankAccountType
        | rows.Journal
        | rows.Address
        | rows.Contact
        | rows.BankAccount
    )
    assert sum(not isinstance(row, uncounted) for row in Fill(records=500).rows()) + 1 == 500


async def test_churn_changes_as_many_as_asked_and_says_so(administration: Administration) -> None:
    assert await people.churn(administration, 7, seed=3) == 7
    texts = " UNION ALL ".join(
        f'SELECT "{column}" AS text FROM "{table}"'
        for table, column in (
            ("kstpl", "oms25"), ("kstdr", "oms25"), ("grtbk", "oms25"), ("PRProject", "Description"),
            ("btwtrs", "Description"), ("betcd", "oms30"), ("cicmpy", "Note"),
        )
    )  # fmt: skip
    changed = await one(
        administration, f"SELECT count(*) FROM ({texts}) AS t WHERE text LIKE 'Gewijzigd 3 %'"
    )
    assert changed == (7,)


async def test_an_administration_can_go(postgres_url: str) -> None:
    globe = Globe(postgres_url)
    made = await globe.create(rows.Company(bedrnr="009", bedrnm="Weg BV"))
    await globe.drop(made)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(made.reader_url)
