"""The ledger over a whole hub: every row it stands on, taken away in turn, is missed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs import clock
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.messaging import MemoryTransport
from libs.testing import builders
from libs.testing.aging import age
from services.track import ledger
from services.track.ledger import Ledger
from services.track.snapshots import snapshots
from tests.e2e.world import PATIENCE, World
from tests.e2e.world import world as start

X, NOBODY = "58070036", "69599084"
_numbers = itertools.count()


async def books(settings: DatabaseSettings, grace: timedelta = timedelta(minutes=5)) -> Ledger:
    async with snapshots(settings) as snapshot:
        return await ledger.take(snapshot, grace)


async def settled(settings: DatabaseSettings, open_ones: int) -> Ledger:
    """Wait until nothing moves any more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await books(settings)
            moving = {name for name in found.waiting if name.rpartition(" ")[2] != "parked"}
            if not moving and found.open == open_ones:
                return found
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def gone(admin: Connection, table: str, where: str, *, count: int = 1) -> AsyncIterator[None]:
    """These rows are away for a while."""
    saved = f"saved_{next(_numbers)}"
    await admin.execute(f"CREATE TEMP TABLE {saved} AS SELECT * FROM {table} WHERE {where}")
    try:
        assert await admin.execute(f"DELETE FROM {table} WHERE {where}") == f"DELETE {count}", (table, where)
        yield
    finally:
        await admin.execute(
            f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {saved}; DROP TABLE {saved}"
        )


@pytest.fixture
async def admin(database: DatabaseSettings) -> AsyncIterator[Connection]:
    conn: Connection = await asyncpg.connect(database.url)
    await conn.execute("SET session_replication_role = replica")  # rows may vanish whatever refers to them
    yield conn
    await conn.close()


async def test_it_balances_and_misses_every_row_that_is_taken_away(
    database: DatabaseSettings, admin: Connection, tmp_path: Path
) -> None:
    ids: dict[str, UUID] = {}
    async with start(database.url, database.secret, tmp_path, MemoryTransport()) as world:
        await _invoices(world, ids)
        whole = await settled(database, open_ones=2)
    # The hub has stopped in order: what is still open now waits for a fact, and nothing moves.
    whole = await books(database)
    assert whole.entries == []
    # One of the acknowledged came twice: its repeat was answered by the first one's receipt.
    # Another said the same under the same number, in other bytes: route gave it back.
    assert (whole.acknowledged, whole.delivered, whole.returned, whole.open) == (9, 2, 5, 2)
    assert (whole.lost, whole.duplicated, whole.unaccounted) == (0, 0, 0)
    assert dict(whole.waiting) == {"route: parked": 1, "deliver: parked": 1}

    for name, table, extra, count, problem, service, why in _CASES:
        where = f"invoice_id = '{ids[name]}'{extra}"
        if table in ("deliver.attempt", "deliver.parcel"):
            where = f"delivery_id = (SELECT delivery_id FROM deliver.delivery WHERE {where})"
        async with gone(admin, table, where, count=count):
            found = await books(database)
        entry = [(e.invoice_id, e.problem, e.place.service, e.place.why) for e in found.entries]
        assert entry == [(ids[name], problem, service, why)], (name, table)
        assert found.acknowledged == whole.acknowledged
    assert (await books(database)).entries == []
    await _follows_what_is_between_two_services(database, admin, ids["mailed"])
    await _finds_what_came_twice(database, admin, ids)
    async with start(database.url, database.secret, tmp_path / "again", MemoryTransport()) as world:
        await _erased_everywhere(world, database, admin)


