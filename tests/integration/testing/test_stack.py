"""Which servers the tests get, and that they share none of their contents."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aio_pika
import pytest

from libs.testing import machine, stack
from libs.testing.machine import NotOurs
from libs.testing.probes import can_ask, can_publish
from libs.testing.rabbitmq import RabbitMQ


async def test_virtual_hosts_keep_tests_apart(rabbitmq: RabbitMQ, amqp_url: str) -> None:
    assert await can_publish(amqp_url)
    async with await aio_pika.connect(rabbitmq.url) as connection:
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await (await connection.channel()).declare_queue("probe", passive=True)


def test_a_given_server_is_used_and_never_stopped(
    postgres_url: str, rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stack.DATABASE_URL, postgres_url)
    monkeypatch.setenv(stack.AMQP_URL, rabbitmq.url)
    monkeypatch.setenv(stack.MANAGEMENT_URL, rabbitmq.management.url)
    with stack.postgres() as postgres, stack.rabbitmq() as broker:
        assert stack.DATABASE_URL in postgres.says
        assert stack.AMQP_URL in broker.says
        for breaks in (postgres.stop, postgres.restart, broker.stop, broker.restart, broker.wipe):
            with pytest.raises(NotOurs):
                breaks()
    assert asyncio.run(can_ask(postgres_url))
    assert rabbitmq.management.ready()


def test_the_wheel_will_do_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(stack.DATABASE_URL, raising=False)
    monkeypatch.setattr(stack, "docker_answers", lambda: False)
    monkeypatch.setattr(stack, "local_binaries", lambda: None)
    monkeypatch.setattr(stack, "may_install", lambda: False)
    with stack.postgres() as server:
        assert "wheel" in server.says
        assert asyncio.run(can_ask(server.url))


def test_a_private_postgres_is_stopped_started_and_keeps_its_data() -> None:
    with stack.postgres(private=True) as server:
        assert asyncio.run(can_ask(server.url))
        server.stop("immediate")
        assert not asyncio.run(can_ask(server.url))
        server.start()
        assert asyncio.run(can_ask(server.url))
    assert not asyncio.run(can_ask(server.url))


def test_no_broker_at_all_is_an_error_that_names_the_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(stack.AMQP_URL, raising=False)
    monkeypatch.setattr(stack, "docker_answers", lambda: False)
    monkeypatch.setattr(stack, "local_server", lambda: None)
    monkeypatch.setattr(stack, "may_install", lambda: False)
    ways = r"POSTBODE_TEST_AMQP_URL.*Docker.*rabbitmq-server.*root"
    with pytest.raises(stack.NoBroker, match=ways), stack.rabbitmq():
        pass


class _Poor(BaseHTTPRequestHandler):
    """A container engine without images and without a way to any registry (Docker Engine API 1.41)."""

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer(200, {"ApiVersion": "1.41"})
        elif self.path.endswith("/_ping"):
            self._answer(200, {})
        else:
            self._answer(404, {"message": "no such image"})

    def do_POST(self) -> None:
        self._answer(500, {"message": "no route to the registry"})

    def log_message(self, *_: object) -> None: ...

    def _answer(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def poor_engine() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Poor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_engine_without_the_image_is_told_of_and_the_next_way_is_tried(
    poor_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(stack.DATABASE_URL, raising=False)
    monkeypatch.setenv("DOCKER_HOST", poor_engine)
    said: list[str] = []
    monkeypatch.setattr(stack, "listener", said.append)
    machine.docker_lacks.cache_clear()
    try:
        with stack.postgres(private=True) as server:
            assert "container" not in server.says
            assert asyncio.run(can_ask(server.url))
    finally:
        machine.docker_lacks.cache_clear()
    assert "postgres:17-alpine" in said[0]
    assert "no route to the registry" in said[0]
