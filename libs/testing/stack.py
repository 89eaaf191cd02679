"""Finds or starts the two servers tests need, and says which it uses.

===  ===========================  ==================================  ==================================
\\    way                          Postgres                            RabbitMQ
===  ===========================  ==================================  ==================================
1    given                        ``POSTBODE_TEST_DATABASE_URL``      ``POSTBODE_TEST_AMQP_URL``
2    container engine with        testcontainers                      testcontainers
     the image
3    installed programs           ``pg_ctl`` on PATH, Debian's        ``rabbitmq-server``
4    root on Debian               ``apt-get install postgresql``      ``apt-get install rabbitmq-server``
5    otherwise                    the embedded Postgres' wheel        an error that names these ways
===  ===========================  ==================================  ==================================

What is started here has its own ports and folders and goes away afterwards, whatever happens to the
process that asked. A *private* server (for tests that break it) skips the first way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from libs.errors import HubError
from libs.testing.machine import docker_answers, docker_lacks, install, may_install
from libs.testing.postgres import IMAGE as POSTGRES_IMAGE
from libs.testing.postgres import (
    BinaryPostgres,
    ContainerPostgres,
    GivenPostgres,
    Postgres,
    install_package,
    local_binaries,
)
from libs.testing.rabbitmq import IMAGE as RABBITMQ_IMAGE
from libs.testing.rabbitmq import ContainerRabbitMQ, GivenRabbitMQ, PrivateRabbitMQ, RabbitMQ, local_server

DATABASE_URL = "POSTBODE_TEST_DATABASE_URL"
AMQP_URL = "POSTBODE_TEST_AMQP_URL"
MANAGEMENT_URL = "POSTBODE_TEST_AMQP_MANAGEMENT_URL"


class NoBroker(HubError):
    """No RabbitMQ can be found or started here. Any of these helps: (1) set POSTBODE_TEST_AMQP_URL to one
    with the management plugin; (2) start a container engine such as Docker; (3) install rabbitmq-server;
    (4) run as root on Debian or Ubuntu, so that it can be installed."""

    slug = "no-broker"

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


@contextmanager
def postgres(*, private: bool = False, durable: bool = False) -> Iterator[Postgres]:
    """A running Postgres. ``durable`` keeps ``fsync`` on and the data on a disk, as in production (benches)."""
    found = _postgres(private=private, durable=durable)
    _say(found.says)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def rabbitmq(*, private: bool = False, durable: bool = False) -> Iterator[RabbitMQ]:
    """A running RabbitMQ with its management API. ``durable`` keeps its data on a disk. Raises ``NoBroker``."""
    found = _rabbitmq(private=private, durable=durable)
    _say(found.says)
    try:
        yield found
    finally:
        found.close()


def plan() -> str:
    """Which servers would be used, in one line; starts, fetches and installs nothing."""
    if DATABASE_URL in os.environ:
        database = DATABASE_URL
    elif docker_answers():
        database = "container, if its image can be had"
    elif (binaries := local_binaries()) is not None:
        database = str(binaries)
    else:
        database = "Debian package" if may_install() else "wheel"
    if AMQP_URL in os.environ:
        broker = AMQP_URL
    elif docker_answers():
        broker = "container, if its image can be had"
    elif (server := local_server()) is not None:
        broker = str(server)
    else:
        broker = "Debian package" if may_install() else "none to be found"
    return f"Postgres: {database}; RabbitMQ: {broker} (started when a test first asks)"


def _postgres(*, private: bool, durable: bool) -> Postgres:
    if not private and DATABASE_URL in os.environ:
        return GivenPostgres(os.environ[DATABASE_URL], DATABASE_URL)
    if _container(POSTGRES_IMAGE):
        return ContainerPostgres(private=private, durable=durable)
    if (binaries := local_binaries()) is not None:
        return BinaryPostgres(binaries, str(binaries), durable=durable)
    if may_install() and (binaries := install_package()) is not None:
        return BinaryPostgres(binaries, "Debian's package, just installed", durable=durable)
    return BinaryPostgres(None, "a Python wheel", durable=durable)


def _rabbitmq(*, private: bool, durable: bool) -> RabbitMQ:
    if not private and AMQP_URL in os.environ:
        url = os.environ[AMQP_URL]
        return GivenRabbitMQ(url, os.environ.get(MANAGEMENT_URL) or _usual_management(url), AMQP_URL)
    if _container(RABBITMQ_IMAGE):
        return ContainerRabbitMQ(private=private, durable=durable)
    if (server := local_server()) is not None:
        return PrivateRabbitMQ(server, durable=durable)
    if may_install() and install("rabbitmq-server") and (server := local_server()) is not None:
        return PrivateRabbitMQ(server, durable=durable)
    raise NoBroker


def _container(image: str) -> bool:
    """Whether there is an engine with this image. One without it is told of, and the next way is tried."""
    if not docker_answers():
        return False
    if why := docker_lacks(image):
        _say(f"{why}; going on without containers")
    return why is None


def _usual_management(amqp_url: str) -> str:
    """The management API of a broker where it usually is: the same login, port 15672."""
    parts = urlsplit(amqp_url)
    login = f"{parts.username or 'guest'}:{parts.password or 'guest'}"
    return f"http://{login}@{parts.hostname or 'localhost'}:15672"


def _say(line: str) -> None:
    listener(line)


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"postbode: {line}\n")


listener: Callable[[str], None] = _to_stderr
"""Who hears which server is used; pytest's plugin puts its own here."""
