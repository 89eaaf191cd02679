"""When the client tries again: what the hub asks, else longer and longer, and never for ever."""

from __future__ import annotations

import ssl
import time
from email.utils import formatdate

import httpx
import pytest

from postbode_client.errors import Unreachable
from postbode_client.patience import Patience
from postbode_client.wire import Reply


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def away(**headers: str) -> Reply:
    return Reply(503, headers, {})


def test_what_the_hub_asks_for_is_done() -> None:
    patience = Patience(60)
    assert patience.after(away(**{"retry-after": "7"})) == 7
    assert 18 <= patience.after(away(**{"retry-after": formatdate(time.time() + 20, usegmt=True)})) <= 20
    for nonsense in ("soon", "-5", "1e3", "٣"):
        assert Patience(60).after(away(**{"retry-after": nonsense})) <= 0.5


def test_waits_double_to_half_a_minute_and_differ() -> None:
    patience = Patience(1e6)
    waits = [patience.after(away()) for _ in range(12)]
    for n, wait in enumerate(waits):
        span = min(0.5 * 2**n, 30)
        assert span / 2 <= wait <= span
    assert len(set(waits[7:])) > 1


def test_it_ends_before_a_wait_that_would_be_too_long_and_names_the_key() -> None:
    clock = Clock()
    patience = Patience(10, "k-1", clock)
    clock.now += 8
    assert patience.after(away(**{"retry-after": "2"})) == 2
    with pytest.raises(Unreachable, match="503") as said:
        patience.after(away(**{"retry-after": "3"}))
    assert said.value.key == "k-1"
    patience.progress()
    assert patience.after(away(**{"retry-after": "3"})) == 3


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_connection_that_fails_is_tried_again(kind: type[httpx.TransportError]) -> None:
    assert Patience(10).after_failure(kind("")) <= 0.5


def test_a_certificate_nobody_trusts_is_not_waited_for() -> None:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    with pytest.raises(Unreachable, match="not trusted"):
        Patience(1e9).after_failure(error)
    with pytest.raises(Unreachable):
        Patience(1e9).after_failure(httpx.UnsupportedProtocol("ftp"))