async def _erased_everywhere(world: World, database: DatabaseSettings, admin: Connection) -> None:
    """Eight years later: nobody holds anything of any invoice but that there was one, and the books never object."""
    (retention,) = (each for s in world.services for each in s.schedules if each.name == "ingest.retention")
    rows = await admin.fetch("SELECT account_id, submission_id FROM ingest.submission")
    for n, row in enumerate(rows):
        then = clock.now() - timedelta(days=8 * 366, seconds=n)
        await age(database.url, row["account_id"], row["submission_id"], then, bare=True)
    before = await _held(admin)
    assert {table.partition(".")[0] for table in before} == {
        "ingest",
        "validate",
        "route",
        "deliver",
        "track",
    }
    await retention.run()
    # That there was one; and which one showed that a sender and a receiver know each other.
    stays = {each: before[each] for each in ("ingest.invoice", "ingest.repeat", "route.pair")}
    for _ in range(200):
        assert (await books(database)).balanced
        if (left := await _held(admin)) == stays:
            break
        await asyncio.sleep(0.05)
    assert left == stays
    now = await books(database)
    assert (now.acknowledged, now.entries) == (0, [])
    assert await admin.fetchval("SELECT count(*) FROM documents.document") == 0


async def _held(admin: Connection) -> dict[str, int]:
    """By table: how many of its rows name an invoice or a delivery."""
    columns = await admin.fetch(
        """SELECT table_schema || '.' || table_name AS name, min(column_name) AS key
             FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema IN ('ingest', 'validate', 'route', 'deliver', 'track') AND table_type = 'BASE TABLE'
              AND column_name IN ('invoice_id', 'delivery_id', 'notice_id')
            GROUP BY table_schema, table_name"""
    )
    found = {
        row["name"]: await admin.fetchval(f"SELECT count({row['key']}) FROM {row['name']}") for row in columns
    }
    return {name: count for name, count in found.items() if count}


async def _follows_what_is_between_two_services(
    database: DatabaseSettings, admin: Connection, invoice_id: UUID
) -> None:
    """As if deliver had never got this invoice: what its messages say then decides."""
    own = f"invoice_id = '{invoice_id}'"
    event = "SELECT event_id FROM route.outbox_sent WHERE routing_key = 'invoice.routed.v1' AND subject = "
    heard = f"queue = 'deliver.routed' AND event_id = ({event}'{invoice_id}')"

    async def said(grace: timedelta = timedelta(minutes=5)) -> tuple[int, list[tuple[str, str]]]:
        found = await books(database, grace)
        assert {entry.invoice_id for entry in found.entries} <= {invoice_id}
        return found.open, [(entry.problem, entry.place.why) for entry in found.entries]

    async with contextlib.AsyncExitStack() as never:
        of_it = f"delivery_id = (SELECT delivery_id FROM deliver.delivery WHERE {own})"
        handed = f"{own} AND type = 'invoice.handed_over.v1'"
        for table, where in (
            ("deliver.attempt", of_it),
            ("track.fact", handed),
            ("deliver.delivery", own),
        ):
            await never.enter_async_context(gone(admin, table, where))
        assert await said() == (2, [("lost", "delivery")]), "deliver dealt with its event and holds nothing"
        async with gone(admin, "deliver.inbox", heard):
            assert await said() == (3, []), "it is with the broker"
            assert await said(timedelta(0)) == (2, [("unaccounted", "not-taken-up")]), "since too long"
            await _a_dead_letter(admin, invoice_id, said)
            sent = f"routing_key = 'invoice.routed.v1' AND subject = '{invoice_id}'"
            async with gone(admin, "route.outbox_sent", sent):
                assert await said() == (2, [("lost", "event")]), "nobody ever told deliver"
    assert await said() == (2, [])


async def _a_dead_letter(
    admin: Connection, invoice_id: UUID, said: Callable[[], Awaitable[tuple[int, list[tuple[str, str]]]]]
) -> None:
    await admin.execute(
        "INSERT INTO deliver.dead (queue, event_id, subject, attempts, cause, detail, body)"
        f" VALUES ('deliver.routed', gen_random_uuid(), '{invoice_id}', 5, 'KeyError', '', '')"
    )
    assert await said() == (3, []), "open: a row names it"
    await admin.execute("UPDATE deliver.dead SET dropped_at = now(), dropped_by = 'anna', dropped_why = ''")
    assert await said() == (2, [("lost", "dropped")])
    await admin.execute("DELETE FROM deliver.dead")


