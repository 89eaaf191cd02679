"""The name both files get: safe on every file system, and never another delivery's."""

from __future__ import annotations

import re
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deliver.parcel import base_name
from tests.unit.deliver.sample import summary

ONE, TWO = UUID(int=1), UUID(int=2)


def test_it_can_be_read() -> None:
    assert base_name(summary("F1"), ONE) == f"2026-11-02_F1_{ONE.hex}"


@given(number=st.text(max_size=200), day=st.none() | st.dates())
def test_it_is_safe_whatever_the_number(number: str, day: date | None) -> None:
    name = base_name(summary(number, issue_date=day), ONE)
    assert re.fullmatch(r"[a-z0-9][A-Za-z0-9._-]*", name)
    assert len(name) <= 105
    assert name.endswith(ONE.hex)


@given(number=st.text(max_size=80))
def test_the_same_number_twice_is_two_names(number: str) -> None:
    assert base_name(summary(number), ONE) != base_name(summary(number), TWO)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("2026/0117", "2026-0117"), ("../../etc/passwd", "etc-passwd"), ("...", "factuur"), (None, "factuur")],
)
def test_numbers_that_would_lead_elsewhere(number: str | None, shown: str) -> None:
    assert base_name(summary(number), ONE) == f"2026-11-02_{shown}_{ONE.hex}"
