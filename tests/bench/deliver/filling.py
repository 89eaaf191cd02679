"""Deliveries as routing decisions leave them, with documents of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from libs import clock
from libs.contracts.parts import Identifier, InvoiceSummary, PartyFacts, Receiver
from libs.db.types import Pool
from libs.documents.postgres import PostgresDocuments
from libs.documents.store import NewDocument, ref
from libs.einvoice import convert
from libs.keyring import KeyRing
from libs.testing import builders
from services.deliver import plan, store
from services.deliver.parcel import Parcel, Refused
from services.deliver.receivers import connections, credentials
from services.deliver.store import Planned
from tests.integration.deliver.serving import Serving

ACCOUNT = UUID(int=0xA)
BATCH = 200


@dataclass(frozen=True, slots=True)
class Papers:
    """One invoice of ten lines, and its page."""

    xml: bytes
    pdf: bytes

    @classmethod
    def made(cls) -> Papers:
        xml = builders.invoice(lines=10)
        (page,) = convert.convert(xml, "pdf")
        return cls(xml, page.data)


def receivers(count: int, domain: str = "") -> list[Receiver]:
    """By mail; each at a domain of its own, or all at ``domain``."""
    return [
        Receiver(
            party_id=clock.uuid7(),
            name=f"Ontvanger {n} B.V.",
            identifier=Identifier(scheme="0106", value=f"{n:08}"),
            email=f"in{n}@{domain or f'r{n}.example'}",
        )
        for n in range(count)
    ]


async def in_folders(pool: Pool, count: int) -> list[Receiver]:
    """Receivers whose Globe reads a folder of their own, which nobody had before."""
    found = receivers(count)
    for each in found:
        settings = {"folder": each.party_id.hex}
        await connections.connect(pool, each.party_id, None, "globe", "folder", settings)
    return found


async def pushed(pool: Pool, keys: KeyRing, urls: Sequence[str]) -> list[Receiver]:
    """Receivers whose invoices are pushed to these addresses."""
    found = receivers(len(urls))
    for each, url in zip(found, urls, strict=True):
        await connections.connect(pool, each.party_id, None, "other", "https", {"url": url})
        async with pool.acquire() as conn, conn.transaction():
            await credentials.put(conn, keys, each.party_id, "webhook", bytes(32))
    return found


async def afar(pool: Pool, keys: KeyRing, server: Serving, count: int) -> list[Receiver]:
    """Receivers whose folders are on this server, a folder each."""
    found = receivers(count)
    for n, each in enumerate(found):
        (server.root / f"r{n}").mkdir(exist_ok=True)
        settings = {**server.settings, "folder": f"r{n}"}
        await connections.connect(pool, each.party_id, None, "globe", "sftp", settings)
        async with pool.acquire() as conn, conn.transaction():
            await credentials.put(conn, keys, each.party_id, "sftp", server.client_key.export_private_key())
    return found


async def fetching(pool: Pool, account: UUID, count: int) -> list[Receiver]:
    """Receivers for which this account fetches."""
    found = receivers(count)
    for each in found:
        await connections.connect(pool, each.party_id, account, "other", "pull", {})
    return found


async def enter(pool: Pool, to: Sequence[Receiver], count: int, papers: Papers, *, page: bool = True) -> None:
    """``count`` deliveries, over the receivers in turn; with ``page`` the sender gave one, else the hub makes it."""
    known = await connections.current(pool, [each.party_id for each in to])
    left = count
    numbers = iter(range(count))
    while left:
        some = min(BATCH, left)
        left -= some
        documents, planned = [], []
        for n in (next(numbers) for _ in range(some)):
            own, one = _one(to[n % len(to)], known.get(to[n % len(to)].party_id), n, papers, page=page)
            documents += own
            planned.append(one)
        async with pool.acquire() as conn, conn.transaction():
            await PostgresDocuments(pool).put(conn, ACCOUNT, documents)
            await store.enter(conn, planned)


def _one(
    to: Receiver, connection: plan.Connection | None, n: int, papers: Papers, *, page: bool
) -> tuple[list[NewDocument], Planned]:
    way = plan.way_to(ACCOUNT, to, connection)
    if isinstance(way, Refused):
        raise TypeError(way.code)
    original = NewDocument(clock.uuid7(), papers.xml, "application/xml")
    pdf = NewDocument(clock.uuid7(), papers.pdf, "application/pdf") if page else None
    parcel = Parcel(
        receiver=to,
        original=ref(original, "F1.xml"),
        pdf=ref(pdf, "F1.pdf") if pdf else None,
        summary=InvoiceSummary(
            number=f"2026-{n:05}",
            issue_date=date(2026, 11, 2),
            currency="EUR",
            payable=Decimal("1234.50"),
            seller=PartyFacts(name="Bakker Bouwmaterialen BV"),
        ),
        settings=dict(way.settings),
        connection_id=connection.connection_id if connection else None,
        package=connection.package if connection else None,
    )
    return [original, *([pdf] if pdf else [])], Planned(
        delivery_id=clock.uuid7(),
        invoice_id=clock.uuid7(),
        account_id=ACCOUNT,
        routing=1,
        channel=way.channel,
        lane=way.lane,
        parcel=parcel,
        refused=None,
        correlation=None,
        traceparent=None,
        sold=False,
    )


def taken(root: Path) -> Iterator[str]:
    """The e-invoices that lie in folders."""
    return (path.name for path in root.glob("*/*.xml"))
