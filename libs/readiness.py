"""What must hold before a process should get work. ``postbode doctor`` asks the same and says it in words.

The broker is asked after only where nothing is taken in over HTTP: while it is away, intake goes on into the
outbox, and a load balancer that took us out then would stop it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from libs.contracts.topology import TOPOLOGY, Queue
from libs.db.applied import Schema
from libs.db.migrate import Migrations
from libs.db.types import Pool
from libs.errors import Unavailable
from libs.http.health import Check
from libs.messaging import QueueMissing, Transport
from libs.service import Part, Resources, Service

_WRITABLE = "SELECT NOT (pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean)"


class DatabaseReadOnly(Unavailable):
    """The database takes nothing in: it is a standby, or read-only. Is POSTBODE_DATABASE_URL that of the primary?"""

    slug = "database-read-only"
    dutch = "De database neemt niets aan: het is een standby of alleen-lezen. Wijst POSTBODE_DATABASE_URL naar de primary?"


class QueueDiffers(Unavailable):
    """A queue is not declared as this release wants it: what it holds could get lost. Empty it, delete it, run migrate."""

    slug = "queue-differs"
    dutch = (
        "Een queue is anders aangemaakt dan deze versie wil; daaruit kan iets verloren gaan. Leeg haar, verwijder haar, "
        "draai migrate."
    )


def checks(services: Sequence[Service], resources: Resources, parts: Collection[Part]) -> Mapping[str, Check]:
    """The named checks of a process that runs these parts of these services."""
    named: dict[str, Check] = {}
    schemas = [service.migrations for service in services if service.migrations is not None]
    if schemas:
        named["database"] = _database(resources, schemas[0])
        named["migrations"] = _migrated(resources, schemas)
    if "api" not in parts:
        named["broker"] = _broker(resources, services)
    for service in services:
        for part in sorted(parts):
            named |= service.checks.get(part, {})
    return named


async def writable(pool: Pool) -> None:
    """Raises ``DatabaseReadOnly``, and asyncpg's errors when it is away."""
    if not await pool.fetchval(_WRITABLE):
        raise DatabaseReadOnly


async def queues_as_wanted(transport: Transport, queues: Sequence[Queue]) -> None:
    """Raises ``QueueMissing`` or ``QueueDiffers``, which name them, and ``TransportAway``."""
    missing = await transport.missing([queue.name for queue in queues])
    if missing:
        names = ", ".join(missing)
        raise QueueMissing(
            f"missing: {names}: run the migrate step", nl=f"ontbreekt: {names}: draai de stap migrate"
        )
    differing = await transport.differing(queues)
    if differing:
        names = "; ".join(differing)
        raise QueueDiffers(f"{QueueDiffers.__doc__} ({names})", nl=f"{QueueDiffers.dutch} ({names})")


def _database(resources: Resources, migrations: Migrations) -> Check:
    async def check() -> None:
        await writable(await resources.pools.get(migrations.schema, "worker"))

    return check


def _migrated(resources: Resources, migrations: Sequence[Migrations]) -> Check:
    """Every ``pre`` file is applied, and no ``post`` file of a newer release; those of this one may wait until the old
    release is gone. Asked anew each time: a newer release may come while this one runs."""
    schemas = [Schema(each) for each in migrations]

    async def check() -> None:
        for schema in schemas:
            (await schema.look(await resources.pools.get(schema.name, "worker"))).insist(schema.name)

    return check


def _broker(resources: Resources, services: Sequence[Service]) -> Check:
    names = {service.name for service in services}
    # Also with no queue of its own, a relay needs the broker: then any queue will do to ask.
    queues = [queue for queue in TOPOLOGY.queues if queue.service in names] or [TOPOLOGY.queues[0]]
    known: set[str] = set()

    async def check() -> None:
        # How a queue was declared cannot change while it exists; one that is gone is seen, and looked at anew.
        new = [queue for queue in queues if queue.name not in known]
        known.clear()
        await queues_as_wanted(resources.transport, new)
        missing = await resources.transport.missing([queue.name for queue in queues])
        if missing:
            raise QueueMissing(", ".join(missing))
        known.update(queue.name for queue in queues)

    return check
