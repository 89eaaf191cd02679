"""A password is guessed, a mail asked for and an invoice handed over as often with many replicas as with one."""

from __future__ import annotations

import asyncio
import base64

from libs.db.settings import DatabaseSettings
from libs.http.client import client
from libs.testing import builders
from tests.integration.ingest.door import Replica, replica


async def test_replicas_count_tries_together_and_an_address_alone(database: DatabaseSettings) -> None:
    async with replica(database) as one, replica(database) as other, client() as http:

        async def guess(number: int, address: str) -> int:
            basic = base64.b64encode(f"{address}:poging {number}".encode()).decode()
            door = one if number % 2 else other
            reply = await http.get(f"{door.url}/v1/keys", headers={"Authorization": f"Basic {basic}"})
            if reply.status_code == 429:
                assert 0 < int(reply.headers["retry-after"]) <= 30
            return reply.status_code

        assert [await guess(n, "jan@bakker.example") for n in range(12)] == [401] * 10 + [429] * 2
        assert await guess(12, "piet@bakker.example") == 401

        async def forgot(number: int, address: str) -> int:
            door = one if number % 2 else other
            asked = {"email": address}
            return (await http.post(f"{door.url}/v1/accounts/resets", json=asked)).status_code

        assert [await forgot(n, "jan@bakker.example") for n in range(5)] == [202] * 3 + [429] * 2
        assert await forgot(5, "piet@bakker.example") == 202
        pool = await one.pools.get("ingest", "worker")
        assert await pool.fetchval("SELECT count(*) FROM guess") == 5, "two of each, and one of all mails"
        await pool.execute("DELETE FROM guess")
        assert await guess(13, "jan@bakker.example") == 401


async def test_replicas_take_together_what_an_account_may_hand_over(database: DatabaseSettings) -> None:
    limits = {"requests_per_second": 0.001, "requests_burst": 40}
    async with replica(database, **limits) as one, replica(database, **limits) as other, client() as http:
        _, bakker = await one.supplier()
        _, visser = await one.supplier("Visser")

        async def post(door: Replica, login: dict[str, str]) -> tuple[int, str]:
            reply = await http.post(f"{door.url}/v1/submissions", headers=login, content=builders.invoice())
            return reply.status_code, reply.headers["ratelimit"].split(";")[1]

        assert await post(one, bakker) == (202, "r=39")
        said = await asyncio.gather(*(post((one, other)[n % 2], bakker) for n in range(45)))
        assert [status for status, _ in said].count(202) == 39
        assert await post(other, visser) == (202, "r=39")
        pool = await one.pools.get("ingest", "worker")
        assert await pool.fetchval("SELECT count(*) FROM guess") == 2, "one of each account"
