"""What must hold before a process should get work.

The broker is asked after only where nothing is taken in over HTTP: while it is away, intake goes on into the
outbox, and a load balancer that took us out then would stop it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libs.contracts.topology import TOPOLOGY
from libs.db.migrate import Migrations
from libs.errors import Unavailable
from libs.http.health import Check
from libs.messaging import QueueMissing
from libs.service import Resources, Service


class MigrationsMissing(Unavailable):
    """The database is older than this release: run the migrate step."""

    slug = "migrations-missing"


def checks(services: Sequence[Service], resources: Resources, *, intake: bool) -> Mapping[str, Check]:
    """The named checks of a process that runs these services; ``intake``: it serves HTTP."""
    named: dict[str, Check] = {}
    schemas = [service.migrations for service in services if service.migrations is not None]
    if schemas:
        named["database"] = _database(resources, schemas[0])
        named["migrations"] = _migrated(resources, schemas)
    if not intake:
        named["broker"] = _broker(resources, services)
    return named


def _database(resources: Resources, migrations: Migrations) -> Check:
    async def check() -> None:
        pool = await resources.pools.get(migrations.schema, "worker")
        await pool.execute("SELECT 1")

    return check


def _migrated(resources: Resources, schemas: Sequence[Migrations]) -> Check:
    """Every ``pre`` file is applied; ``post`` files may wait until the old release is gone. Asked until it
    holds: what is applied stays applied."""
    waiting = list(schemas)

    async def check() -> None:
        for migrations in list(waiting):
            pool = await resources.pools.get(migrations.schema, "worker")
            applied = {row["name"] for row in await pool.fetch("SELECT name FROM migration")}
            missing = [name for name, _ in migrations.files() if "_pre_" in name and name not in applied]
            if missing:
                raise MigrationsMissing(f"{migrations.schema}: {', '.join(missing)}")
            waiting.remove(migrations)

    return check


def _broker(resources: Resources, services: Sequence[Service]) -> Check:
    names = {service.name for service in services}
    queues = [queue.name for queue in TOPOLOGY.queues if queue.service in names]

    async def check() -> None:
        # Also with no queue of its own, a relay needs the broker: then any queue will do to ask.
        missing = await resources.transport.missing(queues or [TOPOLOGY.queues[0].name])
        if missing:
            raise QueueMissing(", ".join(missing))

    return check
