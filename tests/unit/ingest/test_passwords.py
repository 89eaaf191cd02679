"""Passwords: what is remembered, for how long, and how many wait."""

from __future__ import annotations

import asyncio
import threading

import pytest

from services.ingest.access import passwords
from services.ingest.access.credentials import basic
from services.ingest.access.passwords import Busy, Passwords


async def test_what_was_right_is_remembered_and_what_was_wrong_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    found = Passwords(time=lambda: now[0])
    stored = await found.hashed("een lang wachtwoord")
    assert stored.startswith("$argon2id$")
    assert not found.known("een lang wachtwoord", stored)
    assert not await found.matches("een ander wachtwoord", stored)
    assert not found.known("een ander wachtwoord", stored)
    assert await found.matches("een lang wachtwoord", stored)
    assert found.known("een lang wachtwoord", stored)
    assert not found.known("een lang wachtwoord", stored + "x"), "changed since"
    assert not found.known("een lang wachtwoord", None)
    now[0] = passwords.SECONDS
    assert not found.known("een lang wachtwoord", stored)


async def test_nobody_takes_as_long_and_is_never_right() -> None:
    assert not await Passwords().matches("x", None)
    assert not await Passwords().matches("x", "")


async def test_a_crowd_is_sent_away_and_the_loop_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(passwords, "_matches", lambda *_: go.wait(30))
    found = Passwords()
    crowd = [asyncio.create_task(found.matches(str(n), "stored")) for n in range(passwords.WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await found.matches("one more", "stored")
    go.set()
    assert all(await asyncio.gather(*crowd))
    assert len(found._right) == passwords.WAITING
    monkeypatch.setattr(passwords, "REMEMBERED", 3)
    await found.matches("the last", "stored")
    assert len(found._right) == 3


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("Basic QUBiLm5sOnA6dw==", ("a@b.nl", "p:w")),
        ("basic YUBiLm5sOg==", ("a@b.nl", "")),
        ("Basic YUBiLm5s", None),
        ("Basic !!!", None),
        ("Basic /w==", None),
        ("Basic AEA6eA==", None),
        ("Bearer x", None),
        (None, None),
    ],
)
def test_basic_is_read_as_rfc_7617_writes_it(header: str | None, read: tuple[str, str] | None) -> None:
    assert basic(header) == read
