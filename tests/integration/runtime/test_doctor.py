"""``postbode doctor`` beside a hub that is well, and beside one where five things are wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest
from typer.testing import CliRunner

from libs import clock
from libs.contracts.topology import TOPOLOGY
from libs.db.settings import DatabaseSettings
from libs.messaging import AmqpTransport
from libs.testing import certificates
from services import doctor


@pytest.fixture
def hub(
    database: DatabaseSettings, amqp_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.MonkeyPatch:
    """The settings of a process; the topology is there."""
    for name, value in (
        ("DATABASE_URL", database.url),
        ("SECRET", database.secret),
        ("AMQP_URL", amqp_url),
        ("DELIVER_FOLDER_ROOT", str(tmp_path)),
    ):
        monkeypatch.setenv(f"POSTBODE_{name}", value)

    async def declare() -> None:
        transport = AmqpTransport(amqp_url)
        await transport.start()
        await transport.apply(TOPOLOGY)
        await transport.stop()

    asyncio.run(declare())
    return monkeypatch


def asked(*arguments: str) -> tuple[int, Mapping[tuple[str | None, str], tuple[str, str]]]:
    """Exit code, and by service and check how it stands and what is said in Dutch."""
    done = CliRunner().invoke(doctor.app, ["--json", *arguments])
    found = json.loads(done.stdout)
    return done.exit_code, {
        (each["service"], each["check"]): (each["state"], each["words"]["nl"]) for each in found["findings"]
    }


def test_a_key_that_is_missing_is_named(hub: pytest.MonkeyPatch) -> None:
    hub.delenv("POSTBODE_SECRET")
    hub.setenv("POSTBODE_OWN_KEYS", json.dumps({"token introspection": "0f" * 32}))
    code, found = asked("--service", "route")
    assert code == 1
    state, said = found["route", "database"]
    assert (state, "“route_worker”" in said) == ("wrong", True)


def test_a_hub_that_is_well(hub: pytest.MonkeyPatch) -> None:
    code, found = asked()
    assert code == 0
    assert [each for each in found.items() if each[1][0] == "wrong"] == []
    for service in ("ingest", "validate", "route", "deliver", "track", "sync"):
        for check in ("settings", "database", "schema", "clock", "queues"):
            assert (service, check) in found
    assert found["ingest", "database"][1].startswith("PostgreSQL 1")
    assert ("deliver", "disk") in found
    plain = CliRunner().invoke(doctor.app, ["--service", "portal", "--lang", "en"])
    assert plain.exit_code == 0
    assert "0 wrong" in plain.stdout


def test_what_is_wrong_is_named_with_what_to_do(
    hub: pytest.MonkeyPatch, database: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    ended = certificates.pem(tmp_path, "mail", ends=clock.now() - timedelta(days=1))
    hub.setenv("POSTBODE_INGEST_SMTP_CERTIFICATE", str(ended))
    hub.setenv("POSTBODE_DELIVER_LEAST_FREE_BYTES", str(2**60))

    async def break_things() -> None:
        conn = await asyncpg.connect(database.url)
        await conn.execute(
            "INSERT INTO route.migration (name, checksum) VALUES ('migrations/0999_post_x.sql', '')"
        )
        await conn.execute("DELETE FROM track.migration WHERE name LIKE '%0002_pre_ledger.sql'")
        await conn.close()
        connection = await aio_pika.connect(amqp_url)
        channel = await connection.channel()
        await channel.queue_delete("validate.received")
        await channel.queue_delete("deliver.routed")
        weaker: dict[str, Any] = {**TOPOLOGY.queue("deliver.routed").arguments, "x-overflow": "drop-head"}
        await channel.declare_queue("deliver.routed", durable=True, arguments=weaker)
        await connection.close()

    asyncio.run(break_things())
    code, found = asked()
    assert code == 1
    wrong = {where: said for where, (state, said) in found.items() if state == "wrong"}
    for where, word in {
        ("ingest", "certificate"): "verlopen",
        ("deliver", "disk"): "maak ruimte",
        ("route", "schema"): "nieuwere versie",
        ("track", "schema"): "0002_pre_ledger.sql",
        ("validate", "queues"): "validate.received",
        ("deliver", "queues"): "x-overflow",
    }.items():
        assert word in wrong.pop(where), where
    assert wrong == {}


def test_beside_an_api_queues_are_not_looked_at(hub: pytest.MonkeyPatch) -> None:
    """It is told of no broker, for it needs none: that is not wrong."""
    hub.delenv("POSTBODE_AMQP_URL")
    code, found = asked("--service", "route")
    assert code == 0
    state, said = found["route", "queues"]
    assert (state, "POSTBODE_AMQP_URL" in said) == ("look", True)


def test_a_database_that_is_away_is_one_finding_each(hub: pytest.MonkeyPatch) -> None:
    hub.setenv("POSTBODE_DATABASE_URL", "postgresql://127.0.0.1:9/x")
    code, found = asked("--service", "route")
    assert code == 1
    assert found["route", "database"][0] == "wrong"
    assert ("route", "schema") not in found


def test_wrong_settings_end_with_78_and_name_the_variable(hub: pytest.MonkeyPatch) -> None:
    hub.setenv("POSTBODE_INGEST_SMTP_CERTIFICATE", "/nope.pem")
    code, found = asked("--service", "ingest", "--service", "portal")
    assert code == 78
    assert "POSTBODE_INGEST_SMTP_CERTIFICATE: /nope.pem" in found["ingest", "settings"][1]
    assert found["portal", "settings"][0] == "ok"
