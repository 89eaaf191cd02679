"""A password is guessed, and a mail asked for, as often with many replicas as with one."""

from __future__ import annotations

import base64

from libs.db.settings import DatabaseSettings
from libs.http.client import client
from tests.integration.ingest.door import replica


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
