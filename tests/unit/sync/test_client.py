"""Answers of Purchase to Pay that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from libs.http.session import Answer
from services.sync.p2p.client import P2P, Account, P2PAway, P2PRefusesUs, _retry_after


class Answers:
    """Instead of a session: lets everybody in, and answers the rest as it is told."""

    def __init__(self, answer: Callable[[str, Mapping[str, str]], Answer]) -> None:
        self._answer = answer
        self.told: Counter[str] = Counter()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        self.told[path] += 1
        return self._answer(path, query or {})

    async def close(self) -> None:
        return None


def page(content: bytes, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def letting_in(answer: Callable[[Mapping[str, str]], Answer]) -> P2P:
    token = page(b'{"access_token": "x"}')
    answers = Answers(lambda path, query: token if path == "/token" else answer(query))
    return P2P(Account("http://p2p.example", "a", "b", "c"), asking=answers)


@pytest.mark.parametrize(
    "content",
    [
        b'[{"externalId": "1"}, {"externalId": "2"}]',  # the same page again and again
        b"<html>",
        b"[" * 200_000,
        b"[1, 2]",
        b'{"error": "x"}',
    ],
    ids=["again", "html", "deep", "numbers", "no list"],
)
async def test_what_is_no_list_of_records_ends(content: bytes) -> None:
    with pytest.raises(P2PAway):
        await letting_in(lambda _: page(content)).every("Currency")


async def test_half_a_pair_of_surrogates_does_not_stop_a_page() -> None:
    odd = page(b'[{"externalId": "1", "name": "a\\ud800b\\u0000"}]')
    p2p = letting_in(lambda query: odd if query["page"] == "1" else page(b"[]"))
    assert await p2p.every("Currency") == [{"externalId": "1", "name": "a?b"}]


async def test_who_is_told_to_wait_waits_however_often_also_when_signing_in() -> None:
    def answer(path: str, query: Mapping[str, str]) -> Answer:
        if answers.told[path] <= (2 if path == "/token" else 30):
            return page(b"", 429, retry_after="0")
        return page(b'\xef\xbb\xbf{"access_token": "x"}')

    answers = Answers(answer)
    p2p = P2P(Account("http://p2p.example", "a", "b", "c"), asking=answers)
    await p2p.update("Currency", {"externalId": "EUR"})
    assert answers.told == {"/token": 3, "/api/Currency/Update": 31}


def test_who_prints_an_account_prints_no_secret() -> None:
    shown = repr(Account("http://p2p.example", "api", "wachtwoord", "sleutel"))
    assert "api" in shown
    assert "wachtwoord" not in shown
    assert "sleutel" not in shown


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Mon, 02 Mar 2026 10:00:09 GMT", 9.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.01),
        ("Mon, 02 Mar 2099 10:00:00 GMT", 120.0),
        ("straks", 1.0),
        ("", 1.0),
    ],
)
def test_how_long_purchase_to_pay_wants_us_to_wait(said: str, seconds: float) -> None:
    assert _retry_after(page(b"", 429, retry_after=said, date="Mon, 02 Mar 2026 10:00:00 GMT")) == seconds


@pytest.mark.parametrize("address", ["http://p2p.example:port", "http://", "http://[::1", "http://a..b"])
async def test_an_address_that_cannot_be_is_told(address: str) -> None:
    p2p = P2P(Account(address, "a", "b", "c"))
    with pytest.raises((P2PAway, P2PRefusesUs)):
        await p2p.sign_in()
    await p2p.close()
