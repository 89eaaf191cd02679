"""The published RabbitMQ definitions make the very topology that ``migrate`` makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libs.contracts.export import DEFINITIONS
from libs.contracts.topology import TOPOLOGY
from libs.db.settings import DatabaseSettings
from libs.testing.rabbitmq import RabbitMQ
from tests.integration.runtime.test_process import environment, finished

ROOT = Path(__file__).parents[3]


def topology_of(rabbitmq: RabbitMQ, vhost: str) -> dict[str, list[str]]:
    """What the broker itself exports, in an order of its own: made comparable."""
    found: dict[str, Any] = dict(rabbitmq.management.definitions(vhost))
    kinds = ("exchanges", "queues", "bindings", "policies")
    return {kind: sorted(json.dumps(each, sort_keys=True) for each in found[kind]) for kind in kinds}


@pytest.fixture
def imported(amqp_url: str, rabbitmq: RabbitMQ) -> str:
    """The virtual host of ``amqp_url`` with the published file imported, twice. Only the name of the virtual
    host is changed: a broker that was given to the tests keeps its own."""
    vhost = amqp_url.rsplit("/", 1)[1]
    published = json.loads((ROOT / DEFINITIONS).read_text("utf-8"))
    assert published.pop("vhosts") == [{"name": "/"}]
    for objects in published.values():
        for each in objects:
            assert each["vhost"] == "/"
            each["vhost"] = vhost
    for _ in range(2):
        rabbitmq.management.import_definitions({"vhosts": [{"name": vhost}], **published})
    return vhost


async def test_an_import_makes_what_migrate_makes(
    imported: str, amqp_url: str, rabbitmq: RabbitMQ, database: DatabaseSettings
) -> None:
    from_file = topology_of(rabbitmq, imported)
    assert len(from_file["queues"]) == 2 * len(TOPOLOGY.queues)
    other = f"{imported}-migrated"
    rabbitmq.management.make_vhost(other)
    try:
        env = environment(database, f"{amqp_url}-migrated")
        code, _, log = await finished("migrate", env)
        assert code == 0, log
        assert topology_of(rabbitmq, other) == from_file
    finally:
        rabbitmq.management.drop_vhost(other)


async def test_migrate_agrees_with_what_was_imported(
    imported: str, amqp_url: str, rabbitmq: RabbitMQ, database: DatabaseSettings
) -> None:
    """RabbitMQ refuses to declare a queue again with other arguments."""
    before = topology_of(rabbitmq, imported)
    code, _, log = await finished("migrate", environment(database, amqp_url))
    assert code == 0, log
    assert topology_of(rabbitmq, imported) == before
