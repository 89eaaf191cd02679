"""How fast a receiver is found in a directory of a million parties.

Fills a Postgres of its own (fsync on) with that directory and with pairs of senders and receivers that were seen before,
then measures in a process of its own, as ``route`` runs with shipped settings::

    make bench-route
    make bench-route ARGS="--parties 100000 --invoices 4000"

==================  ===========================================================================================
``decision_us``     the pure decision about one invoice, microseconds of processor time (mean, nothing remembered)
``invoices_per_s``  through the handler, decoding to commit, in batches of 200, without a broker; median of stretches
``peak_rss_mb``     the most memory that process took
``bulk_load_s``     ``postbode parties load`` of a CSV of 100,000 parties nobody has, as a process of its own
==================  ===========================================================================================

Of a hundred invoices ninety go to a receiver their sender has sent to before, eight to one it has not and whose name
agrees; two name a number nobody has and are parked. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import uvloop

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceValidated
from libs.contracts.parts import DocumentRef, Identifier, InvoiceSummary, PartyFacts, ReceiverCandidate
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings, database_of
from libs.messaging.batch import Batch
from libs.messaging.pack import Unread, unpack
from libs.messaging.transport import Message
from libs.process import spare_the_collector
from libs.settings import load
from libs.telemetry.setup import configure
from libs.testing import stack
from libs.testing.databases import Databases, present
from services.route.handlers import Validated
from services.route.settings import RouteSettings

BATCH = 200
SENDERS = 1000
CUSTOMERS = 200
"""Receivers each sender is known to send to."""
_TRADES = (
    "Bakkerij",
    "Schildersbedrijf",
    "Transport",
    "Adviesbureau",
    "Drukkerij",
    "Installatie",
    "Bloemen",
    "Garage",
)
_NAMES = (
    "Visser",
    "Smit",
    "Mulder",
    "Dekker",
    "Brouwer",
    "Kuiper",
    "Molenaar",
    "Timmerman",
    "Hoekstra",
    "Willems",
)


_SELLER = PartyFacts(
    name="Leverancier BV", identifiers=(Identifier(scheme="0106", value="58070036"),), country="NL"
)


def party_id(n: int) -> UUID:
    return UUID(f"{0x01900000_0000 + n:012x}70008000000000000000")


def sender_id(n: int) -> UUID:
    return UUID(int=(1 << 127) + n)


def kvk(n: int) -> str:
    """Spread over all eight digits, each once: the factor has none in common with 10."""
    return f"{n * 48_271_367 % 100_000_000:08}"


def numbers(n: int) -> list[tuple[str, str]]:
    """A KvK number and, seven in ten, a VAT number."""
    return [("0106", kvk(n)), ("9944", f"NL{n:09}B01")][: 2 if n % 10 < 7 else 1]


def name(n: int) -> str:
    return f"{_TRADES[n % 8]} {_NAMES[n // 8 % 10]} {n} B.V."


def address(n: int) -> dict[str, str]:
    return {
        "address_line_1": f"Industrieweg {n}",
        "city": "Alphen aan den Rijn",
        "post_code": f"{1000 + n % 9000} AB",
        "country_code": "NL",
        "said_by": "operator",
    }


def customer(sender: int, which: int, parties: int) -> int:
    """A party this sender is known to send to."""
    return (sender * CUSTOMERS + which) * 7919 % parties


async def fill(url: str, parties: int) -> float:
    """The parties, and pairs that were seen before, as autovacuum leaves them; returns the seconds it took."""
    began = time.monotonic()
    conn = await asyncpg.connect(url)
    try:
        # These rows point only to each other: looking every one up would be most of the time.
        await conn.execute(
            "SET session_replication_role = replica; SET search_path = route; SET synchronous_commit = off"
        )
        await conn.copy_records_to_table(
            "party",
            columns=(
                "party_id",
                "owner_account",
                "name",
                "email",
                "status",
                "post_codes",
                "addresses",
                "keys",
            ),
            records=(
                (
                    party_id(n),
                    UUID(int=0),
                    name(n),
                    f"facturen@b{n}.example",
                    "confirmed",
                    [f"{1000 + n % 9000} AB"],
                    json.dumps([address(n)]),
                    [f"{scheme}:{value}" for scheme, value in numbers(n)],
                )
                for n in range(parties)
            ),
        )
        await conn.copy_records_to_table(
            "identifier",
            columns=("party_id", "scheme", "value", "owner_account", "confirmed"),
            records=(
                (party_id(n), scheme, value, UUID(int=0), True)
                for n in range(parties)
                for scheme, value in numbers(n)
            ),
        )
        pairs = {(s, customer(s, which, parties)) for s in range(SENDERS) for which in range(CUSTOMERS)}
        await conn.copy_records_to_table(
            "pair",
            columns=("account_id", "party_id", "how", "invoice_id"),
            records=((sender_id(s), party_id(p), "corroborated", UUID(int=0)) for s, p in pairs),
        )
        # A row whose commit is not on the disk yet is marked by no VACUUM: every look at an index would go to it.
        for command in ("CHECKPOINT", "VACUUM (ANALYZE) party, identifier, pair", "CHECKPOINT"):
            await conn.execute(command)
    finally:
        await conn.close()
    return time.monotonic() - began


def invoices(parties: int, seed: int = 1) -> Iterator[Event]:
    """As validate tells of them, without end."""
    chance = random.Random(seed)
    while True:
        sender = chance.randrange(SENDERS)
        kind = chance.randrange(100)
        to = (
            customer(sender, chance.randrange(CUSTOMERS), parties) if kind < 90 else chance.randrange(parties)
        )
        number = Identifier(
            scheme="0106", value=kvk(to if kind < 98 else parties + chance.randrange(parties))
        )
        vat = Identifier(scheme="9944", value=f"NL{to:09}B01")
        # A first invoice agrees by name alone, the dearest way: its VAT number is one nobody entered.
        second = vat if kind < 90 else Identifier(scheme="9944", value="NL999999999B99")
        candidates = (
            ReceiverCandidate(
                identifier=number, path="/Invoice/AccountingCustomerParty/Party/PartyLegalEntity/CompanyID"
            ),
            ReceiverCandidate(identifier=number, path="/Invoice/AccountingCustomerParty/Party/EndpointID"),
            ReceiverCandidate(
                identifier=second, path="/Invoice/AccountingCustomerParty/Party/PartyTaxScheme/CompanyID"
            ),
        )
        account, invoice_id = sender_id(sender), clock.uuid7()
        summary = InvoiceSummary(
            number=f"2026-{chance.randrange(10**6)}",
            issue_date=date(2026, 11, 21),
            type_code="380",
            currency="EUR",
            payable=Decimal("1210.00"),
            seller=_SELLER,
            buyer=PartyFacts(name=name(to), identifiers=(number, second), country="NL", post_code="1234 AB"),
            candidates=candidates,
        )  # fmt: skip
        original = DocumentRef(
            document_id=invoice_id,
            sha256="a" * 64,
            size=17_000,
            media_type="application/xml",
            filename="factuur.xml",
        )
        data = InvoiceValidated(
            invoice_id=invoice_id,
            account_id=account,
            sequence=1,
            rule_pack="nlcius-1.0.3",
            original=original,
            summary=summary,
        )
        yield new_event(data, source="/postbode/validate", account=account, time=datetime.now(UTC))


def packs(parties: int) -> Iterator[bytes]:
    """Messages as they come from the broker."""
    endless = invoices(parties)
    while True:
        yield b"[" + b",".join(next(endless).encode() for _ in range(BATCH)) + b"]"


async def measure(settings: RouteSettings, parties: int, count: int) -> dict[str, float]:
    """In a process of its own: the worker's."""
    pools = Pools(database_of(settings))
    worker = await pools.get("route", "worker")
    handler = Validated(worker)
    batch = Batch(handler, worker, transport="memory")
    made = packs(parties)
    spare_the_collector()
    decision = await _decision(handler, made)
    await batch.handle(_read(next(made)))
    speeds = []
    for _ in range(max(5, count // BATCH // 10)):
        bodies = [next(made) for _ in range(10)]
        began = time.perf_counter()
        for body in bodies:
            await batch.handle(_read(body))
        speeds.append(10 * BATCH / (time.perf_counter() - began))
    await pools.close()
    return {
        "decision_us": round(decision, 1),
        "invoices_per_s": round(statistics.median(speeds)),
        "slowest": round(min(speeds)),
        "fastest": round(max(speeds)),
        "peak_rss_mb": round(_peak_mb(), 1),
    }


async def _decision(handler: Validated, made: Iterator[bytes]) -> float:
    """Microseconds of processor time for one, all else at hand."""
    taken = 0.0
    for _ in range(20):
        events = [unread.read() for unread in _read(next(made))]
        known = await handler.gather(events)
        began = time.process_time()
        for event in events:
            handler.decide(event, known)
        taken += time.process_time() - began
    return taken / 20 / BATCH * 1e6


def _read(body: bytes) -> list[Unread]:
    return unpack(
        Message(exchange="invoice.events", routing_key=InvoiceValidated.type, body=body, message_id="bench")
    )


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def load_file(database: DatabaseSettings, parties: int, count: int, folder: Path) -> float:
    """Seconds of the whole command."""
    file = folder / "klanten.csv"
    with file.open("w", encoding="cp1252") as out:
        out.write("naam;kvk;gln;e-mail;adres;postcode;plaats\n")
        for n in range(parties, parties + count):
            where = address(n)
            out.write(
                f"Café {name(n)};{kvk(n)};;facturen@b{n}.example;{where['address_line_1']};{where['post_code']};"
                f"{where['city']}\n"
            )
    command = [sys.executable, "-m", "services.cli", "parties", "load", str(file), "--json"]
    began = time.monotonic()
    done = subprocess.run(command, env=_environment(database), stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - began
    assert json.loads(done.stdout.splitlines()[-1])["added"] == count
    return seconds


def _environment(database: DatabaseSettings) -> dict[str, str]:
    return os.environ | {"POSTBODE_DATABASE_URL": database.url, "POSTBODE_SECRET": database.secret}


async def main(parties: int, count: int, loaded: int) -> None:
    with stack.postgres(private=True, durable=True) as server:
        database = await Databases(server.url, present()).fresh()
        filled = await fill(database.url, parties)
        print(f"{parties} parties in {filled:.0f} s", flush=True)
        command = [sys.executable, "-m", "tests.bench.route", "--worker"]
        command += ["--parties", str(parties), "--invoices", str(count)]
        done = await asyncio.to_thread(
            subprocess.run, command, env=_environment(database), stdout=subprocess.PIPE, check=True, text=True
        )
        figures = json.loads(done.stdout.splitlines()[-1])
        with tempfile.TemporaryDirectory() as folder:
            seconds = await asyncio.to_thread(load_file, database, parties, loaded, Path(folder))
        print(
            json.dumps(
                figures
                | {
                    "bulk_load_s": round(seconds, 1),
                    "loaded": loaded,
                    "parties": parties,
                    "fill_s": round(filled, 1),
                    "postgres": server.says,
                    "cpus": os.cpu_count(),
                    "load": round(os.getloadavg()[0], 1),
                }
            )
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parties", type=int, default=1_000_000)
    parser.add_argument("--invoices", type=int, default=20_000)
    parser.add_argument("--load", type=int, default=100_000)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        settings = load(RouteSettings)
        configure("route", settings)
        print(json.dumps(uvloop.run(measure(settings, given.parties, given.invoices))))
    else:
        asyncio.run(main(given.parties, given.invoices, given.load))