async def _finds_what_came_twice(
    database: DatabaseSettings, admin: Connection, ids: Mapping[str, UUID]
) -> None:
    """A receipt too many counts for a mail, unless it was announced; a file has one name."""
    for name, repeated, twice in (("mailed", False, 1), ("mailed", True, 0), ("delivered", False, 0)):
        await admin.execute(
            "INSERT INTO deliver.attempt (delivery_id, number, account_id, invoice_id, outcome, repeated)"
            " SELECT delivery_id, 99, account_id, invoice_id, 'handed_over', $2 FROM deliver.delivery"
            " WHERE invoice_id = $1",
            ids[name],
            repeated,
        )
        found = await books(database)
        assert (found.duplicated, found.lost, found.unaccounted) == (twice, 0, 0), (name, repeated)
        assert [(e.invoice_id, e.problem) for e in found.entries] == [(ids[name], "duplicated")] * twice
        await admin.execute("DELETE FROM deliver.attempt WHERE number = 99")
    # A second delivery to the same receiver, which the hub's own key forbids.
    await admin.execute("DROP INDEX deliver.delivery_alive")
    async with doubled(admin, ids["delivered"]):
        found = await books(database)
        assert [(e.invoice_id, e.problem) for e in found.entries] == [(ids["delivered"], "duplicated")]
        assert (found.delivered, found.duplicated) == (2, 1)


@contextlib.asynccontextmanager
async def doubled(admin: Connection, invoice_id: UUID) -> AsyncIterator[None]:
    """Its delivery and its receipts are there once more, under another name."""
    other = uuid4()
    for table in ("delivery", "attempt"):
        await admin.execute(
            f"CREATE TEMP TABLE copy AS SELECT * FROM deliver.{table} WHERE invoice_id = '{invoice_id}'"
        )
        await admin.execute("UPDATE copy SET delivery_id = $1", other)
        if table == "delivery":
            await admin.execute("UPDATE copy SET routing = routing + 1")
        await admin.execute(f"INSERT INTO deliver.{table} SELECT * FROM copy; DROP TABLE copy")
    try:
        yield
    finally:
        for table in ("attempt", "delivery"):
            await admin.execute(f"DELETE FROM deliver.{table} WHERE delivery_id = $1", other)


async def test_it_balances_at_every_moment_while_invoices_travel(
    database: DatabaseSettings, world: World
) -> None:
    """On both transports: whatever is under way is named by somebody."""
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X), folder="x")

    async def send(n: int) -> None:
        wrong = "BR-CO-10" if n % 3 == 2 else None
        data = builders.invoice(number=f"F{n}", buyer_kvk=NOBODY if n % 3 == 1 else X, break_rule=wrong)
        reply = await world.post(supplier, (f"F{n}.xml", data))
        assert reply.status_code == 202

    sending = asyncio.gather(*(send(n) for n in range(30)))
    taken: list[Ledger] = []
    async with asyncio.timeout(PATIENCE * 3):
        while not (sending.done() and taken and _over(taken[-1])):
            world.receivers.take_away()
            taken.append(await books(database))
            assert taken[-1].entries == [], "named although it is only under way"
    await sending
    counts = [each.acknowledged for each in taken]
    assert counts == sorted(counts)
    assert (taken[-1].delivered, taken[-1].returned, taken[-1].open) == (10, 10, 10)
    assert any(each.waiting.keys() - {"route: parked"} for each in taken), "it never saw anything move"


def _over(found: Ledger) -> bool:
    return found.acknowledged == 30 and found.waiting.keys() <= {"route: parked"}


