"""Addresses that bounces come back to."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs import clock
from services.deliver import plan
from services.deliver.email.return_paths import ReturnPaths

PATHS = ReturnPaths("terug.hub.example", b"a key")


@given(st.uuids(), st.integers(1, 999_999))
def test_what_is_made_is_read_also_in_capitals(delivery_id: UUID, attempt: int) -> None:
    address = PATHS.of(delivery_id, attempt)
    assert plan.mail_address(address) == address
    assert PATHS.read(address) == PATHS.read(address.upper()) == (delivery_id, attempt)


@pytest.mark.parametrize("change", [("b-", "c-"), ("terug.", "x."), ("-", ""), ("@", "")])
def test_what_nobody_made_is_read_as_nothing(change: tuple[str, str]) -> None:
    assert PATHS.read(PATHS.of(clock.uuid7(), 1).replace(*change)) is None


def test_nobody_makes_one_for_another_delivery_or_attempt() -> None:
    one, other = clock.uuid7(), clock.uuid7()
    assert PATHS.read(PATHS.of(one, 1).replace(one.hex, other.hex)) is None
    assert PATHS.read(PATHS.of(one, 1).replace("-1-", "-2-")) is None
    assert PATHS.read(ReturnPaths("terug.hub.example", b"another").of(one, 1)) is None
    assert PATHS.read("é" + PATHS.of(one, 1)) is None
