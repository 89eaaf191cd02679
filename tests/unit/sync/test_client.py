"""Answers of Purchase to Pay that are none."""

from __future__ import annotations

import httpx
import pytest

from services.sync.p2p.client import P2P, Account, P2PAway


async def test_the_same_page_again_and_again_ends() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "x"})
        return httpx.Response(200, json=[{"externalId": "1"}, {"externalId": "2"}])

    p2p = P2P(Account("http://p2p.example", "a", "b", "c"), transport=httpx.MockTransport(answer))
    with pytest.raises(P2PAway) as refused:
        await p2p.every("Currency")
    assert refused.value.code == "p2p-unreadable"
    await p2p.close()


async def test_half_a_pair_of_surrogates_does_not_stop_a_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "x"})
        page = (
            b'[{"externalId": "1", "name": "a\\ud800b\\u0000"}]'
            if request.url.params["page"] == "1"
            else b"[]"
        )
        return httpx.Response(200, content=page)

    p2p = P2P(Account("http://p2p.example", "a", "b", "c"), transport=httpx.MockTransport(answer))
    assert await p2p.every("Currency") == [{"externalId": "1", "name": "a?b"}]
    await p2p.close()


async def test_who_is_told_to_wait_waits_however_often_also_when_signing_in() -> None:
    told = {"/token": 0, "/api/Currency/Update": 0}

    def answer(request: httpx.Request) -> httpx.Response:
        told[request.url.path] += 1
        if told[request.url.path] <= (2 if request.url.path == "/token" else 30):
            return httpx.Response(429, headers={"Retry-After": "0"})
        return httpx.Response(200, json={"access_token": "x"})

    p2p = P2P(Account("http://p2p.example", "a", "b", "c"), transport=httpx.MockTransport(answer))
    await p2p.update("Currency", {"externalId": "EUR"})
    assert told == {"/token": 3, "/api/Currency/Update": 31}
    await p2p.close()