_CASES = [
    ("delivered", "ingest.invoice", "", 1, "unaccounted", "ingest", "receipt"),
    ("rejected", "ingest.invoice", "", 1, "unaccounted", "ingest", "receipt"),
    ("quarantined", "ingest.invoice", "", 1, "unaccounted", "ingest", "receipt"),
    ("parked", "ingest.invoice", "", 1, "unaccounted", "ingest", "receipt"),
    ("delivered", "ingest.repeat", "", 1, "unaccounted", "ingest", "repeat"),
    ("delivered", "validate.verdict", "", 1, "unaccounted", "validate", "verdict"),
    ("rejected", "validate.verdict", "", 1, "unaccounted", "validate", "verdict"),
    ("parked", "validate.verdict", "", 1, "unaccounted", "validate", "verdict"),
    ("delivered", "route.decision", "", 1, "unaccounted", "route", "decision"),
    ("parked", "route.decision", "", 1, "lost", "route", "decision"),
    ("parked", "route.parked", "", 1, "lost", "route", "parked-row"),
    ("same", "ingest.invoice", "", 1, "unaccounted", "ingest", "receipt"),
    ("same", "route.decision", "", 1, "unaccounted", "route", "decision"),
    ("same", "track.fact", " AND type = 'invoice.returned.v1'", 1, "unaccounted", "track", "fact"),
    ("delivered", "deliver.delivery", "", 1, "unaccounted", "deliver", "delivery"),
    ("unfit", "deliver.delivery", "", 1, "lost", "deliver", "delivery"),
    ("unfit", "deliver.parcel", "", 1, "lost", "deliver", "parcel"),
    ("mailed", "deliver.attempt", "", 1, "unaccounted", "deliver", "attempt"),
    ("delivered", "track.fact", " AND type = 'invoice.handed_over.v1'", 1, "unaccounted", "track", "fact"),
    ("rejected", "track.fact", " AND type = 'invoice.rejected.v1'", 1, "unaccounted", "track", "fact"),
    ("delivered", "track.status", "", 1, "unaccounted", "track", "status"),
    ("parked", "track.status", "", 1, "unaccounted", "track", "fact"),
]
"""Which invoice, table, more of the condition, rows; then what the ledger must say."""


async def _invoices(world: World, ids: dict[str, UUID]) -> None:
    """One of every kind."""
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X), folder="x")
    await world.receiver("Mail BV", ("0106", "55344526"))

    async def post(name: str, data: bytes) -> None:
        reply = await world.post(supplier, (f"{name}.xml", data))
        ids[name] = UUID(reply.json()["invoices"][0]["invoice_id"])

    first = builders.invoice(number="F1", buyer_kvk=X)
    await post("delivered", first)
    await post("delivered", first)
    await world.until(supplier, str(ids["delivered"]), "arrived", "sent")
    await post("same", first + b"\n")
    await post("mailed", builders.invoice(number="F2", buyer_kvk="55344526"))
    party = await world.receiver("Strict BV", ("0106", "69599068"))
    await world.connect(party, package="afas", channel="smtp", settings={}, format="nlcius")
    await post("unfit", builders.plain(number="F7", buyer_kvk="69599068", payment_means=None))
    await post("rejected", builders.invoice(number="F3", buyer_kvk=X, break_rule="BR-CO-10"))
    await post("parked", builders.invoice(number="F4", buyer_kvk=NOBODY))
    mailed = await world.mail(supplier, ("loose.pdf", builders.pdf("F5")))
    ids["quarantined"] = UUID(mailed["loose.pdf"]["invoice_id"])
    await post("returned", builders.invoice(number="F6", buyer_kvk=NOBODY))
    await world.until(supplier, str(ids["returned"]), "parked")
    reply = await world.http.post(f"/v1/parked/{ids['returned']}/return", headers=supplier.headers)
    assert reply.status_code == 200
    await world.until(supplier, str(ids["delivered"]), "arrived")
    for name, status in (
        ("mailed", "sent"),
        ("unfit", "parked"),
        ("rejected", "rejected"),
        ("returned", "returned"),
        ("same", "duplicate"),
    ):
        await world.until(supplier, str(ids[name]), status)
