"""What every test may ask for. Servers start when the first test asks, never before."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator

import hypothesis
import pytest
import structlog

from libs.db.settings import DatabaseSettings
from libs.messaging.transport import Transport
from libs.testing import stack
from libs.testing.ahead import Ahead
from libs.testing.databases import Databases, present
from libs.testing.postgres import Postgres
from libs.testing.probes import can_publish
from libs.testing.rabbitmq import RabbitMQ

pytest_plugins = ("libs.testing.tiers", "libs.testing.trace")

_used: list[str] = []
_vhosts = itertools.count(1)


def pytest_report_header() -> str:
    return stack.plan()


def pytest_configure() -> None:
    stack.listener = _used.append
    # Tracebacks in colours, with the variables of every frame, are most of the work of a hub whose servers are away.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    # What hangs is stopped; what is merely slow is the machine's doing, and tiers have budgets of their own.
    hypothesis.settings.register_profile("any machine", deadline=20_000)
    hypothesis.settings.load_profile("any machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _used:
        terminalreporter.write_line(f"used: {line}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's Postgres. To break one, take ``stack.postgres(private=True)``."""
    with stack.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """The administrator's URL of the session's Postgres."""
    return postgres.url


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Iterator[Databases]:
    """Makes databases: ``await databases.fresh()``."""
    found = Databases(postgres_url, present())
    yield found
    asyncio.run(found.close())


@pytest.fixture(scope="session")
def spare_databases(databases: Databases) -> Iterator[Ahead[DatabaseSettings]]:
    spare = Ahead(lambda: asyncio.run(databases.fresh()), lambda used: asyncio.run(databases.drop(used)))
    yield spare
    spare.close()


@pytest.fixture
def database(spare_databases: Ahead[DatabaseSettings]) -> Iterator[DatabaseSettings]:
    """A database of the test's own, with every schema."""
    settings = spare_databases.take()
    yield settings
    spare_databases.give_back(settings)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """The session's RabbitMQ. To break one, take ``breakable_broker``."""
    with stack.rabbitmq() as server:
        yield server


@pytest.fixture(scope="session")
def breakable_broker() -> Iterator[RabbitMQ]:
    """A broker that tests may stop, kill and wipe; gone afterwards."""
    with stack.rabbitmq(private=True) as broker:
        yield broker
    assert not asyncio.run(can_publish(broker.url))


@pytest.fixture(scope="session")
def spare_vhosts(rabbitmq: RabbitMQ) -> Iterator[Ahead[str]]:
    def make() -> str:
        name = f"test-{os.getpid()}-{next(_vhosts)}"
        rabbitmq.management.make_vhost(name)
        return name

    spare = Ahead(make, rabbitmq.management.drop_vhost)
    yield spare
    spare.close()


@pytest.fixture
def amqp_url(rabbitmq: RabbitMQ, spare_vhosts: Ahead[str]) -> Iterator[str]:
    """The URL of a virtual host of the test's own, empty."""
    name = spare_vhosts.take()
    yield f"{rabbitmq.url.rsplit('/', 1)[0]}/{name}"
    spare_vhosts.give_back(name)


@pytest.fixture(params=["memory", "amqp"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """Each transport in turn, started, with nothing declared."""
    started: Transport
    if request.param == "memory":
        from libs.messaging.memory import MemoryTransport

        started = MemoryTransport()
    else:
        from libs.messaging.amqp import AmqpTransport

        started = AmqpTransport(request.getfixturevalue("amqp_url"))
    await started.start()
    yield started
    await started.stop()
